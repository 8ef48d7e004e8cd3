//! Keeps a customer's address for emails. News may arrive in any order: the newest revision wins.

use chorus_events::table::rows::{self, LearnContactInput, LearnContactOutput};
use chorus_kernel::{Action, ActionError, Context, Decision, put_if_newer};

use crate::Contact;

#[derive(Debug)]
pub(crate) struct LearnContact;

impl Action for LearnContact {
    type Row = rows::LearnContact;
    type State = ();

    fn keys(&self, _: &LearnContactInput) {}

    fn decide(
        &self,
        LearnContactInput::CustomerUpdated(customer): &LearnContactInput,
        (): &(),
        _: &Context<'_>,
    ) -> Result<Decision<LearnContactOutput>, ActionError> {
        Ok(Decision::once(put_if_newer(&Contact::from(customer), customer.revision)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::customer::CustomerUpdated;
    use chorus_events::samples;
    use chorus_kernel::testing::{Stored, decide};
    use chorus_table::Event;

    #[test]
    fn only_a_newer_revision_replaces_an_address() {
        let customer = CustomerUpdated { revision: 7, ..CustomerUpdated::sample() };
        let decision = decide(&LearnContact, customer, &Stored::default()).unwrap();
        let contact = Contact {
            customer_id: samples::customer_id(),
            name: "Ana Trujillo".to_owned(),
            email: "ana@example.com".to_owned(),
        };
        assert_eq!(decision, Decision::once(put_if_newer(&contact, 7)));
    }
}
