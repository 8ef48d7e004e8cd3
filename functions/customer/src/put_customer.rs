//! Stores a customer: their name, their address for emails, and whether they may order.
//!
//! The personal data in a request is encrypted when the request arrives. If the customer is then
//! forgotten and returns under a new key before the commit, the request would overwrite readable
//! data with data whose key is destroyed. So the commit requires that the data is encrypted under
//! the customer's present key.

use chorus_events::customer::CustomerUpdated;
use chorus_events::table::rows::{self, PutCustomerInput, PutCustomerOutput};
use chorus_kernel::{
    Action, ActionError, Context, Decision, Found, PersonKey, save, state, unchanged,
};

use crate::Customer;

pub(crate) struct PutCustomer;

state! {
    pub(crate) struct Known read by KnownKeys {
        customer: Found<Customer>,
        key: Found<PersonKey>,
    }
}

impl Action for PutCustomer {
    type Row = rows::PutCustomer;
    type State = Known;

    fn keys(&self, PutCustomerInput::PutCustomer(command): &PutCustomerInput) -> KnownKeys {
        let customer = command.customer_id.clone();
        KnownKeys { key: customer.to_string(), customer }
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
        Known { customer: known, key }: &Self::State,
        context: &Context<'_>,
    ) -> Result<Decision<PutCustomerOutput>, ActionError> {
        // Forgetting a customer leaves an entry in the table of keys. So a customer without an
        // entry was never forgotten, and the command's key needs no check.
        if key.is_some() && id_of(key) != command.key_id {
            return Err(ActionError::Conflict(
                "the customer was forgotten after this request arrived: send the request again"
                    .to_owned(),
            ));
        }
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
            return Ok(Decision::nothing("the customer is stored with these details already"));
        }
        Ok(Decision::emit(CustomerUpdated {
            customer_id: customer.customer_id.clone(),
            name: customer.name.clone(),
            email: customer.email.clone(),
            revision: customer.revision,
        })
        .with(save(known.as_ref(), &customer))
        .with(unchanged(&customer.customer_id.to_string(), key.as_ref())))
    }
}

/// Returns the id of the customer's present key; none if the customer has no key.
fn id_of(key: &Found<PersonKey>) -> Option<String> {
    key.as_ref().and_then(|read| read.key).map(|key| key.id())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::customer::sample;
    use chorus_events::commands::PutCustomer as Command;
    use chorus_events::samples;
    use chorus_kernel::testing::{Stored, decide, decide_on, message};
    use chorus_kernel::{Message, SealingKey, Versioned, Write, create, replace};
    use chorus_table::{Event, Sealed};

    fn renamed() -> Sealed {
        SealingKey::new(samples::PERSON_KEY).seal("Ana López")
    }

    fn key_of(bytes: [u8; 32]) -> PersonKey {
        let person = samples::customer_id().to_string();
        PersonKey {
            key: Some(SealingKey::new(bytes)),
            ..PersonKey::destroyed(person, samples::moment())
        }
    }

    /// Returns a store's content with the customer's key.
    fn with_key() -> Stored {
        Stored::default().with(4, &key_of(samples::PERSON_KEY))
    }

    /// Returns the condition that the customer's key is still the one that was read.
    fn key_is_unchanged() -> Write {
        let read = Versioned { version: 4, value: key_of(samples::PERSON_KEY) };
        unchanged(&samples::customer_id().to_string(), Some(&read))
    }

    #[test]
    fn a_new_customer_is_revision_one_and_every_change_counts_up() {
        let decision = decide(&PutCustomer, Command::sample(), &with_key()).unwrap();
        assert_eq!(decision.changes(), [create(&sample()), key_is_unchanged()]);
        let known = Customer { blocked: true, revision: 6, ..sample() };
        let known = Versioned { version: 9, value: known };
        let stored = with_key().with(9, &known.value);
        let decision = decide(&PutCustomer, Command::sample(), &stored).unwrap();
        let next = Customer { revision: 7, ..sample() };
        assert_eq!(decision.changes(), [replace(&known, &next), key_is_unchanged()]);
        let [PutCustomerOutput::CustomerUpdated(updated)] = decision.events() else { panic!() };
        assert_eq!(updated.revision, 7);
    }

    #[test]
    fn a_blocked_customer_who_changes_their_name_stays_blocked() {
        let known = Customer { blocked: true, ..sample() };
        let message = Message { customer: Some(known.customer_id.to_string()), ..message() };
        let command = Command { name: renamed(), ..Command::sample() };
        let stored = with_key().with(1, &known);
        let decision = decide_on(&PutCustomer, command, &message, &stored).unwrap();
        let next = Customer { name: renamed(), revision: 2, ..known.clone() };
        let known = Versioned { version: 1, value: known };
        assert_eq!(decision.changes(), [replace(&known, &next), key_is_unchanged()]);
    }

    #[test]
    fn a_customer_who_has_not_changed_is_not_news() {
        let stored = with_key().with(3, &Customer { revision: 3, ..sample() });
        let decision = decide(&PutCustomer, Command::sample(), &stored).unwrap();
        assert!(decision.events().is_empty() && decision.changes().is_empty());
    }

    #[test]
    fn a_customer_of_whom_no_key_is_known_was_never_forgotten() {
        let decision = decide(&PutCustomer, Command::sample(), &Stored::default()).unwrap();
        let none = unchanged::<PersonKey>(&samples::customer_id().to_string(), None);
        assert_eq!(decision.changes(), [create(&sample()), none]);
    }

    #[test]
    fn what_was_encrypted_before_the_customer_was_forgotten_is_not_stored_after() {
        let person = samples::customer_id().to_string();
        let gone = Stored::default().with(5, &PersonKey::destroyed(person, samples::moment()));
        let came_back = Stored::default().with(6, &key_of([9; 32]));
        for stored in [gone, came_back] {
            let refused = decide(&PutCustomer, Command::sample(), &stored);
            assert!(matches!(refused, Err(ActionError::Conflict(_))), "{refused:?}");
        }
    }
}
