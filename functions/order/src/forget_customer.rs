//! Forgets a customer: destroys the key under which the customer's personal data is encrypted.

use chorus_events::order::CustomerForgotten;
use chorus_events::table::rows::{self, ForgetCustomerInput, ForgetCustomerOutput};
use chorus_kernel::{Action, ActionError, Context, Decision, Found, PersonKey, save};

/// Forgets a customer, even a customer with orders under way. Only the HTTP route that sends the
/// command refuses to forget a customer with such orders.
pub(crate) struct ForgetCustomer;

impl Action for ForgetCustomer {
    type Row = rows::ForgetCustomer;
    type State = Found<PersonKey>;

    fn keys(&self, ForgetCustomerInput::ForgetCustomer(command): &ForgetCustomerInput) -> String {
        command.customer_id.to_string()
    }

    fn owner(
        &self,
        ForgetCustomerInput::ForgetCustomer(command): &ForgetCustomerInput,
        _: &Self::State,
    ) -> Option<String> {
        Some(command.customer_id.to_string())
    }

    fn decide(
        &self,
        ForgetCustomerInput::ForgetCustomer(command): &ForgetCustomerInput,
        known: &Self::State,
        context: &Context<'_>,
    ) -> Result<Decision<ForgetCustomerOutput>, ActionError> {
        if known.as_ref().is_some_and(|known| known.key.is_none()) {
            return Ok(Decision::nothing("the customer was forgotten before"));
        }
        let customer_id = command.customer_id.clone();
        let forgotten_at = context.metadata().occurred_at;
        let destroyed = PersonKey::destroyed(customer_id.to_string(), forgotten_at);
        let key_id = known.as_ref().and_then(|known| known.key).map(|key| key.id());
        Ok(Decision::emit(CustomerForgotten { customer_id, forgotten_at, key_id })
            .with(save(known.as_ref(), &destroyed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::commands::ForgetCustomer as Command;
    use chorus_events::samples;
    use chorus_kernel::testing::{Stored, decide};
    use chorus_kernel::{SealingKey, Versioned, create, replace};
    use chorus_table::Event;

    fn key() -> PersonKey {
        let key = Some(SealingKey::new(samples::PERSON_KEY));
        PersonKey { key, ..gone() }
    }

    fn gone() -> PersonKey {
        PersonKey::destroyed(samples::customer_id().to_string(), samples::moment())
    }

    #[test]
    fn whoever_is_forgotten_has_no_key_any_more() {
        let stored = Stored::default().with(1, &key());
        let decision = decide(&ForgetCustomer, Command::sample(), &stored).unwrap();
        let read = Versioned { version: 1, value: key() };
        assert_eq!(decision.changes(), [replace(&read, &gone())]);
        let [ForgetCustomerOutput::CustomerForgotten(event)] = decision.events() else { panic!() };
        assert_eq!(event.forgotten_at, samples::moment());
        assert_eq!(event.key_id, Some(samples::key_id()));
    }

    #[test]
    fn a_customer_of_an_earlier_release_has_no_key_and_is_forgotten_all_the_same() {
        let decision = decide(&ForgetCustomer, Command::sample(), &Stored::default()).unwrap();
        assert_eq!(decision.changes(), [create(&gone())]);
        assert_eq!(decision.events().len(), 1);
    }

    #[test]
    fn a_customer_is_forgotten_once() {
        let stored = Stored::default().with(2, &gone());
        let decision = decide(&ForgetCustomer, Command::sample(), &stored).unwrap();
        assert!(decision.events().is_empty() && decision.changes().is_empty());
    }
}
