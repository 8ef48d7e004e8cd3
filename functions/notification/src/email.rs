//! An email, before it goes out.

use chorus_events::CustomerId;

/// Whom an email is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    Customer {
        customer_id: CustomerId,
        name: String,
        email: String,
    },
    /// Whoever looks after the shop; the mailer knows where to find them.
    Operator,
}

impl Recipient {
    /// As events name the recipient: never by the address. Only CustomerUpdated tells that; an
    /// order's story, which any service may hear and the event log keeps for good, does without.
    #[must_use]
    pub fn name_on_the_bus(&self) -> &str {
        match self {
            Self::Customer { customer_id, .. } => customer_id.as_str(),
            Self::Operator => "operator",
        }
    }
}

/// An email, in plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    pub recipient: Recipient,
    /// The event that it tells of.
    pub template: &'static str,
    /// Its subject, one line.
    pub subject: String,
    pub body: String,
}
