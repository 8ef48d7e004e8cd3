//! The carrier: a partner that the bus calls, and that calls back with a signed webhook.

use chorus_events::partners::CARRIER;
use chorus_events::services;
use chorus_events::table::rows::{RecallDelivery, StartDelivery};
use chorus_table::Service;
use chorus_template::constructs::{Construct, GeneratedSecret};
use chorus_template::intrinsics::{either, equals, reference, substitute};
use chorus_template::{Output, Parameter, PartnerApi};
use serde_json::{Value, json};

/// The parameter with the secret that webhooks are signed with.
const WEBHOOK_SECRET: &str = "WebhookSecret";
/// Holds where nobody gave it.
const GENERATES_WEBHOOK_SECRET: &str = "GeneratesWebhookSecret";
/// The secret that is made then.
const GENERATED_WEBHOOK_SECRET: &str = "GeneratedWebhookSecret";

/// What the bus calls of the carrier's.
pub(crate) fn api() -> PartnerApi {
    let secret = GeneratedSecret {
        description: "The carrier signs its webhooks with this",
        condition: Some(GENERATES_WEBHOOK_SECRET),
    };
    let story = "The carrier: the bus calls its API, no more often than it takes, and tries again for a\n\
                 day; then the dead letters tell CancelDelivery. It calls back with a webhook, signed\n\
                 with a secret that is made here unless one is given.";
    let mut api = PartnerApi::new(CARRIER)
        .endpoint::<StartDelivery>("deliveries")
        .endpoint::<RecallDelivery>("recalls");
    api.story = story.to_owned();
    api.resources = vec![(GENERATED_WEBHOOK_SECRET, secret.resource())];
    api
}

pub(crate) fn webhook_parameter() -> Parameter {
    let description = "The carrier signs webhooks with it; made where empty";
    Parameter::text(WEBHOOK_SECRET, description, "").secret()
}

pub(crate) fn webhook_condition() -> (&'static str, Value) {
    (GENERATES_WEBHOOK_SECRET, equals(WEBHOOK_SECRET, ""))
}

/// The environment variable by which the function that verifies webhooks knows the secret.
pub(crate) fn webhook_secret() -> (Service, String, Value) {
    let generated =
        substitute(format!("{{{{resolve:secretsmanager:${{{GENERATED_WEBHOOK_SECRET}}}}}}}"));
    let secret = either(GENERATES_WEBHOOK_SECRET, generated, reference(WEBHOOK_SECRET));
    (services::DELIVERY, "WEBHOOK_SECRET".to_owned(), secret)
}

/// Where a person reads the secret, to hand it to the carrier.
pub(crate) fn webhook_output() -> Output {
    let generated = reference(GENERATED_WEBHOOK_SECRET);
    Output {
        name: "WebhookSecretArn",
        description: "The secret that the carrier needs",
        value: either(GENERATES_WEBHOOK_SECRET, generated, json!("as given")),
    }
}
