//! Derives the ids of new orders from idempotency keys.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chorus_events::OrderId;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The shortest secret, in bytes.
const MIN_BYTES: usize = 16;

/// How many hexadecimal digits an id has: 80 bits.
const DIGITS: usize = 20;

/// The text is too short to be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the secret of order ids must have at least {MIN_BYTES} bytes")]
pub struct IdSecretTooShort;

/// The id of a new order derives from this secret and from the request's idempotency key. The same
/// key always gives the same id, even after the stored record of the key has expired. A caller who
/// guesses somebody's key, but does not know the secret, cannot compute the id.
///
/// If the secret changes, existing orders keep their ids.
#[derive(Clone)]
pub struct IdSecret(Arc<[u8]>);

impl IdSecret {
    /// # Errors
    /// If `bytes` has fewer than 16 bytes.
    pub fn new(bytes: &[u8]) -> Result<Self, IdSecretTooShort> {
        if bytes.len() < MIN_BYTES { Err(IdSecretTooShort) } else { Ok(Self(bytes.into())) }
    }

    /// Returns the id of the order that is created by the request with this idempotency key.
    #[must_use]
    pub fn order_id(&self, key: &str) -> OrderId {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of every length");
        mac.update(b"order-id\n");
        mac.update(key.as_bytes());
        let digits = hex::encode(mac.finalize().into_bytes());
        digits[..DIGITS].parse().expect("hexadecimal digits are an identifier")
    }
}

impl FromStr for IdSecret {
    type Err = IdSecretTooShort;

    fn from_str(text: &str) -> Result<Self, IdSecretTooShort> {
        Self::new(text.as_bytes())
    }
}

impl fmt::Debug for IdSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_one_order_and_only_whoever_has_the_secret_knows_which() {
        let secret: IdSecret = "a secret of this shop".parse().unwrap();
        let other: IdSecret = "a secret of another one".parse().unwrap();
        let id = secret.order_id("a-key");
        assert_eq!(secret.order_id("a-key"), id);
        assert_ne!(secret.order_id("b-key"), id);
        assert_ne!(other.order_id("a-key"), id);
        assert_eq!(id.as_str().len(), DIGITS);
        assert_eq!("too short".parse::<IdSecret>().unwrap_err(), IdSecretTooShort);
    }
}
