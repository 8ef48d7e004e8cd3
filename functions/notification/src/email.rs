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
    /// Events name the recipient by id, never by the address. Only CustomerUpdated has the address;
    /// the events of an order, which any service may consume and the event log stores permanently,
    /// do without.
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
    /// The event that it is about.
    pub template: &'static str,
    /// Its subject, one line.
    pub subject: String,
    pub body: String,
}
