//! The port through which emails are sent.

use async_trait::async_trait;
use chorus_kernel::{OutcomeUnknown, People};

use crate::Email;

/// The result of sending an email.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The email is on its way.
    Sent,
    /// The email was rejected for good: sending it again would have the same result.
    Bounced { reason: String },
    /// The email was rejected for now, such as because the recipient's mailbox is full: it is sent
    /// again later. Other emails are not affected.
    Deferred { reason: String },
}

#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends `email`. A second call with the same `key` is for the same email. A mailer that
    /// recognizes keys sends it once. Any other mailer documents that it does not, and sends at
    /// most one copy for each lost answer. `people` decrypt the recipient's name and address; no
    /// reason and no error contains either. [`mailer_suite`](crate::mailer_suite) checks all of
    /// this for every mailer.
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
