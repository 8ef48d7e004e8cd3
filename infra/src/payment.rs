//! Payments on AWS: Stripe makes them, by a key that lies in Secrets Manager.

use chorus_events::services;
use chorus_table::Service;
use chorus_template::Parameter;
use chorus_template::constructs::Statement;
use chorus_template::intrinsics::{either, reference, substitute};
use serde_json::{Value, json};

/// The secret with Stripe's key; where empty, the simulated provider charges nobody.
const STRIPE_KEY_SECRET: &str = "StripeKeySecret";

pub(crate) const PARAMETERS: [&str; 1] = [STRIPE_KEY_SECRET];

pub(crate) fn parameters() -> Vec<Parameter> {
    let secret =
        "The name of the secret whose text is Stripe's key; where empty, a simulation charges";
    vec![Parameter::text(STRIPE_KEY_SECRET, secret, "")]
}

/// How the function that charges knows it. Production refuses a key that charges no real card.
pub(crate) fn variables() -> Vec<(Service, String, Value)> {
    let live_only = either("IsProd", json!("true"), json!(""));
    let named =
        [("STRIPE_KEY_SECRET", reference(STRIPE_KEY_SECRET)), ("STRIPE_LIVE_ONLY", live_only)];
    let variable = |(name, value): (&str, Value)| (services::PAYMENT, name.to_owned(), value);
    named.into_iter().map(variable).collect()
}

/// Reading that secret, and no other; while none is named, none.
pub(crate) fn grant() -> (Service, Statement) {
    let secret = substitute(format!(
        "arn:${{AWS::Partition}}:secretsmanager:${{AWS::Region}}:${{AWS::AccountId}}:secret:${{{STRIPE_KEY_SECRET}}}-??????"
    ));
    let actions = &["secretsmanager:GetSecretValue"];
    (services::PAYMENT, Statement::new("ReadStripesKey", actions, vec![secret]))
}
