//! Prepares the declaration of an order that leaves the country.

use chorus_events::customs::CustomsDeclared;
use chorus_events::table::rows::{self, PrepareDeclarationInput, PrepareDeclarationOutput};
use chorus_kernel::{Action, Decision, Given, Loaded, Read, Refusal, create};

use crate::Declaration;

/// The row, in code.
#[derive(Debug)]
pub(crate) struct PrepareDeclaration;

impl Action for PrepareDeclaration {
    type Row = rows::PrepareDeclaration;

    fn reads(&self, input: &PrepareDeclarationInput) -> Vec<Read> {
        let PrepareDeclarationInput::OrderCreated(order) = input;
        vec![Read::entity::<Declaration>(&order.order_id)]
    }

    fn decide(
        &self,
        given: &Given<'_, PrepareDeclarationInput>,
        loaded: &Loaded,
    ) -> Result<Decision<PrepareDeclarationOutput>, Refusal> {
        let PrepareDeclarationInput::OrderCreated(order) = given.input;
        if loaded.entity::<Declaration>(&order.order_id)?.is_some() {
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
    use chorus_kernel::testing::decide;
    use chorus_table::Event;

    #[test]
    fn an_order_that_leaves_the_country_is_declared_at_its_worth() {
        let decision =
            decide(&PrepareDeclaration, OrderCreated::sample(), &Loaded::default()).unwrap();
        let [PrepareDeclarationOutput::CustomsDeclared(declared)] = decision.events() else {
            panic!("{decision:?}")
        };
        assert_eq!((declared.country.as_str(), declared.value), ("Mexico", samples::total()));
        assert_eq!(decision.changes().len(), 1);
    }

    #[test]
    fn no_order_is_declared_twice() {
        let order = OrderCreated::sample();
        let declaration = Declaration {
            order_id: order.order_id.clone(),
            country: order.country.clone(),
            value: order.total,
            lines: order.lines.clone(),
        };
        let loaded = Loaded::default().with(1, &declaration);
        let decision = decide(&PrepareDeclaration, order, &loaded).unwrap();
        assert!(decision.events().is_empty() && decision.changes().is_empty());
    }
}
