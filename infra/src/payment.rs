//! Payments by Stripe on AWS. Stripe's API key, and the secret with which Stripe signs its
//! webhooks, are in Secrets Manager.

use chorus_events::{PaymentCapture, Settings, services};
use chorus_table::Service;
use chorus_template::Parameter;
use chorus_template::constructs::Statement;
use chorus_template::intrinsics::{either, reference, substitute};
use serde_json::{Value, json};

/// The parameter that names the secret with Stripe's API key. If the parameter is empty, a
/// simulated payment provider is used.
const STRIPE_KEY_SECRET: &str = "StripeKeySecret";
/// The parameter that names the secret with which Stripe signs its webhooks. If the parameter is
/// empty, all webhooks of payments are rejected.
const STRIPE_WEBHOOK_SECRET: &str = "StripeWebhookSecret";
/// The parameter with the URL of the page to which a bank sends a customer back after the
/// confirmation of a payment.
const RETURN_URL: &str = "PaymentReturnUrl";

/// The parameter that says when customers are charged.
const CAPTURE: &str = "PaymentCapture";

/// The parameters that production needs.
pub(crate) const PARAMETERS: [&str; 2] = [STRIPE_KEY_SECRET, STRIPE_WEBHOOK_SECRET];

pub(crate) fn parameters() -> Vec<Parameter> {
    let secret =
        "The name of the secret whose text is Stripe's key; if empty, payments are simulated";
    let signing =
        "The name of the secret whose text is the key with which Stripe signs its webhooks";
    let back = "The page to which a bank sends a customer back after the confirmation of a payment";
    let capture = "When customers are charged: at once, or when the parcel leaves (until then, the bank \
                   holds the amount)";
    let captures = PaymentCapture::ALL.map(PaymentCapture::name);
    let at_once = Settings::DEFAULT.payment_capture.name();
    vec![
        Parameter::text(STRIPE_KEY_SECRET, secret, ""),
        Parameter::text(STRIPE_WEBHOOK_SECRET, signing, ""),
        Parameter::text(RETURN_URL, back, "").like("^(https://.+)?$"),
        Parameter::text(CAPTURE, capture, at_once).one_of(&captures),
    ]
}

/// The environment variables of the function that charges. In production, this function rejects
/// keys for Stripe's test mode.
pub(crate) fn variables() -> Vec<(Service, String, Value)> {
    let live_only = either("IsProd", json!("true"), json!(""));
    let named = [
        ("STRIPE_KEY_SECRET", reference(STRIPE_KEY_SECRET)),
        ("STRIPE_WEBHOOK_SECRET", reference(STRIPE_WEBHOOK_SECRET)),
        ("STRIPE_LIVE_ONLY", live_only),
        ("PAYMENT_RETURN_URL", reference(RETURN_URL)),
        ("PAYMENT_CAPTURE", reference(CAPTURE)),
    ];
    let variable = |(name, value): (&str, Value)| (services::PAYMENT, name.to_owned(), value);
    named.into_iter().map(variable).collect()
}

/// The permission to read Stripe's key and the webhook secret. If the parameter with a secret's
/// name is empty, the ARN made from the empty name matches no secret.
pub(crate) fn grant() -> (Service, Statement) {
    let secret = |name: &str| {
        substitute(format!(
            "arn:${{AWS::Partition}}:secretsmanager:${{AWS::Region}}:${{AWS::AccountId}}:secret:${{{name}}}-??????"
        ))
    };
    let secrets = [STRIPE_KEY_SECRET, STRIPE_WEBHOOK_SECRET].map(secret);
    let actions = &["secretsmanager:GetSecretValue"];
    (services::PAYMENT, Statement::new("ReadStripesSecrets", actions, secrets.into()))
}
