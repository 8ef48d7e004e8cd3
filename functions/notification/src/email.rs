//! An email, before it goes out.

use chorus_events::CustomerId;
use chorus_table::Sealed;

/// Whom an email is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    Customer {
        customer_id: CustomerId,
        name: Sealed,
        email: Sealed,
    },
    /// Whoever looks after the shop; the mailer knows where to find them.
    Operator,
}

impl Recipient {
    /// Events name the recipient by id.
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
    /// The event that it is about.
    pub template: &'static str,
    /// Its subject, one line.
    pub subject: String,
    /// Its text, which follows the salutation.
    pub body: String,
}
