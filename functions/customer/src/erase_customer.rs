//! Erases the data that the service stores about a customer who was forgotten.

use chorus_events::CustomerId;
use chorus_events::customer::CustomerErased;
use chorus_events::order::CustomerForgotten;
use chorus_events::table::rows::{self, EraseCustomerInput, EraseCustomerOutput};
use chorus_kernel::{Action, ActionError, Context, Decision, Found, replace};

use crate::Customer;

pub(crate) struct EraseCustomer;

impl Action for EraseCustomer {
    type Row = rows::EraseCustomer;
    type State = Found<Customer>;

    fn keys(
        &self,
        EraseCustomerInput::CustomerForgotten(forgotten): &EraseCustomerInput,
    ) -> CustomerId {
        forgotten.customer_id.clone()
    }

    fn decide(
        &self,
        EraseCustomerInput::CustomerForgotten(forgotten): &EraseCustomerInput,
        known: &Self::State,
        _: &Context<'_>,
    ) -> Result<Decision<EraseCustomerOutput>, ActionError> {
        let Some(known) = known else {
            return Ok(Decision::nothing("no such customer is known"));
        };
        if known.is_erased() {
            return Ok(Decision::nothing("the customer was erased before"));
        }
        if has_come_back(known, forgotten) {
            return Ok(Decision::nothing("the customer has come back since"));
        }
        let erased = known.erased();
        Ok(Decision::emit(CustomerErased {
            customer_id: erased.customer_id.clone(),
            revision: erased.revision,
        })
        .with(replace(known, &erased)))
    }
}

/// Whether the customer was stored again after being forgotten. The customer's `key_id` then
/// differs from the id of the destroyed key. A customer whom an earlier release stored has no
/// `key_id`; then the customer was stored again if `updated_at` is after `forgotten_at`.
fn has_come_back(known: &Customer, forgotten: &CustomerForgotten) -> bool {
    match &known.key_id {
        Some(key) => forgotten.key_id.as_ref() != Some(key),
        None => known.updated_at.is_some_and(|at| at > forgotten.forgotten_at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::customer::sample;
    use chorus_events::samples;
    use chorus_kernel::Versioned;
    use chorus_kernel::testing::{Stored, decide};
    use chorus_table::Event;

    fn decided(stored: &Stored) -> Decision<EraseCustomerOutput> {
        decide(&EraseCustomer, CustomerForgotten::sample(), stored).unwrap()
    }

    #[test]
    fn name_and_address_go_and_revisions_go_on() {
        let decision = decided(&Stored::default().with(3, &sample()));
        let read = Versioned { version: 3, value: sample() };
        let erased = sample().erased();
        assert!(erased.is_erased() && erased.revision == 2);
        assert_eq!(decision.changes(), [replace(&read, &erased)]);
        let [EraseCustomerOutput::CustomerErased(event)] = decision.events() else { panic!() };
        assert_eq!(event.revision, 2);
    }

    #[track_caller]
    fn stays(customer: &Customer) {
        let decision = decided(&Stored::default().with(3, customer));
        assert!(decision.events().is_empty() && decision.changes().is_empty());
    }

    #[test]
    fn whoever_came_back_after_they_were_forgotten_stays() {
        let key_id = Some("another".to_owned());
        stays(&Customer { key_id, ..sample() });
        stays(&Customer {
            key_id: None,
            updated_at: Some(samples::estimated_arrival()),
            ..sample()
        });
    }

    #[test]
    fn a_clock_that_is_slow_keeps_nobody_from_being_erased() {
        let kept = Customer { updated_at: Some(samples::estimated_arrival()), ..sample() };
        assert_eq!(decided(&Stored::default().with(3, &kept)).events().len(), 1);
    }

    #[test]
    fn a_customer_is_erased_once() {
        stays(&sample().erased());
    }

    #[test]
    fn nobody_is_erased_where_nobody_is_known() {
        let decision = decided(&Stored::default());
        assert!(decision.events().is_empty() && decision.changes().is_empty());
    }
}
