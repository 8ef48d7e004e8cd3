//! The services' functions, as a template needs them: with the tables of the simulated partners, and
//! without anybody behind their ports.

use std::sync::Arc;

use async_trait::async_trait;
use chorus_events::services;
use chorus_http::HttpFunction;
use chorus_kernel::OutcomeUnknown;
use chorus_notification::{Delivery, Letter, Mailer, SIMULATED_MAILER_TABLE};
use chorus_payment::{
    Charge, ChargeAnswer, PaymentProvider, Refund, RefundAnswer, SIMULATED_PROVIDER_TABLE,
};
use chorus_services::Dependencies;
use chorus_webhook_signature::WebhookSecret;

/// Stands where the carrier's secret would; no template holds it.
const NO_SECRET: &str = "never in a template";

/// All of them: the simulated payment provider and mailer keep their books in tables of the services
/// that ask them.
pub(crate) fn all() -> Vec<HttpFunction> {
    let nobody = Arc::new(Nobody);
    let webhook_secret: WebhookSecret = NO_SECRET.parse().expect("it is longer than sixteen bytes");
    let mut functions = chorus_services::functions(&Dependencies {
        payment_provider: nobody.clone(),
        mailer: nobody,
        webhook_secret,
    });
    let books = [
        (services::PAYMENT, SIMULATED_PROVIDER_TABLE),
        (services::NOTIFICATION, SIMULATED_MAILER_TABLE),
    ];
    for HttpFunction { function, .. } in &mut functions {
        let own = books.iter().filter(|(service, _)| *service == function.service);
        function.tables.extend(own.map(|(_, table)| *table));
    }
    functions
}

/// Stands where a service wants a partner: while a template is printed, nobody is asked.
struct Nobody;

fn unanswered() -> OutcomeUnknown {
    OutcomeUnknown("nobody is asked while a template is printed".to_owned())
}

#[async_trait]
impl PaymentProvider for Nobody {
    async fn charge(&self, _: &Charge, _: &str) -> Result<ChargeAnswer, OutcomeUnknown> {
        Err(unanswered())
    }

    async fn refund(&self, _: &Refund, _: &str) -> Result<RefundAnswer, OutcomeUnknown> {
        Err(unanswered())
    }
}

#[async_trait]
impl Mailer for Nobody {
    async fn send(&self, _: &Letter, _: &str) -> Result<Delivery, OutcomeUnknown> {
        Err(unanswered())
    }
}
