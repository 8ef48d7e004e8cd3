//! The signed parts of a webhook, and the verification of their signature.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::{WebhookSecret, WebhookSecrets};

/// The header with the webhook's id. All attempts to send one webhook have the same id.
pub const ID_HEADER: &str = "webhook-id";

/// The header with the timestamp.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";

/// The header with the signatures.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// The header in which earlier releases sent the timestamp.
pub const EARLIER_TIMESTAMP_HEADER: &str = "x-chorus-timestamp";

/// The header in which earlier releases sent the signature.
pub const EARLIER_SIGNATURE_HEADER: &str = "x-chorus-signature";

/// The header that carries Stripe's timestamp and signatures.
pub const STRIPE_SIGNATURE_HEADER: &str = "stripe-signature";

/// The largest accepted difference between a timestamp and the receiver's clock, in seconds.
pub const TOLERANCE_SECONDS: i64 = 5 * 60;

/// The longest id of a webhook, in bytes.
const MAX_ID: usize = 255;

/// The prefix of a signature in the format of Standard Webhooks.
const VERSION: &str = "v1,";

/// The prefix of a signature in Stripe's form.
const STRIPE_VERSION: &str = "v1=";

/// Why a webhook's signature was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A header is missing.
    #[error("the header {0} is missing")]
    Missing(&'static str),
    /// The webhook's id is empty, too long, or contains a dot, which would make the signed text
    /// ambiguous.
    #[error("the webhook's id must have 1 to {MAX_ID} bytes, and no dot")]
    Id,
    /// The timestamp is not a number.
    #[error("the timestamp must be whole seconds since the Unix epoch")]
    Timestamp,
    /// The webhook was signed too long ago, or its timestamp is too far in the future.
    #[error("the timestamp must be within {TOLERANCE_SECONDS} seconds of the receiver's clock")]
    Stale,
    /// The signature was made with none of the receiver's secrets, or for another id, timestamp or
    /// body.
    #[error("the signature does not match the webhook's id, the timestamp and the body")]
    Mismatch,
}

/// The signed parts of a received webhook.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// The webhook's id. `None` in Stripe's form and in the format of earlier releases, because
    /// their signatures do not cover an id.
    id: Option<&'a str>,
    timestamp: &'a str,
    signature: &'a str,
    body: &'a [u8],
    /// Whether `signature` is a header in Stripe's form.
    is_stripes: bool,
}

impl<'a> Signed<'a> {
    /// Takes the signed parts from a request with the body `body`, and with the header
    /// `stripe-signature` whose value is `signature`. [`Self::verify`] rejects a value that has no
    /// timestamp, or several timestamps.
    #[must_use]
    pub fn by_stripe(signature: &'a str, body: &'a [u8]) -> Self {
        let mut moments = signature.split(',').filter_map(|part| part.trim().strip_prefix("t="));
        let timestamp = moments.next().filter(|_| moments.next().is_none()).unwrap_or_default();
        Self { id: None, timestamp, signature, body, is_stripes: true }
    }

