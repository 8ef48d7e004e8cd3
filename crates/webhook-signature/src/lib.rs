//! Signs webhooks, and verifies that they are signed: HMAC-SHA256 over the delivery's id, the
//! moment and the body.
//!
//! The form is that of [Standard Webhooks](https://www.standardwebhooks.com), so that its libraries
//! sign and verify as well. `webhook-id` names the delivery, `webhook-timestamp` is whole seconds
//! since the Unix epoch, and `webhook-signature` has one or more signatures, separated by spaces:
//! `v1,` and base64 of the HMAC over `id + "." + timestamp + "." + body`, byte for byte.
//!
//! Releases before that signed `timestamp + "." + body`, in hex, under `x-chorus-timestamp` and
//! `x-chorus-signature`. Such a webhook is accepted still; a request that has a `webhook-signature`
//! is never read in the earlier form.
//!
//! A receiver refuses what is older, or newer, than [`TOLERANCE_SECONDS`]: what was overheard cannot
//! be sent again later. Within that time the receiver has to know what it took already.

mod secret;
mod signed;
mod verifier;

pub use secret::{
    MIN_SECRET_BYTES, OVERLAP_SECONDS, SecretSource, SecretTooShort, SecretUnavailable,
    WebhookSecret, WebhookSecrets,
};
pub use signed::{
    EARLIER_SIGNATURE_HEADER, EARLIER_TIMESTAMP_HEADER, ID_HEADER, SIGNATURE_HEADER,
    SignatureError, Signed, TIMESTAMP_HEADER, TOLERANCE_SECONDS, headers, sign, sign_as_earlier,
};
pub use verifier::{KEPT_SECONDS, Unverified, Verifier};
