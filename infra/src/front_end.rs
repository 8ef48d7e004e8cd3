//! The shop's own front end: a partner to which the bus posts signed updates of orders, if the
//! front end's address is set. Otherwise, the rules for the front end are disabled, and cost
//! nothing.

use chorus_events::partners::FRONT_END;
use chorus_events::services;
use chorus_events::table::rows::SendUpdate;
use chorus_template::constructs::{Construct, GeneratedSecret};
use chorus_template::intrinsics::{either, reference};
use chorus_template::{Output, PartnerApi};
use serde_json::json;

use crate::stack_secret::StackSecret;

/// The CloudFormation condition that the front end's address is set.
const HAS_FRONT_END: &str = "HasFrontEnd";
/// The stack's secret for signing updates. The function that signs updates reads this secret.
pub(crate) const SIGNING_SECRET: StackSecret = StackSecret {
    id: "FrontEndSigningSecret",
    service: services::STOREFRONT,
    variable: "FRONT_END_SECRET_ARN",
    sid: "ReadFrontEndSecret",
    condition: Some(HAS_FRONT_END),
};

/// The front end's API, which the bus calls.
pub(crate) fn api() -> PartnerApi {
    let secret = GeneratedSecret {
        description: "The secret with which the shop signs updates for its front end",
        condition: Some(HAS_FRONT_END),
        given: None,
    };
    let mut api = PartnerApi::new(FRONT_END).endpoint::<SendUpdate>("order-updates");
    api.story = "The shop's own front end. The bus posts the updates that Storefront has signed, and retries a\n\
                 call for a day. The rules are enabled if FrontEndEndpoint is given: docs/adr/0010."
        .to_owned();
    api.resources = vec![(SIGNING_SECRET.id, secret.resource())];
    api
}

/// The output with the secret's ARN. An operator reads the secret at this ARN, and gives it to the
/// front end.
pub(crate) fn secret_output() -> Output {
    Output {
        name: "FrontEndSigningSecretArn",
        description: "The secret that the front end verifies updates with",
        value: either(HAS_FRONT_END, reference(SIGNING_SECRET.id), json!("no front end is named")),
    }
}
