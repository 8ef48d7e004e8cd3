//! Signs webhooks, and verifies that they are signed: HMAC-SHA256 over the moment and the body.
//!
//! Both sides of the wire stand on this crate, so that neither has to import the other. The
//! signature covers `timestamp + "." + body`, byte for byte, and is written in lower-case hex;
//! the timestamp is whole seconds since the Unix epoch. A receiver refuses what is older, or
//! newer, than [`TOLERANCE_SECONDS`]: what was overheard cannot be sent again later.

mod secret;

pub use secret::{SecretTooShort, WebhookSecret};

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The header that carries the timestamp.
pub const TIMESTAMP_HEADER: &str = "x-chorus-timestamp";

/// The header that carries the signature.
pub const SIGNATURE_HEADER: &str = "x-chorus-signature";

/// How far a timestamp may be from the receiver's clock, in seconds.
pub const TOLERANCE_SECONDS: i64 = 5 * 60;

/// Why a webhook is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The timestamp is no number.
    #[error("the timestamp must be whole seconds since the Unix epoch")]
    Timestamp,
    /// It was signed too long ago, or lies in the future.
    #[error("the timestamp is more than {TOLERANCE_SECONDS} seconds off")]
    Stale,
    /// The signature is of another secret, moment or body.
    #[error("the signature does not fit the timestamp and the body")]
    Mismatch,
}

/// What a webhook carries, as it came.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    pub timestamp: &'a str,
    pub signature: &'a str,
    pub body: &'a [u8],
}

impl Signed<'_> {
    /// Verifies the signature in constant time, then that it is fresh at `now` (seconds since the
    /// Unix epoch).
    ///
    /// # Errors
    /// Why the webhook is not believed.
    pub fn verify(&self, secret: &WebhookSecret, now: i64) -> Result<(), SignatureError> {
        let signed_at: i64 = self.timestamp.parse().map_err(|_| SignatureError::Timestamp)?;
        let signature = hex::decode(self.signature).map_err(|_| SignatureError::Mismatch)?;
        mac(secret, signed_at, self.body)
            .verify_slice(&signature)
            .map_err(|_| SignatureError::Mismatch)?;
        if now.abs_diff(signed_at) > TOLERANCE_SECONDS.unsigned_abs() {
            return Err(SignatureError::Stale);
        }
        Ok(())
    }
}

/// Signs `body` at `timestamp`: lower-case hex.
#[must_use]
pub fn sign(secret: &WebhookSecret, timestamp: i64, body: &[u8]) -> String {
    hex::encode(mac(secret, timestamp, body).finalize().into_bytes())
}

fn mac(secret: &WebhookSecret, timestamp: i64, body: &[u8]) -> Hmac<Sha256> {
    let mut mac =
        Hmac::new_from_slice(secret.bytes()).expect("HMAC takes keys of every length (RFC 2104)");
    mac.update(format!("{timestamp}.").as_bytes());
    mac.update(body);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: i64 = 1_795_171_620;

    fn secret(text: &str) -> WebhookSecret {
        text.parse().unwrap()
    }

    fn verified(timestamp: &str, signature: &str, body: &[u8]) -> Result<(), SignatureError> {
        Signed { timestamp, signature, body }.verify(&secret("a secret of the carrier"), NOW)
    }

    #[test]
    fn the_signature_is_the_one_that_other_tools_compute() {
        // printf '1795171620.{}' | openssl dgst -sha256 -hmac 'a secret of the carrier'
        let expected = "0f0c74fe1f9afb3784a361727de797b26ac998f266db76b78760e4c489a5796e";
        assert_eq!(sign(&secret("a secret of the carrier"), NOW, b"{}"), expected);
    }

    #[test]
    fn a_fresh_signature_is_believed_and_a_stale_one_is_not() {
        for (age, verdict) in [
            (0, Ok(())),
            (300, Ok(())),
            (-300, Ok(())),
            (301, Err(SignatureError::Stale)),
            (-301, Err(SignatureError::Stale)),
        ] {
            let at = NOW - age;
            let signature = sign(&secret("a secret of the carrier"), at, b"{}");
            assert_eq!(verified(&at.to_string(), &signature, b"{}"), verdict, "{age}");
        }
    }

    #[test]
    fn another_secret_moment_or_body_is_not_believed() {
        let at = NOW.to_string();
        let ours = sign(&secret("a secret of the carrier"), NOW, b"{}");
        let other = sign(&secret("a secret of a stranger"), NOW, b"{}");
        assert_eq!(verified(&at, &other, b"{}"), Err(SignatureError::Mismatch));
        assert_eq!(verified(&(NOW - 1).to_string(), &ours, b"{}"), Err(SignatureError::Mismatch));
        assert_eq!(verified(&at, &ours, b"{ }"), Err(SignatureError::Mismatch));
        assert_eq!(verified("noon", &ours, b"{}"), Err(SignatureError::Timestamp));
    }

    #[test]
    fn a_secret_is_never_printed() {
        assert_eq!(format!("{:?}", secret("a secret of the carrier")), "WebhookSecret(..)");
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies_and_noise_never_does(
            body in proptest::collection::vec(any::<u8>(), 0..64),
            noise in ".{0,70}",
            at in any::<i64>(),
        ) {
            let signature = sign(&secret("a secret of the carrier"), NOW, &body);
            prop_assert_eq!(verified(&NOW.to_string(), &signature, &body), Ok(()));
            prop_assert!(verified(&NOW.to_string(), &noise, &body).is_err());
            prop_assert!(at == NOW || verified(&at.to_string(), &signature, &body).is_err());
        }
    }
}
