//! The shop's own stack: its design table and its ten services.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use chorus_delivery::WebhookSecret;
use chorus_events::table::TABLE;
use chorus_kernel::{Function, Unanswered};
use chorus_notification::{Delivery, Letter, Mailer, SIMULATED_MAILER_TABLE};
use chorus_payment::{
    Charge, ChargeAnswer, PaymentProvider, Refund, RefundAnswer, SIMULATED_PROVIDER_TABLE,
};

use crate::Stack;

impl Stack {
    /// The shop, in the repository at `root`: the simulated payment provider and mailer keep
    /// their books in tables of the services that ask them.
    #[must_use]
    pub fn shop(root: impl Into<PathBuf>) -> Self {
        Self { rows: TABLE.to_vec(), functions: functions(), root: root.into() }
    }
}

/// Stands where the carrier's secret would; no template holds it.
const NO_SECRET: &str = "never in a template";

fn functions() -> Vec<Function> {
    let nobody = Arc::new(Nobody);
    let secret: WebhookSecret = NO_SECRET.parse().expect("it is longer than sixteen bytes");
    vec![
        chorus_order::function(),
        chorus_inventory::function(),
        chorus_customer::function(),
        chorus_delivery::function(secret),
        chorus_payment::function(nobody.clone()).table(SIMULATED_PROVIDER_TABLE),
        chorus_notification::function(nobody).table(SIMULATED_MAILER_TABLE),
        chorus_fraud::function(),
        chorus_customs::function(),
        chorus_analytics::function(),
        chorus_event_log::function(),
    ]
}

/// Stands where a service wants a partner: while a template is printed, nobody is asked.
struct Nobody;

fn unanswered() -> Unanswered {
    Unanswered("nobody is asked while a template is printed".to_owned())
}

#[async_trait]
impl PaymentProvider for Nobody {
    async fn charge(&self, _: &Charge, _: &str) -> Result<ChargeAnswer, Unanswered> {
        Err(unanswered())
    }

    async fn refund(&self, _: &Refund, _: &str) -> Result<RefundAnswer, Unanswered> {
        Err(unanswered())
    }
}

#[async_trait]
impl Mailer for Nobody {
    async fn send(&self, _: &Letter, _: &str) -> Result<Delivery, Unanswered> {
        Err(unanswered())
    }
}
