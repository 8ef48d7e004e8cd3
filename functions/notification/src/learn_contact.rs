//! Keeps a customer's address for letters. News may arrive in any order: the newest revision wins.

use chorus_events::table::rows::{self, LearnContactInput, LearnContactOutput};
use chorus_kernel::{Action, Decision, Given, Loaded, Read, Refusal, newest};

use crate::Contact;

/// The row, in code.
#[derive(Debug)]
pub(crate) struct LearnContact;

impl Action for LearnContact {
    type Row = rows::LearnContact;

    fn reads(&self, _: &LearnContactInput) -> Vec<Read> {
        Vec::new()
    }

    fn decide(
        &self,
        given: &Given<'_, LearnContactInput>,
        _: &Loaded,
    ) -> Result<Decision<LearnContactOutput>, Refusal> {
        let LearnContactInput::CustomerUpdated(customer) = given.input;
        Ok(Decision::once(newest(&Contact::from(customer), customer.revision)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::customer::CustomerUpdated;
    use chorus_kernel::testing::decide;
    use chorus_kernel::{Write, number, text};
    use chorus_table::Event;

    #[test]
    fn only_a_newer_revision_replaces_an_address() {
        let customer = CustomerUpdated { revision: 7, ..CustomerUpdated::sample() };
        let decision = decide(&LearnContact, customer, &Loaded::default()).unwrap();
        let [Write::Put { key, item, condition: Some(condition) }] = decision.changes() else {
            panic!("{decision:?}")
        };
        assert_eq!(key.pk, "contact#456");
        assert_eq!(
            (text(item, "email"), number(item, "version")),
            (Some("ana@example.com"), Some(7))
        );
        assert_eq!(condition.text, "attribute_not_exists(pk) OR version < :version");
    }
}
