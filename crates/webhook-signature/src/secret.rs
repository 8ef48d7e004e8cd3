//! The secrets that the sender and the receiver of webhooks share: one secret, or two during a
//! rotation.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;

/// The minimum length of a secret, in bytes. A shorter secret could be guessed.
pub const MIN_SECRET_BYTES: usize = 16;

/// How long a secret is still accepted after it was replaced, in seconds: a week. Within the week,
/// the sender has to begin to sign with the new secret.
pub const OVERLAP_SECONDS: i64 = 7 * 86_400;

/// A text that is too short to be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a webhook secret must have at least {MIN_SECRET_BYTES} bytes")]
pub struct SecretTooShort;

/// A secret of at least 16 bytes, which is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(String);

impl WebhookSecret {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl FromStr for WebhookSecret {
    type Err = SecretTooShort;

    fn from_str(text: &str) -> Result<Self, SecretTooShort> {
        if text.len() < MIN_SECRET_BYTES {
            return Err(SecretTooShort);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(..)")
    }
}

/// The secrets with which a webhook may be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSecrets {
    current: WebhookSecret,
    /// The secret before the current one, and until when it is accepted, in seconds since the Unix
    /// epoch.
    previous: Option<(WebhookSecret, i64)>,
}

impl WebhookSecrets {
    /// The secrets after a rotation: `current` replaced `previous` at `rotated_at` (seconds since
    /// the Unix epoch). `previous` is accepted until a week after the rotation.
    #[must_use]
    pub fn rotated(current: WebhookSecret, previous: WebhookSecret, rotated_at: i64) -> Self {
        let until = rotated_at.saturating_add(OVERLAP_SECONDS);
        Self { current, previous: Some((previous, until)) }
    }

    /// The secret with which a sender signs.
    #[must_use]
    pub const fn current(&self) -> &WebhookSecret {
        &self.current
    }

    /// The secrets that are accepted at `now`, in seconds since the Unix epoch.
    pub(crate) fn accepted(&self, now: i64) -> impl Iterator<Item = &WebhookSecret> {
        let previous = self.previous.as_ref().filter(|(_, until)| now < *until);
        std::iter::once(&self.current).chain(previous.map(|(secret, _)| secret))
    }
}

impl From<WebhookSecret> for WebhookSecrets {
    fn from(current: WebhookSecret) -> Self {
        Self { current, previous: None }
    }
}

/// A receiver's secrets cannot be read, or one of them is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the webhook's secret cannot be read: {0}")]
pub struct SecretUnavailable(pub String);

/// A store from which a receiver reads its webhook secrets.
#[async_trait]
pub trait SecretSource: fmt::Debug + Send + Sync {
    /// Reads the current secrets.
    ///
    /// # Errors
    /// If the secrets cannot be read, or one of them is too short.
    async fn read(&self) -> Result<WebhookSecrets, SecretUnavailable>;
}

/// A source whose secrets never change.
#[async_trait]
impl SecretSource for WebhookSecrets {
    async fn read(&self) -> Result<WebhookSecrets, SecretUnavailable> {
        Ok(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let secret: WebhookSecret = "a secret of the carrier".parse().unwrap();
        assert_eq!(format!("{secret:?}"), "WebhookSecret(..)");
        let printed = format!("{:?}", WebhookSecrets::from(secret));
        assert!(!printed.contains("carrier"), "{printed}");
    }

    #[test]
    fn a_secret_has_at_least_sixteen_bytes() {
        assert_eq!("fifteen bytes..".parse::<WebhookSecret>(), Err(SecretTooShort));
        assert!("sixteen bytes...".parse::<WebhookSecret>().is_ok());
    }
}