    /// Takes the signed parts from a request with this body. `header` returns the value of the
    /// request's header with a given name.
    ///
    /// # Errors
    /// If a header is missing.
    pub fn of(
        header: impl Fn(&'static str) -> Option<&'a str>,
        body: &'a [u8],
    ) -> Result<Self, SignatureError> {
        let needed = |name| header(name).ok_or(SignatureError::Missing(name));
        if header(SIGNATURE_HEADER).is_none() && header(EARLIER_SIGNATURE_HEADER).is_some() {
            return Ok(Self {
                id: None,
                timestamp: needed(EARLIER_TIMESTAMP_HEADER)?,
                signature: needed(EARLIER_SIGNATURE_HEADER)?,
                body,
                is_stripes: false,
            });
        }
        Ok(Self {
            id: Some(needed(ID_HEADER)?),
            timestamp: needed(TIMESTAMP_HEADER)?,
            signature: needed(SIGNATURE_HEADER)?,
            body,
            is_stripes: false,
        })
    }

    /// Verifies the signature in constant time, and then that the timestamp is within
    /// [`TOLERANCE_SECONDS`] of `now` (seconds since the Unix epoch).
    ///
    /// # Errors
    /// If the signature or the timestamp is not valid: the caller must reject the webhook.
    pub fn verify(&self, secrets: &WebhookSecrets, now: i64) -> Result<(), SignatureError> {
        let signed_at: i64 = self.timestamp.parse().map_err(|_| SignatureError::Timestamp)?;
        if self.id.is_some_and(|id| id.is_empty() || id.len() > MAX_ID || id.contains('.')) {
            return Err(SignatureError::Id);
        }
        let given = self.signatures();
        let fits = |secret: &WebhookSecret| {
            let mac = mac(secret.bytes(), self.id, signed_at, self.body);
            given.iter().any(|signature| mac.clone().verify_slice(signature).is_ok())
        };
        if !secrets.accepted(now).any(fits) {
            return Err(SignatureError::Mismatch);
        }
        if now.abs_diff(signed_at) > TOLERANCE_SECONDS.unsigned_abs() {
            return Err(SignatureError::Stale);
        }
        Ok(())
    }

    /// The signatures that could be decoded. The format of earlier releases has at most one
    /// signature. The other formats have one signature for each secret with which the sender signs.
    fn signatures(&self) -> Vec<Vec<u8>> {
        if self.is_stripes {
            let parts = self.signature.split(',');
            let own = parts.filter_map(|part| part.trim().strip_prefix(STRIPE_VERSION));
            return own.filter_map(|one| hex::decode(one).ok()).collect();
        }
        if self.id.is_none() {
            return hex::decode(self.signature).into_iter().collect();
        }
        let own = self.signature.split(' ').filter_map(|one| one.strip_prefix(VERSION));
        own.filter_map(|one| STANDARD.decode(one).ok()).collect()
    }
}

/// The headers of a webhook that is signed at `timestamp` (seconds since the Unix epoch): id,
/// timestamp and signature.
#[must_use]
pub fn headers(
    secret: &WebhookSecret,
    id: &str,
    timestamp: i64,
    body: &[u8],
) -> [(&'static str, String); 3] {
    [
        (ID_HEADER, id.to_owned()),
        (TIMESTAMP_HEADER, timestamp.to_string()),
        (SIGNATURE_HEADER, sign(secret, id, timestamp, body)),
    ]
}

/// Signs a webhook: its `id`, its `timestamp` and its `body`. The result is `v1,` and the base64 of
/// the signature.
#[must_use]
pub fn sign(secret: &WebhookSecret, id: &str, timestamp: i64, body: &[u8]) -> String {
    let mac = mac(secret.bytes(), Some(id), timestamp, body);
    format!("{VERSION}{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// Signs `body` at `timestamp` in the format of earlier releases. The result is lower-case hex.
#[must_use]
pub fn sign_as_earlier(secret: &WebhookSecret, timestamp: i64, body: &[u8]) -> String {
    hex::encode(mac(secret.bytes(), None, timestamp, body).finalize().into_bytes())
}

/// Signs `body` at `timestamp` as Stripe does, and returns the value of `stripe-signature`.
#[must_use]
pub fn sign_as_stripe(secret: &WebhookSecret, timestamp: i64, body: &[u8]) -> String {
    format!("t={timestamp},{STRIPE_VERSION}{}", sign_as_earlier(secret, timestamp, body))
}

fn mac(key: &[u8], id: Option<&str>, timestamp: i64, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::new_from_slice(key).expect("HMAC takes keys of every length (RFC 2104)");
    if let Some(id) = id {
        mac.update(format!("{id}.").as_bytes());
    }
    mac.update(format!("{timestamp}.").as_bytes());
    mac.update(body);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OVERLAP_SECONDS;
    use SignatureError::{Id, Mismatch, Missing, Stale, Timestamp};
    use proptest::prelude::*;

    const NOW: i64 = 1_795_171_620;
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";

    /// For each secret and body, the signature that Stripe's own Python package computes at
    /// [`NOW`].
    const STRIPES: [(&str, &str, &str); 3] = [
        (
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            r#"{"id": "evt_1", "object": "event", "type": "payment_intent.succeeded"}"#,
            "f427839878ac73e1ccdc0523f43372f7f6c5ef23631dd7d1da8641e8621bc53d",
        ),
        (
            "whsec_test_secret_of_a_shop",
            "{}",
            "1fe017bff036bd109efcb180d073a396c77c383472c58238dee18e918083795a",
        ),
        (
            "whsec_test_secret_of_a_shop",
            r#"{"name": "Zoë"}"#,
            "e6613a0fc05e3a84522b141754dc4b1c3353baf2e398a2be1d5d08fea6d3777a",
        ),
    ];

    fn secret(text: &str) -> WebhookSecret {
        text.parse().unwrap()
    }

    fn ours() -> WebhookSecret {
        secret("a secret of the carrier")
    }

    fn signed<'a>(id: &'a str, timestamp: &'a str, signature: &'a str) -> Signed<'a> {
        Signed { id: Some(id), timestamp, signature, body: b"{}", is_stripes: false }
    }

    fn earlier<'a>(timestamp: &'a str, signature: &'a str) -> Signed<'a> {
        Signed { id: None, timestamp, signature, body: b"{}", is_stripes: false }
    }

    fn verified(webhook: Signed<'_>) -> Result<(), SignatureError> {
        webhook.verify(&ours().into(), NOW)
    }

    #[test]
    fn the_signature_is_the_one_that_other_tools_compute() {
        // printf 'msg_p5jXN8AQM9LWM0D4loKWxJek.1795171620.{}' |
        //   openssl dgst -sha256 -hmac 'a secret of the carrier' -binary | base64
        let expected = "v1,hBgaTzWZ8ERnpGsHGDrd/xbaAgdy3U2FnY6KAhEaLHU=";
        assert_eq!(sign(&ours(), ID, NOW, b"{}"), expected);
        // printf '1795171620.{}' | openssl dgst -sha256 -hmac 'a secret of the carrier'
        let expected = "0f0c74fe1f9afb3784a361727de797b26ac998f266db76b78760e4c489a5796e";
        assert_eq!(sign_as_earlier(&ours(), NOW, b"{}"), expected);
    }

    #[test]
    fn it_is_the_signature_of_standard_webhooks() {
        // The example in the specification of Standard Webhooks. Its secret is `whsec_` followed by
        // the base64 of these bytes.
        let bytes = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let mac = mac(&bytes, Some(ID), 1_614_265_330, body);
        let expected = "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(STANDARD.encode(mac.finalize().into_bytes()), expected);
    }

    #[test]
    fn it_is_the_signature_that_stripe_makes() {
        // The PyPI package `stripe`, version 16.1.0, computed the signatures:
        // WebhookSignature._compute_signature(f"{t}.{body}", secret).
        for (secret, body, signature) in STRIPES {
            let header = format!("t={NOW},v1={signature}");
            assert_eq!(sign_as_stripe(&self::secret(secret), NOW, body.as_bytes()), header);
        }
    }

    #[test]
    fn stripes_signature_is_believed_with_any_of_several_and_only_with_one_fresh_timestamp() {
        let (good, body) = (sign_as_earlier(&ours(), NOW, b"{}"), b"{}");
        let other = sign_as_earlier(&secret("another secret of Stripe"), NOW, body);
        let verdict =
            |header: &str, now| Signed::by_stripe(header, body).verify(&ours().into(), now);
        for header in [
            format!("t={NOW},v1={good}"),
            format!("t={NOW},v1={other},v1={good},v0=6ffbb59b"),
            format!("t={NOW}, v1={good}"),
        ] {
            assert_eq!(verdict(&header, NOW + 300), Ok(()), "{header}");
            assert_eq!(verdict(&header, NOW + 301), Err(Stale), "{header}");
        }
        for (header, error) in [
            (format!("v1={good}"), Timestamp),
            (format!("t={NOW},t={NOW},v1={good}"), Timestamp),
            (format!("t={},v1={good}", NOW - 1), Mismatch),
            (format!("t={NOW},v0={good}"), Mismatch),
            (format!("t={NOW},v1={other}"), Mismatch),
            (format!("t={NOW},v1="), Mismatch),
            (String::new(), Timestamp),
        ] {
            assert_eq!(verdict(&header, NOW), Err(error), "{header}");
        }
        let standard = signed(ID, "1795171620", &good);
        assert_eq!(verified(standard), Err(Mismatch), "the forms are not mixed");
    }

    #[test]
    fn a_fresh_signature_is_believed_and_a_stale_one_is_not() {
        for (age, verdict) in
            [(0, Ok(())), (300, Ok(())), (-300, Ok(())), (301, Err(Stale)), (-301, Err(Stale))]
        {
            let at = NOW - age;
            let (moment, signature) = (at.to_string(), sign(&ours(), ID, at, b"{}"));
            assert_eq!(verified(signed(ID, &moment, &signature)), verdict, "{age}");
            let signature = sign_as_earlier(&ours(), at, b"{}");
            assert_eq!(verified(earlier(&moment, &signature)), verdict, "{age}");
        }
    }

    #[test]
    fn another_secret_id_moment_or_body_is_not_believed() {
        let (at, before) = (NOW.to_string(), (NOW - 1).to_string());
        let good = sign(&ours(), ID, NOW, b"{}");
        let other = sign(&secret("a secret of a stranger"), ID, NOW, b"{}");
        assert_eq!(verified(signed(ID, &at, &other)), Err(Mismatch));
        assert_eq!(verified(signed("another", &at, &good)), Err(Mismatch));
        assert_eq!(verified(signed(ID, &before, &good)), Err(Mismatch));
        let changed = Signed { body: b"{ }", ..signed(ID, &at, &good) };
        assert_eq!(verified(changed), Err(Mismatch));
        assert_eq!(verified(signed(ID, "noon", &good)), Err(Timestamp));
        for id in ["", "a.b", &"x".repeat(MAX_ID + 1)] {
            let signature = sign(&ours(), id, NOW, b"{}");
            assert_eq!(verified(signed(id, &at, &signature)), Err(Id), "{id}");
        }
    }

    #[test]
    fn a_signature_of_one_form_is_none_of_the_other() {
        let at = NOW.to_string();
        let (new, old) = (sign(&ours(), ID, NOW, b"{}"), sign_as_earlier(&ours(), NOW, b"{}"));
        assert_eq!(verified(earlier(&at, &new)), Err(Mismatch));
        assert_eq!(verified(signed(ID, &at, &old)), Err(Mismatch));
        assert_eq!(verified(signed(ID, &at, &format!("v1,{old}"))), Err(Mismatch));
    }

    #[test]
    fn the_headers_tell_the_form_and_the_current_one_comes_first() {
        let headers = |names: &[&'static str]| {
            let names = names.to_vec();
            Signed::of(move |name| names.contains(&name).then_some("1"), b"{}")
        };
        let new = headers(&[ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER]).unwrap();
        let old = headers(&[EARLIER_TIMESTAMP_HEADER, EARLIER_SIGNATURE_HEADER]).unwrap();
        assert_eq!((new.id, old.id), (Some("1"), None));
        let both = headers(&[SIGNATURE_HEADER, EARLIER_TIMESTAMP_HEADER, EARLIER_SIGNATURE_HEADER]);
        assert_eq!(both.unwrap_err(), Missing(ID_HEADER));
        assert_eq!(headers(&[]).unwrap_err(), Missing(ID_HEADER));
        let no_time = headers(&[EARLIER_SIGNATURE_HEADER]);
        assert_eq!(no_time.unwrap_err(), Missing(EARLIER_TIMESTAMP_HEADER));
    }

    #[test]
    fn during_a_rotation_both_secrets_are_good_and_afterwards_the_new_one_alone() {
        let (old, new) = (ours(), secret("the secret that took its place"));
        let secrets = WebhookSecrets::rotated(new.clone(), old.clone(), NOW);
        let last = NOW + OVERLAP_SECONDS - 1;
        for (secret, at, verdict) in [
            (&old, NOW, Ok(())),
            (&new, NOW, Ok(())),
            (&old, last, Ok(())),
            (&old, last + 1, Err(Mismatch)),
            (&new, last + 1, Ok(())),
        ] {
            let (moment, signature) = (at.to_string(), sign(secret, ID, at, b"{}"));
            assert_eq!(signed(ID, &moment, &signature).verify(&secrets, at), verdict, "{at}");
        }
        let both = format!("{} {}", sign(&old, ID, NOW, b"{}"), sign(&new, ID, NOW, b"{}"));
        let moment = NOW.to_string();
        assert_eq!(signed(ID, &moment, &both).verify(&new.into(), NOW), Ok(()));
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies_and_noise_never_does(
            body in proptest::collection::vec(any::<u8>(), 0..64),
            noise in ".{0,70}",
            at in any::<i64>(),
        ) {
            let signature = sign(&ours(), ID, NOW, &body);
            let (now, other) = (NOW.to_string(), at.to_string());
            let webhook = Signed { body: &body, ..signed(ID, &now, &signature) };
            prop_assert_eq!(verified(webhook), Ok(()));
            let noisy = Signed { signature: &noise, ..webhook };
            prop_assert!(verified(noisy).is_err());
            let moved = Signed { timestamp: &other, ..webhook };
            prop_assert!(at == NOW || verified(moved).is_err());
        }
    }
}
