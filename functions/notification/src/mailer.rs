//! The port behind which letters go out.

use async_trait::async_trait;
use chorus_kernel::OutcomeUnknown;

use crate::Letter;

/// What became of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// It is on its way.
    Sent,
    /// It came back, and always will.
    Bounced { reason: String },
}

#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends `letter` once, however often it is asked with the same `key`.
    ///
    /// # Errors
    /// Where no response came: whether it was sent is unknown, so it is asked again.
    async fn send(&self, letter: &Letter, key: &str) -> Result<Delivery, OutcomeUnknown>;
}

/// A mailer whose letters always arrive.
#[cfg(test)]
pub(crate) struct Mailbox;

#[cfg(test)]
#[async_trait]
impl Mailer for Mailbox {
    async fn send(&self, _: &Letter, _: &str) -> Result<Delivery, OutcomeUnknown> {
        Ok(Delivery::Sent)
    }
}
