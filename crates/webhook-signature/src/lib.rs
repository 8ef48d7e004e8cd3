//! Signs webhooks, and verifies their signatures: HMAC-SHA256 over the webhook's id, the timestamp
//! and the body.
//!
//! The format is that of [Standard Webhooks](https://www.standardwebhooks.com), so that the
//! libraries of Standard Webhooks can sign and verify the same webhooks. `webhook-id` is the
//! webhook's id, and `webhook-timestamp` is whole seconds since the Unix epoch. `webhook-signature`
//! contains one or more signatures, separated by spaces: each is `v1,` and the base64 of the HMAC
//! over the bytes of id, dot, timestamp, dot and body.
//!
//! Earlier releases signed the timestamp, a dot and the body. They sent the signature in hex, with
//! the headers `x-chorus-timestamp` and `x-chorus-signature`. A receiver still accepts the earlier
//! format, but only in a request without a `webhook-signature`.
//!
//! Stripe also signs the timestamp, a dot and the body, but sends the signature in another form.
//! The header `stripe-signature` is a list, separated by commas: `t=` with the timestamp, and for
//! each secret `v1=` with a signature in hex. A receiver reads this form only through
//! [`Signed::by_stripe`].
//!
//! A receiver rejects a timestamp that differs from its clock by more than [`TOLERANCE_SECONDS`],
//! so that an intercepted webhook cannot be sent again later. To reject a webhook that is sent
//! again within this time, the receiver has to store the ids of the webhooks that it accepted.

mod secret;
mod signed;
mod verifier;

pub use secret::{
    MIN_SECRET_BYTES, OVERLAP_SECONDS, SecretSource, SecretTooShort, SecretUnavailable,
    WebhookSecret, WebhookSecrets,
};
pub use signed::{
    EARLIER_SIGNATURE_HEADER, EARLIER_TIMESTAMP_HEADER, ID_HEADER, SIGNATURE_HEADER,
    STRIPE_SIGNATURE_HEADER, SignatureError, Signed, TIMESTAMP_HEADER, TOLERANCE_SECONDS, headers,
    sign, sign_as_earlier, sign_as_stripe,
};
pub use verifier::{KEPT_SECONDS, Unverified, Verifier};
