//! Payments on AWS: Stripe makes them, by a key that lies in Secrets Manager.

use chorus_events::services;
use chorus_table::Service;
use chorus_template::Parameter;
use chorus_template::constructs::Statement;
use chorus_template::intrinsics::{either, reference, substitute};
use serde_json::{Value, json};

/// The secret with Stripe's key; where empty, the simulated provider charges nobody.
const STRIPE_KEY_SECRET: &str = "StripeKeySecret";
/// What prices are in.
const CURRENCY: &str = "Currency";

pub(crate) const PARAMETERS: [&str; 1] = [STRIPE_KEY_SECRET];

pub(crate) fn parameters() -> Vec<Parameter> {
    let secret =
        "The name of the secret whose text is Stripe's key; where empty, a simulation charges";
    vec![
        Parameter::text(STRIPE_KEY_SECRET, secret, ""),
        Parameter::text(CURRENCY, "What prices are in: a code of ISO 4217", "EUR"),
    ]
}

/// The services that tell prices, or charge them.
const WITH_PRICES: [Service; 5] =
    [services::PAYMENT, services::ORDER, services::INVENTORY, services::FRAUD, services::ANALYTICS];

/// How the function that charges knows them, and what prices are in, all who tell them. Production refuses a key that charges no real card.
pub(crate) fn variables() -> Vec<(Service, String, Value)> {
    let live_only = either("IsProd", json!("true"), json!(""));
    let named =
        [("STRIPE_KEY_SECRET", reference(STRIPE_KEY_SECRET)), ("STRIPE_LIVE_ONLY", live_only)];
    let variable = |(name, value): (&str, Value)| (services::PAYMENT, name.to_owned(), value);
    let currency = WITH_PRICES.map(|service| (service, "CURRENCY".to_owned(), reference(CURRENCY)));
    named.into_iter().map(variable).chain(currency).collect()
}

/// Reading that secret, and no other; while none is named, none.
pub(crate) fn grant() -> (Service, Statement) {
    let secret = substitute(format!(
        "arn:${{AWS::Partition}}:secretsmanager:${{AWS::Region}}:${{AWS::AccountId}}:secret:${{{STRIPE_KEY_SECRET}}}-??????"
    ));
    let actions = &["secretsmanager:GetSecretValue"];
    (services::PAYMENT, Statement::new("ReadStripesKey", actions, vec![secret]))
}
