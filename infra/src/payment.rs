//! Payments on AWS, which Stripe makes with a key in Secrets Manager.

use chorus_events::services;
use chorus_table::Service;
use chorus_template::Parameter;
use chorus_template::constructs::Statement;
use chorus_template::intrinsics::{either, reference, substitute};
use serde_json::{Value, json};

/// The parameter with the secret's name; if it is empty, a simulated provider is used.
const STRIPE_KEY_SECRET: &str = "StripeKeySecret";

pub(crate) const PARAMETERS: [&str; 1] = [STRIPE_KEY_SECRET];

pub(crate) fn parameters() -> Vec<Parameter> {
    let secret =
        "The name of the secret whose text is Stripe's key; where empty, a simulation charges";
    vec![Parameter::text(STRIPE_KEY_SECRET, secret, "")]
}

/// The environment variables of the function that charges. In production it rejects keys for
/// Stripe's test mode.
pub(crate) fn variables() -> Vec<(Service, String, Value)> {
    let live_only = either("IsProd", json!("true"), json!(""));
    let named =
        [("STRIPE_KEY_SECRET", reference(STRIPE_KEY_SECRET)), ("STRIPE_LIVE_ONLY", live_only)];
    let variable = |(name, value): (&str, Value)| (services::PAYMENT, name.to_owned(), value);
    named.into_iter().map(variable).collect()
}

/// The permission to read that secret; if the parameter is empty, it matches no secret.
pub(crate) fn grant() -> (Service, Statement) {
    let secret = substitute(format!(
        "arn:${{AWS::Partition}}:secretsmanager:${{AWS::Region}}:${{AWS::AccountId}}:secret:${{{STRIPE_KEY_SECRET}}}-??????"
    ));
    let actions = &["secretsmanager:GetSecretValue"];
    (services::PAYMENT, Statement::new("ReadStripesKey", actions, vec![secret]))
}
