//! Stripe's API key and its sources. The key is never printed.

use std::str::FromStr;

use async_trait::async_trait;
use thiserror::Error;

/// A secret or restricted key. Its text appears in no log and no error.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey(String);

/// A text that is neither a secret key nor a restricted key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("Stripe's API key must begin with sk_live_, rk_live_, sk_test_ or rk_test_")]
pub struct InvalidKey;

/// No key is available.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The store that holds the key does not answer.
    #[error("{0}")]
    Unreachable(String),
    /// The key is missing, invalid, or must not be used here.
    #[error("{0}")]
    Refused(String),
}

impl SecretKey {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the key charges real cards.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.0.starts_with("sk_live_") || self.0.starts_with("rk_live_")
    }
}

impl FromStr for SecretKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let text = text.trim();
        let known = ["sk_live_", "rk_live_", "sk_test_", "rk_test_"];
        let body = known.iter().find_map(|prefix| text.strip_prefix(prefix));
        let visible = |body: &str| !body.is_empty() && body.bytes().all(|it| it.is_ascii_graphic());
        body.filter(|body| visible(body)).map(|_| Self(text.to_owned())).ok_or(InvalidKey)
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(hidden)")
    }
}

#[async_trait]
pub trait KeySource: Send + Sync {
    /// Reads the key.
    ///
    /// # Errors
    /// If there is no usable key.
    async fn key(&self) -> Result<SecretKey, KeyError>;

    /// Is called when Stripe rejects the key. The key may have been replaced, so a source that
    /// caches the key has to read it again.
    async fn refused(&self) {}
}

/// A source whose key never changes.
#[derive(Debug, Clone)]
pub struct FixedKey(pub SecretKey);

#[async_trait]
impl KeySource for FixedKey {
    async fn key(&self) -> Result<SecretKey, KeyError> {
        Ok(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_for_real_cards_or_for_test_mode() {
        for (key, live) in [("sk_live_a1", true), ("rk_live_a1", true), ("sk_test_a1\n", false)] {
            assert_eq!(key.parse::<SecretKey>().unwrap().is_live(), live, "{key}");
        }
        for key in ["", "sk_live_", "pk_live_a1", "whsec_a1", "sk_live_a b"] {
            assert_eq!(key.parse::<SecretKey>(), Err(InvalidKey), "{key}");
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        let key: SecretKey = "sk_live_a1".parse().unwrap();
        assert_eq!(format!("{:?} {:?}", key, FixedKey(key.clone())).matches("a1").count(), 0);
    }
}
