//! The shop's own front end: a partner to which the bus posts signed updates of orders, if its
//! address is set. Otherwise its rules are disabled and cost nothing.

use chorus_events::partners::FRONT_END;
use chorus_events::services;
use chorus_events::table::rows::SendUpdate;
use chorus_template::constructs::{Construct, GeneratedSecret};
use chorus_template::intrinsics::{either, reference};
use chorus_template::{Output, PartnerApi};
use serde_json::json;

use crate::stack_secret::StackSecret;

/// The condition that the front end's address is set.
const HAS_FRONT_END: &str = "HasFrontEnd";
/// The secret for signing updates, for the function that signs them.
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
    api.story = "The shop's own front end: the bus posts to it what Storefront has signed, and tries again\n\
                 for a day. Its rules are enabled where FrontEndEndpoint is given: docs/adr/0010."
        .to_owned();
    api.resources = vec![(SIGNING_SECRET.id, secret.resource())];
    api
}

/// The output with the secret's ARN: an operator reads the secret there, for the front end.
pub(crate) fn secret_output() -> Output {
    Output {
        name: "FrontEndSigningSecretArn",
        description: "The secret that the front end verifies updates with",
        value: either(HAS_FRONT_END, reference(SIGNING_SECRET.id), json!("no front end is named")),
    }
}
