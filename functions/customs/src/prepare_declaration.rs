//! Prepares the customs declaration of an order that leaves the country.

use chorus_events::OrderId;
use chorus_events::customs::CustomsDeclared;
use chorus_events::table::rows::{self, PrepareDeclarationInput, PrepareDeclarationOutput};
use chorus_kernel::{Action, ActionError, Context, Decision, Found, create};

use crate::Declaration;

pub(crate) struct PrepareDeclaration;

impl Action for PrepareDeclaration {
    type Row = rows::PrepareDeclaration;
    type State = Found<Declaration>;

    fn keys(
        &self,
        PrepareDeclarationInput::OrderCreated(order): &PrepareDeclarationInput,
    ) -> OrderId {
        order.order_id.clone()
    }

    fn decide(
        &self,
        PrepareDeclarationInput::OrderCreated(order): &PrepareDeclarationInput,
        declared: &Self::State,
        _: &Context<'_>,
    ) -> Result<Decision<PrepareDeclarationOutput>, ActionError> {
        if declared.is_some() {
            return Ok(Decision::nothing("the order was declared before"));
        }
        let declaration = Declaration {
            order_id: order.order_id.clone(),
            country: order.country.clone(),
            value: order.total,
            lines: order.lines.clone(),
        };
        Ok(Decision::emit(CustomsDeclared {
            order_id: declaration.order_id.clone(),
            country: declaration.country.clone(),
            value: declaration.value,
        })
        .with(create(&declaration)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::order::OrderCreated;
    use chorus_events::samples;
    use chorus_kernel::testing::{Stored, decide};
    use chorus_table::Event;

    fn declaration() -> Declaration {
        let order = OrderCreated::sample();
        let (order_id, country, lines) = (order.order_id, order.country, order.lines);
        Declaration { order_id, country, value: order.total, lines }
    }

    #[test]
    fn an_order_that_leaves_the_country_is_declared_at_its_worth() {
        let decision =
            decide(&PrepareDeclaration, OrderCreated::sample(), &Stored::default()).unwrap();
        let [PrepareDeclarationOutput::CustomsDeclared(declared)] = decision.events() else {
            panic!("{decision:?}")
        };
        assert_eq!((declared.country.as_str(), declared.value), ("MX", samples::total()));
        assert_eq!(decision.changes(), [create(&declaration())]);
    }

    #[test]
    fn no_order_is_declared_twice() {
        let stored = Stored::default().with(1, &declaration());
        let decision = decide(&PrepareDeclaration, OrderCreated::sample(), &stored).unwrap();
        assert!(decision.events().is_empty() && decision.changes().is_empty());
    }
}
