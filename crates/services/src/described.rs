//! The services where nobody is asked anything: for whoever describes or checks them.

use std::sync::Arc;

use async_trait::async_trait;
use chorus_http::HttpFunction;
use chorus_kernel::OutcomeUnknown;
use chorus_notification::{Delivery, Email, Mailer};
use chorus_payment::{
    Charge, ChargeAnswer, IntentId, PaymentProvider, ProviderError, Refund, RefundAnswer,
};
use chorus_webhook_signature::WebhookSecret;

use crate::{Dependencies, functions};

/// Stands where a secret would; nothing that is described holds it.
const NO_SECRET: &str = "never in a description";

/// The functions of all services, with nobody behind their ports.
#[must_use]
pub fn described() -> Vec<HttpFunction> {
    let nobody = Arc::new(Nobody);
    let webhook_secret: WebhookSecret = NO_SECRET.parse().expect("it is longer than sixteen bytes");
    let order_ids = NO_SECRET.parse().expect("it is longer than sixteen bytes");
    functions(&Dependencies {
        payment_provider: nobody.clone(),
        mailer: nobody,
        webhook_secret,
        order_ids,
    })
}

/// Stands where a service wants a partner.
struct Nobody;

const UNASKED: &str = "nobody is asked while the services are described";

fn unasked() -> ProviderError {
    ProviderError::Unknown(UNASKED.to_owned())
}

#[async_trait]
impl PaymentProvider for Nobody {
    async fn prepare(&self, _: &Charge) -> Result<IntentId, ProviderError> {
        Err(unasked())
    }

    async fn confirm(&self, _: &IntentId, _: &Charge) -> Result<ChargeAnswer, ProviderError> {
        Err(unasked())
    }

    async fn refund(&self, _: &Refund) -> Result<RefundAnswer, ProviderError> {
        Err(unasked())
    }
}

#[async_trait]
impl Mailer for Nobody {
    async fn send(&self, _: &Email, _: &str) -> Result<Delivery, OutcomeUnknown> {
        Err(OutcomeUnknown(UNASKED.to_owned()))
    }
}
