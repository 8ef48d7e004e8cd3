//! Storefront: reports the progress of orders to the shop's own front end, by a signed webhook.
//!
//! The bus posts each [`OrderUpdated`](chorus_events::storefront::OrderUpdated) to the front end:
//! the action `SendUpdate` of the design table has no code. The bus cannot sign, so the update is
//! signed before it is published: docs/adr/0010.

mod front_end_secret;
mod sign_update;
mod update;

pub use front_end_secret::{FrontEndSecret, FrontEndSecretTooShort};
pub use update::{Claims, Posted, TOKEN_TYPE, Update};

use std::sync::Arc;

use chorus_events::services;
use chorus_kernel::{Function, Secret};

/// Builds the service, which signs with `secret`.
#[must_use]
pub fn function(secret: Arc<dyn Secret<FrontEndSecret>>) -> Function {
    Function::of(services::STOREFRONT).external_action(sign_update::SignUpdate(secret))
}
