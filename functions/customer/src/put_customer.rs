//! Keeps a customer: their name, their address for emails, and whether they may order.

use chorus_events::CustomerId;
use chorus_events::customer::CustomerUpdated;
use chorus_events::table::rows::{self, PutCustomerInput, PutCustomerOutput};
use chorus_kernel::{Action, ActionError, Context, Decision, Found, save};

use crate::Customer;

pub(crate) struct PutCustomer;

impl Action for PutCustomer {
    type Row = rows::PutCustomer;
    type State = Found<Customer>;

    fn keys(&self, PutCustomerInput::PutCustomer(command): &PutCustomerInput) -> CustomerId {
        command.customer_id.clone()
    }

    fn owner(
        &self,
        PutCustomerInput::PutCustomer(command): &PutCustomerInput,
        _: &Self::State,
    ) -> Option<String> {
        Some(command.customer_id.to_string())
    }

    fn decide(
        &self,
        PutCustomerInput::PutCustomer(command): &PutCustomerInput,
        known: &Self::State,
        context: &Context<'_>,
    ) -> Result<Decision<PutCustomerOutput>, ActionError> {
        let customer = Customer {
            customer_id: command.customer_id.clone(),
            name: command.name.clone(),
            email: command.email.clone(),
            blocked: match context.is_of_customer() {
                true => known.as_ref().is_some_and(|known| known.blocked),
                false => command.blocked,
            },
            revision: known.as_ref().map_or(1, |known| known.revision + 1),
            updated_at: Some(context.metadata().occurred_at),
            key_id: command.key_id.clone(),
        };
        if known.as_ref().is_some_and(|known| {
            let (revision, updated_at, key_id) =
                (known.revision, known.updated_at, known.key_id.clone());
            Customer { revision, updated_at, key_id, ..customer.clone() } == known.value
        }) {
            return Ok(Decision::nothing("the customer is known like this already"));
        }
        Ok(Decision::emit(CustomerUpdated {
            customer_id: customer.customer_id.clone(),
            name: customer.name.clone(),
            email: customer.email.clone(),
            revision: customer.revision,
        })
        .with(save(known.as_ref(), &customer)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::customer::sample;
    use chorus_events::commands::PutCustomer as Command;
    use chorus_events::samples;
    use chorus_kernel::testing::{Stored, decide, decide_on, message};
    use chorus_kernel::{Message, SealingKey, Versioned, create, replace};
    use chorus_table::{Event, Sealed};

    fn renamed() -> Sealed {
        SealingKey::new(samples::PERSON_KEY).seal("Ana López")
    }

    #[test]
    fn a_new_customer_is_revision_one_and_every_change_counts_up() {
        let decision = decide(&PutCustomer, Command::sample(), &Stored::default()).unwrap();
        assert_eq!(decision.changes(), [create(&sample())]);
        let known = Customer { blocked: true, revision: 6, ..sample() };
        let known = Versioned { version: 9, value: known };
        let stored = Stored::default().with(9, &known.value);
        let decision = decide(&PutCustomer, Command::sample(), &stored).unwrap();
        let next = Customer { revision: 7, ..sample() };
        assert_eq!(decision.changes(), [replace(&known, &next)]);
        let [PutCustomerOutput::CustomerUpdated(updated)] = decision.events() else { panic!() };
        assert_eq!(updated.revision, 7);
    }

    #[test]
    fn a_blocked_customer_who_changes_their_name_stays_blocked() {
        let known = Customer { blocked: true, ..sample() };
        let message = Message { customer: Some(known.customer_id.to_string()), ..message() };
        let command = Command { name: renamed(), ..Command::sample() };
        let stored = Stored::default().with(1, &known);
        let decision = decide_on(&PutCustomer, command, &message, &stored).unwrap();
        let next = Customer { name: renamed(), revision: 2, ..known.clone() };
        let known = Versioned { version: 1, value: known };
        assert_eq!(decision.changes(), [replace(&known, &next)]);
    }

    #[test]
    fn a_customer_who_has_not_changed_is_not_news() {
        let stored = Stored::default().with(3, &Customer { revision: 3, ..sample() });
        let decision = decide(&PutCustomer, Command::sample(), &stored).unwrap();
        assert!(decision.events().is_empty() && decision.changes().is_empty());
    }
}
