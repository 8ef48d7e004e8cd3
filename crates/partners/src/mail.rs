//! Email: messages, and the transports that pass them to a mail server.

#[cfg(feature = "ses")]
mod ses;
#[cfg(feature = "smtp")]
mod smtp;

use async_trait::async_trait;
use thiserror::Error;

pub use lettre::Address;
#[cfg(feature = "ses")]
pub use ses::Ses;
#[cfg(feature = "smtp")]
pub use smtp::{Smtp, SmtpUrlError};

/// An email to one recipient, as text and as HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The part of the Message-ID before the `@`; the part after it is the sender's domain. A retry
    /// has the same id, so that a mailbox can drop the duplicate.
    pub id: String,
    pub from: Address,
    pub to: Address,
    pub subject: String,
    pub text: String,
    pub html: String,
}

impl Message {
    /// The subject with a space in place of each control character, because a line break would end
    /// the header and begin another header.
    #[cfg(any(feature = "ses", feature = "smtp"))]
    fn subject_line(&self) -> String {
        self.subject.replace(char::is_control, " ")
    }
}

/// The mail server did not accept a message, or it is unknown whether the server accepted it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SendError {
    /// The server rejects this message, and would reject it again.
    #[error("the mail server refuses the message: {0}")]
    Refused(String),
    /// The server asks to send this message again later, for example because the recipient's
    /// mailbox is full. Other messages are not affected.
    #[error("the mail server asks to send the message later: {0}")]
    Deferred(String),
    /// The server did not answer, rejects the login, or rejects all messages for a time. A server
    /// that did not answer may have accepted the message.
    #[error("the mail server did not confirm the message: {0}")]
    Unconfirmed(String),
}

/// Sends messages to a mail server.
#[async_trait]
pub trait MailTransport: Send + Sync {
    /// Sends `message`. Neither SMTP nor SES supports an idempotency key, so a retry after
    /// [`SendError::Unconfirmed`] may send a second copy.
    ///
    /// # Errors
    /// See [`SendError`].
    async fn send(&self, message: &Message) -> Result<(), SendError>;
}

#[cfg(test)]
#[cfg(any(feature = "ses", feature = "smtp"))]
mod testing {
    use super::Message;

    pub(super) fn message() -> Message {
        Message {
            id: "7d3c".to_owned(),
            from: "orders@shop.example".parse().unwrap(),
            to: "ana@example.com".parse().unwrap(),
            subject: "Your order für Ana".to_owned(),
            text: "thank you".to_owned(),
            html: "<p>thank you</p>".to_owned(),
        }
    }
}
