//! The carrier: a partner whose API the bus calls, and which calls the shop's API by signed
//! webhooks.

use chorus_events::partners::CARRIER;
use chorus_events::services;
use chorus_events::table::rows::{RecallDelivery, StartDelivery};
use chorus_template::constructs::{Construct, GeneratedSecret};
use chorus_template::intrinsics::given;
use chorus_template::{Output, Parameter, PartnerApi};
use serde_json::{Value, json};

use crate::stack_secret::StackSecret;

/// The parameter with the initial secret for signing webhooks.
const WEBHOOK_SECRET: &str = "WebhookSecret";
/// The CloudFormation condition that the parameter [`WEBHOOK_SECRET`] is set.
const HAS_WEBHOOK_SECRET: &str = "HasWebhookSecret";
/// The stack's secret with which the carrier signs its webhooks. The function that verifies
/// webhooks reads this secret.
pub(crate) const STORED_WEBHOOK_SECRET: StackSecret = StackSecret {
    id: "GeneratedWebhookSecret",
    service: services::DELIVERY,
    variable: "WEBHOOK_SECRET_ARN",
    sid: "ReadWebhookSecret",
    condition: None,
};

/// The carrier's API, which the bus calls.
pub(crate) fn api() -> PartnerApi {
    let secret = GeneratedSecret {
        description: "The secret with which the carrier signs its webhooks",
        condition: None,
        given: Some((HAS_WEBHOOK_SECRET, WEBHOOK_SECRET)),
    };
    let story = "The carrier. The bus calls its API, up to a limit per second, and retries a call for a day;\n\
                 after that, CancelDelivery gets the dead letter. The carrier signs its webhooks with a\n\
                 secret, which this stack generates if none is given. `chorus webhook rotate` replaces it.";
    let mut api = PartnerApi::new(CARRIER)
        .endpoint::<StartDelivery>("deliveries")
        .endpoint::<RecallDelivery>("recalls");
    api.story = story.to_owned();
    api.resources = vec![(STORED_WEBHOOK_SECRET.id, secret.resource())];
    api
}

pub(crate) fn webhook_parameter() -> Parameter {
    let description = "The secret with which the carrier signs webhooks: at least 16 characters; generated if empty";
    Parameter::text(WEBHOOK_SECRET, description, "").secret().like("^(.{16,})?$")
}

pub(crate) fn webhook_condition() -> (&'static str, Value) {
    (HAS_WEBHOOK_SECRET, given(WEBHOOK_SECRET))
}

/// The output with the secret's ARN. An operator reads the secret at this ARN, and gives it to the
/// carrier.
pub(crate) fn webhook_output() -> Output {
    Output {
        name: "WebhookSecretArn",
        description: "The secret with which the carrier has to sign",
        value: STORED_WEBHOOK_SECRET.arn_or(json!("")),
    }
}
