//! The port through which emails are sent.

use async_trait::async_trait;
use chorus_kernel::{OutcomeUnknown, People};

use crate::Email;

/// The result of sending an email.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The email was accepted for delivery.
    Sent,
    /// The email was rejected for good: a retry would have the same result.
    Bounced { reason: String },
    /// The email was rejected temporarily, for example because the recipient's mailbox is full. The
    /// email is sent again later. Other emails are not affected.
    Deferred { reason: String },
}

#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends `email`. A second call with the same `key` is a retry for the same email. A mailer
    /// that recognizes keys sends that email once. A mailer that does not recognize keys says so in
    /// its documentation, and sends at most one more copy for each lost response of the mail
    /// server. `people` decrypts the recipient's name and address. The reason of a rejection and
    /// the text of an error contain neither the name nor the address.
    /// [`mailer_suite`](crate::mailer_suite) checks these promises for every mailer.
    ///
    /// # Errors
    /// If no response came: whether the email was sent is unknown, so `send` is called again.
    async fn send(
        &self,
        email: &Email,
        key: &str,
        people: &People,
    ) -> Result<Delivery, OutcomeUnknown>;
}

/// A mailer whose emails always arrive.
#[cfg(test)]
pub(crate) struct Mailbox;

#[cfg(test)]
#[async_trait]
impl Mailer for Mailbox {
    async fn send(&self, _: &Email, _: &str, _: &People) -> Result<Delivery, OutcomeUnknown> {
        Ok(Delivery::Sent)
    }
}
