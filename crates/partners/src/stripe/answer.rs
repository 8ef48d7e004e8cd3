//! The parts of Stripe's responses that are read. Stripe may add fields and statuses within one API
//! version: unknown fields are ignored, and unknown statuses are kept as text.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::StripeMessage;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentStatus {
    /// The intent has no payment method, or the last attempt was declined: see
    /// [`Intent::declined`].
    RequiresPaymentMethod,
    /// The intent is prepared and waits to be confirmed.
    RequiresConfirmation,
    /// The customer has to confirm at the bank.
    RequiresAction,
    /// The bank has not answered yet.
    Processing,
    /// The charge is authorized, but not captured.
    RequiresCapture,
    Canceled,
    Succeeded,
    /// A status that this client does not know.
    #[serde(untagged)]
    Unknown(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Intent {
    pub id: String,
    pub status: IntentStatus,
    /// The amount in the currency's minor unit.
    pub amount: u64,
    pub currency: String,
    /// The amount that was charged, in the currency's minor unit.
    #[serde(default)]
    pub amount_received: Option<u64>,
    /// The latest charge. Only a response to [`super::Stripe::intent`] or
    /// [`super::Stripe::intents`] contains more of the charge than its id.
    #[serde(default)]
    pub latest_charge: Option<Charge>,
    #[serde(default, rename = "last_payment_error", deserialize_with = "reason")]
    pub declined: Option<StripeMessage>,
    /// What the customer has to do, if the bank asks the customer for something.
    #[serde(default)]
    pub next_action: Option<NextAction>,
    /// The metadata with which the intent was created.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct IntentPage {
    pub data: Vec<Intent>,
    /// Whether more intents follow on the next page.
    pub has_more: bool,
}

/// What a customer has to do so that an intent can be charged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct NextAction {
    /// The bank's page for the customer, if there is one.
    #[serde(default)]
    pub redirect_to_url: Option<Redirection>,
}

/// The address of a bank's page.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Redirection {
    pub url: String,
}

/// A charge. Unless the request asks for the whole charge, Stripe sends only the charge's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    pub id: String,
    pub amount_refunded: Option<u64>,
}

impl<'de> Deserialize<'de> for Charge {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum IdOrWhole {
            Id(String),
            Whole { id: String, amount_refunded: u64 },
        }
        Ok(match IdOrWhole::deserialize(deserializer)? {
            IdOrWhole::Id(id) => Self { id, amount_refunded: None },
            IdOrWhole::Whole { id, amount_refunded } => {
                Self { id, amount_refunded: Some(amount_refunded) }
            }
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    Succeeded,
    /// The refund has been sent to the bank.
    Pending,
    RequiresAction,
    Failed,
    Canceled,
    #[serde(untagged)]
    Unknown(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Refund {
    pub id: String,
    pub amount: u64,
    pub status: RefundStatus,
    #[serde(default)]
    pub failure_reason: Option<String>,
}

#[derive(Deserialize)]
struct Reason {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    decline_code: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

impl From<Reason> for StripeMessage {
    fn from(Reason { code, decline_code, message }: Reason) -> Self {
        let message = message.or_else(|| code.clone()).unwrap_or_else(|| "no reason".to_owned());
        Self { code, decline_code, message }
    }
}

fn reason<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<StripeMessage>, D::Error> {
    Ok(Option::<Reason>::deserialize(deserializer)?.map(StripeMessage::from))
}

/// The error in a response's body; `None` if the body is not in Stripe's format.
pub(super) fn error_in(body: &[u8]) -> Option<StripeMessage> {
    #[derive(Deserialize)]
    struct Error {
        error: Reason,
    }
    serde_json::from_slice::<Error>(body).ok().map(|error| error.error.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_charge_is_read_by_its_id_and_whole() {
        let of = |charge: Value| serde_json::from_value::<Charge>(charge).unwrap();
        assert_eq!(of(json!("ch_1")).amount_refunded, None);
        assert_eq!(of(json!({"id": "ch_1", "amount_refunded": 5})).amount_refunded, Some(5));
    }

    #[test]
    fn a_status_that_is_not_known_is_reported_and_not_taken_for_another() {
        let status: IntentStatus = serde_json::from_value(json!("requires_luck")).unwrap();
        assert_eq!(status, IntentStatus::Unknown("requires_luck".to_owned()));
    }

    #[test]
    fn the_page_of_the_bank_is_read_where_there_is_one() {
        let of = |next: Value| {
            let intent = json!({ "id": "pi_1", "status": "requires_action", "amount": 1,
                "currency": "eur", "next_action": next, "metadata": { "order-id": "1" } });
            serde_json::from_value::<Intent>(intent).unwrap()
        };
        let url = "https://hooks.stripe.com/3d_secure_2/hosted?client_secret=a";
        let redirect = json!({ "type": "redirect_to_url",
            "redirect_to_url": { "url": url, "return_url": "https://shop.example" } });
        let page = of(redirect).next_action.and_then(|next| next.redirect_to_url);
        assert_eq!(page.map(|page| page.url).as_deref(), Some(url));
        let script = of(json!({ "type": "use_stripe_sdk", "use_stripe_sdk": {} }));
        assert_eq!(script.next_action, Some(NextAction::default()));
        assert_eq!(of(Value::Null).metadata["order-id"], "1");
    }

    /// Reads Stripe's own examples, if they are present beside the repository.
    #[test]
    fn stripes_own_example_answers_are_read() {
        let beside =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/stripe/fixtures.json");
        let path = std::env::var_os("STRIPE_EXAMPLES").unwrap_or_else(|| beside.into());
        let path = std::path::PathBuf::from(path);
        let Ok(examples) = std::fs::read_to_string(&path) else {
            eprintln!("not tried: Stripe's examples are not at {}", path.display());
            return;
        };
        let examples: Value = serde_json::from_str(&examples).unwrap();
        let example = |name: &str| examples["resources"][name].clone();
        let intent: Intent = serde_json::from_value(example("payment_intent")).unwrap();
        assert_eq!(intent.status, IntentStatus::RequiresPaymentMethod);
        assert_eq!((intent.amount, intent.amount_received), (1_099, Some(0)));
        let mut charged = example("payment_intent");
        charged["latest_charge"] = example("charge");
        let charged: Intent = serde_json::from_value(charged).unwrap();
        assert_eq!(charged.latest_charge.unwrap().amount_refunded, Some(0));
        let refund: Refund = serde_json::from_value(example("refund")).unwrap();
        assert_eq!((refund.amount, refund.status), (100, RefundStatus::Succeeded));
    }
}
