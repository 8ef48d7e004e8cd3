//! Stores a customer's name and email address. Events may arrive in any sequence, so an event is
//! ignored if a later revision of the customer is stored.

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
        input: &LearnContactInput,
        (): &(),
        _: &Context<'_>,
    ) -> Result<Decision<LearnContactOutput>, ActionError> {
        let (contact, revision) = match input {
            LearnContactInput::CustomerUpdated(customer) => {
                (Contact::from(customer), customer.revision)
            }
            LearnContactInput::CustomerErased(erased) => {
                (Contact::erased(erased.customer_id.clone()), erased.revision)
            }
        };
        Ok(Decision::once(put_if_newer(&contact, revision)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::customer::{CustomerErased, CustomerUpdated};
    use chorus_events::samples;
    use chorus_kernel::testing::{Stored, decide};
    use chorus_table::Event;

    #[test]
    fn only_a_newer_revision_replaces_an_address() {
        let customer = CustomerUpdated { revision: 7, ..CustomerUpdated::sample() };
        let decision = decide(&LearnContact, customer, &Stored::default()).unwrap();
        let contact = Contact {
            customer_id: samples::customer_id(),
            name: samples::customer_name(),
            email: samples::email(),
        };
        assert_eq!(decision, Decision::once(put_if_newer(&contact, 7)));
    }

    #[test]
    fn what_is_erased_goes_and_older_news_do_not_bring_it_back() {
        let erased = CustomerErased { revision: 8, ..CustomerErased::sample() };
        let decision = decide(&LearnContact, erased, &Stored::default()).unwrap();
        let nobody = Contact::erased(samples::customer_id());
        assert_eq!(decision, Decision::once(put_if_newer(&nobody, 8)));
    }
}
