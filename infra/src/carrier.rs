//! The carrier: a partner that the bus calls, and that calls back with a signed webhook.

use chorus_events::partners::CARRIER;
use chorus_events::services;
use chorus_events::table::rows::{RecallDelivery, StartDelivery};
use chorus_table::Service;
use chorus_template::constructs::{Construct, GeneratedSecret, Statement};
use chorus_template::intrinsics::{attribute, given};
use chorus_template::{Output, Parameter, PartnerApi};
use serde_json::Value;

/// The parameter with the first secret that webhooks are signed with.
const WEBHOOK_SECRET: &str = "WebhookSecret";
/// Holds where it was given.
const HAS_WEBHOOK_SECRET: &str = "HasWebhookSecret";
/// The secret. Another logical id would make it anew in stacks that are deployed.
const STORED_WEBHOOK_SECRET: &str = "GeneratedWebhookSecret";

/// What the bus calls of the carrier's.
pub(crate) fn api() -> PartnerApi {
    let secret = GeneratedSecret {
        description: "The carrier signs its webhooks with this",
        condition: None,
        given: Some((HAS_WEBHOOK_SECRET, WEBHOOK_SECRET)),
    };
    let story = "The carrier: the bus calls its API, no more often than it takes, and tries again for a\n\
                 day; then the dead letters tell CancelDelivery. It calls back with a webhook, signed\n\
                 with a secret that is made here unless one is given. `chorus webhook rotate` replaces it.";
    let mut api = PartnerApi::new(CARRIER)
        .endpoint::<StartDelivery>("deliveries")
        .endpoint::<RecallDelivery>("recalls");
    api.story = story.to_owned();
    api.resources = vec![(STORED_WEBHOOK_SECRET, secret.resource())];
    api
}

pub(crate) fn webhook_parameter() -> Parameter {
    let description =
        "The carrier signs webhooks with it: at least 16 characters; made where empty";
    Parameter::text(WEBHOOK_SECRET, description, "").secret().like("^(.{16,})?$")
}

pub(crate) fn webhook_condition() -> (&'static str, Value) {
    (HAS_WEBHOOK_SECRET, given(WEBHOOK_SECRET))
}

/// The environment variable that names the secret to the function that verifies webhooks.
pub(crate) fn webhook_secret() -> (Service, String, Value) {
    (services::DELIVERY, "WEBHOOK_SECRET_ARN".to_owned(), secret_arn())
}

/// Reading that secret, and no other.
pub(crate) fn grant() -> (Service, Statement) {
    let actions = &["secretsmanager:GetSecretValue"];
    (services::DELIVERY, Statement::new("ReadWebhookSecret", actions, vec![secret_arn()]))
}

/// The attribute of a secret that is its ARN is called `Id`.
fn secret_arn() -> Value {
    attribute(STORED_WEBHOOK_SECRET, "Id")
}

/// Where a person reads the secret, to hand it to the carrier.
pub(crate) fn webhook_output() -> Output {
    Output {
        name: "WebhookSecretArn",
        description: "The secret that the carrier needs",
        value: secret_arn(),
    }
}
