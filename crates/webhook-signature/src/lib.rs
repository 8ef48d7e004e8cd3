//! Signs webhooks, and verifies their signatures: HMAC-SHA256 over the delivery's id, the timestamp
//! and the body.
//!
//! The format is that of [Standard Webhooks](https://www.standardwebhooks.com), so that its
//! libraries can sign and verify, too. `webhook-id` is the delivery's id, `webhook-timestamp` is
//! whole seconds since the Unix epoch, and `webhook-signature` contains one or more signatures,
//! separated by spaces: `v1,` and base64 of the HMAC over `id + "." + timestamp + "." + body`, byte
//! for byte.
//!
//! Earlier releases signed `timestamp + "." + body`, in hex, with the headers `x-chorus-timestamp`
//! and `x-chorus-signature`. Such a webhook is still accepted; a request with a `webhook-signature`
//! is never read in the earlier format.
//!
//! Stripe signs `timestamp + "." + body` as well, in a form of its own: `stripe-signature` has
//! `t=` and the timestamp, and `v1=` and hex once for each secret, separated by commas. A receiver
//! reads that form only where it expects it: see [`Signed::by_stripe`].
//!
//! A receiver rejects a timestamp that differs from its clock by more than [`TOLERANCE_SECONDS`],
//! so that an intercepted webhook cannot be sent again later. For repetitions within that time, the
//! receiver has to remember the deliveries that it has accepted.

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
