//! The secret that both sides of a webhook share.

use std::fmt;
use std::str::FromStr;

/// The shortest secret, in bytes: shorter ones can be guessed.
const MIN_BYTES: usize = 16;

/// A text is too short to be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a webhook secret must have at least {MIN_BYTES} bytes")]
pub struct SecretTooShort;

/// A secret of at least 16 bytes, which is never printed.
#[derive(Clone)]
pub struct WebhookSecret(String);

impl WebhookSecret {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl FromStr for WebhookSecret {
    type Err = SecretTooShort;

    fn from_str(text: &str) -> Result<Self, SecretTooShort> {
        if text.len() < MIN_BYTES {
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
