//! An email that is to be sent.

use chorus_events::CustomerId;
use chorus_table::Sealed;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    Customer {
        customer_id: CustomerId,
        name: Sealed,
        email: Sealed,
    },
    /// The shop's operator, whose address is a setting of the mailer.
    Operator,
}

impl Recipient {
    /// Returns how events name the recipient: by the customer's id, or `operator`.
    #[must_use]
    pub fn name_on_the_bus(&self) -> &str {
        match self {
            Self::Customer { customer_id, .. } => customer_id.as_str(),
            Self::Operator => "operator",
        }
    }
}

/// An email, before the recipient's name is decrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    pub recipient: Recipient,
    /// The detail type of the event that the email is about.
    pub template: &'static str,
    /// The subject, on one line.
    pub subject: String,
    /// The text after the salutation.
    pub body: String,
}
