//! Keeps a customer: their name, their address for emails, and whether they may order.

use chorus_events::customer::CustomerUpdated;
use chorus_events::table::rows::{self, PutCustomerInput, PutCustomerOutput};
use chorus_events::{CustomerId, is_plain_text};
use chorus_kernel::{Action, ActionError, Context, Decision, Found, save};

use crate::Customer;

/// The longest name, in characters.
pub(crate) const MAX_NAME: usize = 200;

/// The longest address that a mail server must take, in characters (RFC 5321, section 4.5.3.1).
pub(crate) const MAX_EMAIL: usize = 254;

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
        check_name(&command.name)?;
        check_email(&command.email)?;
        let customer = Customer {
            customer_id: command.customer_id.clone(),
            name: command.name.clone(),
            email: command.email.clone(),
            blocked: match context.is_of_customer() {
                true => known.as_ref().is_some_and(|known| known.blocked),
                false => command.blocked,
            },
            revision: known.as_ref().map_or(1, |known| known.revision + 1),
        };
        if known.as_ref().is_some_and(|known| {
            Customer { revision: known.revision, ..customer.clone() } == known.value
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

fn check_name(name: &str) -> Result<(), ActionError> {
    if is_plain_text(name, MAX_NAME) {
        return Ok(());
    }
    Err(ActionError::invalid("/name", format!("must be 1 to {MAX_NAME} characters of plain text")))
}

/// Looks only for what no address lacks: whether it exists, an email finds out.
fn check_email(email: &str) -> Result<(), ActionError> {
    let mut parts = email.split('@');
    let halves = (parts.next(), parts.next(), parts.next());
    let whole =
        matches!(halves, (Some(user), Some(host), None) if !user.is_empty() && !host.is_empty());
    let odd = |character: char| character.is_whitespace() || character.is_control();
    if whole && email.chars().count() <= MAX_EMAIL && !email.chars().any(odd) {
        return Ok(());
    }
    let rule =
        format!("must be an address such as ana@example.com, of at most {MAX_EMAIL} characters");
    Err(ActionError::invalid("/email", rule))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::customer::sample;
    use chorus_events::commands::PutCustomer as Command;
    use chorus_kernel::testing::{Stored, decide, decide_on, message};
    use chorus_kernel::{Message, Versioned, create, replace};
    use chorus_table::Event;

    fn refusal(command: Command) -> String {
        decide(&PutCustomer, command, &Stored::default()).unwrap_err().to_string()
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
        let command = Command { name: "Ana López".to_owned(), ..Command::sample() };
        let stored = Stored::default().with(1, &known);
        let decision = decide_on(&PutCustomer, command, &message, &stored).unwrap();
        let next = Customer { name: "Ana López".to_owned(), revision: 2, ..known.clone() };
        let known = Versioned { version: 1, value: known };
        assert_eq!(decision.changes(), [replace(&known, &next)]);
    }

    #[test]
    fn a_customer_who_has_not_changed_is_not_news() {
        let stored = Stored::default().with(3, &Customer { revision: 3, ..sample() });
        let decision = decide(&PutCustomer, Command::sample(), &stored).unwrap();
        assert!(decision.events().is_empty() && decision.changes().is_empty());
    }

    #[test]
    fn an_email_without_two_sides_is_refused_with_the_field_and_the_rule() {
        let long = format!("{}@example.com", "a".repeat(MAX_EMAIL));
        for email in ["", "ana", "@example.com", "ana@", "a@b@c", "a b@c", "a@b\nBcc: c", &long] {
            let refusal = refusal(Command { email: email.to_owned(), ..Command::sample() });
            assert!(refusal.starts_with("/email must be"), "{email:?}: {refusal}");
        }
    }

    #[test]
    fn a_name_is_never_empty_or_endless() {
        for name in ["", "  ", "a\0b", &"ü".repeat(MAX_NAME + 1)] {
            let refusal = refusal(Command { name: name.to_owned(), ..Command::sample() });
            assert!(refusal.starts_with("/name must be"), "{name:?}: {refusal}");
        }
        let longest = Command { name: "ü".repeat(MAX_NAME), ..Command::sample() };
        assert!(decide(&PutCustomer, longest, &Stored::default()).is_ok());
    }
}
