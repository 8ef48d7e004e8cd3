//! The list of the shop's services, which the local run, the simulation and the template share.

mod described;

use std::sync::Arc;

use chorus_events::Settings;
use chorus_http::HttpFunction;
use chorus_kernel::KnownSecret;
use chorus_notification::Mailer;
use chorus_order::IdSecret;
use chorus_payment::PaymentProvider;
use chorus_storefront::FrontEndSecret;
use chorus_webhook_signature::SecretSource;

pub use described::described;

/// The dependencies of the services, apart from the kernel.
#[derive(Clone)]
pub struct Dependencies {
    pub payment_provider: Arc<dyn PaymentProvider>,
    pub mailer: Arc<dyn Mailer>,
    /// The secrets with which the carrier signs its webhooks.
    pub webhook_secrets: Arc<dyn SecretSource>,
    /// The secrets with which the payment provider signs its webhooks.
    pub payment_webhook_secrets: Arc<dyn SecretSource>,
    /// The secret from which ids of new orders are derived.
    pub order_ids: IdSecret,
    /// The secret with which the shop signs webhooks to its front end; `None` if there is no front
    /// end.
    pub front_end: Option<FrontEndSecret>,
    /// Whether the shop publishes public events to the event bus of another AWS account.
    pub public_events: bool,
    /// The settings that the shop's operator chooses.
    pub settings: Settings,
}

/// The functions of all services, in the order in which the design table lists the services. The
/// list contains Storefront only if there is a front end, and Enterprise only if there are public
/// events.
#[must_use]
pub fn functions(dependencies: &Dependencies) -> Vec<HttpFunction> {
    let Dependencies { payment_provider, mailer, webhook_secrets, payment_webhook_secrets, .. } =
        dependencies.clone();
    let Dependencies { order_ids, front_end, public_events, settings, .. } = dependencies.clone();
    let currency = settings.currency;
    let mut functions = vec![
        chorus_order::function(Arc::new(KnownSecret(order_ids)), settings),
        chorus_inventory::function(currency),
        chorus_customer::function(),
        chorus_delivery::function(webhook_secrets),
        chorus_payment::function(payment_provider, payment_webhook_secrets, currency),
        chorus_notification::function(mailer, currency).into(),
        chorus_fraud::function(currency),
        chorus_customs::function().into(),
        chorus_analytics::function(currency),
        chorus_event_log::function(),
    ];
    let storefront = |secret| chorus_storefront::function(Arc::new(KnownSecret(secret))).into();
    functions.extend(front_end.map(storefront));
    functions.extend(public_events.then(|| chorus_enterprise::function(currency).into()));
    functions
}
