//! The functions of all services with placeholders as dependencies, for documentation and checks.

use std::sync::Arc;

use async_trait::async_trait;
use chorus_events::Settings;
use chorus_http::HttpFunction;
use chorus_kernel::{OutcomeUnknown, People};
use chorus_notification::{Delivery, Email, Mailer};
use chorus_payment::NoProvider;
use chorus_webhook_signature::{WebhookSecret, WebhookSecrets};

use crate::{Dependencies, functions};

/// The placeholder for every secret. No description of a function contains a secret.
const NO_SECRET: &str = "never in a description, and long enough";

/// The functions of all services with placeholders as dependencies. They can be described, but not
/// run.
#[must_use]
pub fn described() -> Vec<HttpFunction> {
    let webhook_secret: WebhookSecret =
        NO_SECRET.parse().expect("the placeholder is longer than 16 bytes");
    let order_ids = NO_SECRET.parse().expect("the placeholder is longer than 16 bytes");
    functions(&Dependencies {
        payment_provider: Arc::new(NoProvider),
        mailer: Arc::new(Nobody),
        webhook_secrets: Arc::new(WebhookSecrets::from(webhook_secret.clone())),
        payment_webhook_secrets: Arc::new(WebhookSecrets::from(webhook_secret)),
        order_ids,
        front_end: Some(NO_SECRET.parse().expect("the placeholder is longer than 32 bytes")),
        public_events: true,
        settings: Settings::DEFAULT,
    })
}

/// A mailer that sends nothing.
struct Nobody;

#[async_trait]
impl Mailer for Nobody {
    async fn send(&self, _: &Email, _: &str, _: &People) -> Result<Delivery, OutcomeUnknown> {
        Err(OutcomeUnknown("this mailer is a placeholder, which sends no email".to_owned()))
    }
}
