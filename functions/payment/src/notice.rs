//! The payment provider's notices, in the form of Stripe's events. Only the fields that are needed
//! are read, because Stripe adds fields and types without a new API version.

use chorus_events::commands::{PaymentNotice, PaymentReport};
use chorus_events::{Money, OrderId};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{IntentId, PaymentProvider, ProviderError};

/// The key of the order's id in a payment intent's metadata.
pub(crate) const ORDER_ID: &str = "order-id";

/// An event, as Stripe posts it to the webhook.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "StripeEvent")]
pub(crate) struct StripeEvent {
    /// The event's id, which is the same at every delivery.
    #[schemars(length(min = 1, max = 255))]
    pub(crate) id: String,
    /// The event's type, such as `payment_intent.succeeded`.
    #[serde(rename = "type")]
    kind: String,
    data: StripeData,
}

/// The data of an event.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
struct StripeData {
    /// The payment intent, refund or dispute that the event is about.
    #[schemars(extend("type" = "object"))]
    object: Value,
}

/// The content of a notice, before the provider has confirmed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoticeContent {
    /// The payment intent has a result: charged, held by the bank, or declined.
    Concluded {
        intent: IntentId,
        order_id: Option<OrderId>,
    },
    /// The payment intent was canceled: by the shop, or because an authorization has lapsed.
    Canceled {
        intent: IntentId,
        order_id: Option<OrderId>,
    },
    Disputed {
        intent: IntentId,
        minor_units: u64,
        reason: String,
        respond_by: Option<Timestamp>,
    },
    RefundFailed {
        intent: IntentId,
        reason: Option<String>,
    },
}

impl StripeEvent {
    pub(crate) fn sample() -> Self {
        let metadata = json!({ (ORDER_ID): chorus_events::samples::order_id() });
        let object = json!({
            "id": "pi_3Pgc71B7WZ01zgkW1a2b3c4d", "object": "payment_intent",
            "status": "succeeded", "metadata": metadata,
        });
        Self {
            id: "evt_3Pgc71B7WZ01zgkW1b2c3d4e".to_owned(),
            kind: "payment_intent.succeeded".to_owned(),
            data: StripeData { object },
        }
    }

    /// Returns the notice's content; `None` if the shop does not act on notices of this type, or if
    /// a field is missing.
    pub(crate) fn content(&self) -> Option<NoticeContent> {
        let object = &self.data.object;
        let text = |name: &str| object[name].as_str();
        let intent = |name| text(name).map(|id| IntentId(id.to_owned()));
        match self.kind.as_str() {
            "payment_intent.succeeded"
            | "payment_intent.amount_capturable_updated"
            | "payment_intent.payment_failed" => {
                Some(NoticeContent::Concluded { intent: intent("id")?, order_id: paid_by(object) })
            }
            "payment_intent.canceled" => {
                Some(NoticeContent::Canceled { intent: intent("id")?, order_id: paid_by(object) })
            }
            "charge.dispute.created" => Some(NoticeContent::Disputed {
                intent: intent("payment_intent")?,
                minor_units: object["amount"].as_u64()?,
                reason: text("reason").unwrap_or("general").to_owned(),
                respond_by: due(&object["evidence_details"]["due_by"]),
            }),
            "refund.failed" | "refund.updated" | "charge.refund.updated"
                if text("status") == Some("failed") =>
            {
                let reason = text("failure_reason").map(ToOwned::to_owned);
                Some(NoticeContent::RefundFailed { intent: intent("payment_intent")?, reason })
            }
            _ => None,
        }
    }
}

/// Returns the order that a payment intent is for, from the intent's metadata.
fn paid_by(intent: &Value) -> Option<OrderId> {
    intent["metadata"][ORDER_ID].as_str().and_then(|id| id.parse().ok())
}

fn due(seconds: &Value) -> Option<Timestamp> {
    seconds.as_i64().and_then(|seconds| Timestamp::from_second(seconds).ok())
}

/// Returns the command that follows from a notice; `None` if the notice is about no order of this
/// shop. For cancellations, disputes and failed refunds, the provider is asked for confirmation
/// first. If the provider does not confirm a cancellation, the command only says that the payment
/// intent has a result. If the provider does not confirm a dispute or a failed refund, there is no
/// command.
///
/// # Errors
/// If the provider does not answer.
pub(crate) async fn confirmed(
    content: NoticeContent,
    provider: &dyn PaymentProvider,
) -> Result<Option<PaymentNotice>, ProviderError> {
    let notice = |order_id, IntentId(intent), report| PaymentNotice {
        order_id,
        intent,
        report,
        amount: None,
        reason: None,
        respond_by: None,
    };
    Ok(match content {
        // A result needs no confirmation, because `ConcludePayment` asks the provider for the
        // result.
        NoticeContent::Concluded { intent, order_id } => {
            order_id.map(|order_id| notice(order_id, intent, PaymentReport::Concluded))
        }
        NoticeContent::Canceled { intent, order_id } => {
            let known = provider.find(&intent).await?.filter(|known| known.is_canceled);
            let report = known.map_or(PaymentReport::Concluded, |_| PaymentReport::Canceled);
            order_id.map(|order_id| notice(order_id, intent, report))
        }
        NoticeContent::Disputed { intent, minor_units, reason, respond_by } => {
            provider.find(&intent).await?.map(|known| {
                let amount: Option<Money> = provider.money(minor_units);
                let report = PaymentReport::Disputed;
                let reason = Some(reason);
                PaymentNotice {
                    amount,
                    reason,
                    respond_by,
                    ..notice(known.order_id, intent, report)
                }
            })
        }
        NoticeContent::RefundFailed { intent, reason } => {
            let known = provider.find(&intent).await?.filter(|known| !known.is_refunded);
            known.map(|known| PaymentNotice {
                reason,
                ..notice(known.order_id, intent, PaymentReport::RefundFailed)
            })
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, object: Value) -> StripeEvent {
        StripeEvent { kind: kind.to_owned(), data: StripeData { object }, ..StripeEvent::sample() }
    }

    fn intent() -> IntentId {
        IntentId("pi_1".to_owned())
    }

    #[test]
    fn the_result_of_an_intent_names_the_order_by_its_metadata() {
        let object = json!({ "id": "pi_1", "metadata": { "order-id": "1073459984" } });
        let order_id = Some(chorus_events::samples::order_id());
        for kind in ["succeeded", "amount_capturable_updated", "payment_failed"] {
            let content = event(&format!("payment_intent.{kind}"), object.clone()).content();
            let expected =
                NoticeContent::Concluded { intent: intent(), order_id: order_id.clone() };
            assert_eq!(content, Some(expected), "{kind}");
        }
        let canceled = event("payment_intent.canceled", object).content();
        assert_eq!(canceled, Some(NoticeContent::Canceled { intent: intent(), order_id }));
        let foreign = event("payment_intent.succeeded", json!({ "id": "pi_1", "metadata": {} }));
        assert_eq!(
            foreign.content(),
            Some(NoticeContent::Concluded { intent: intent(), order_id: None })
        );
    }

    #[test]
    fn a_dispute_has_an_amount_a_reason_and_a_deadline() {
        let dispute = event(
            "charge.dispute.created",
            json!({ "id": "dp_1", "payment_intent": "pi_1", "amount": 23_751, "reason": "fraudulent",
                "evidence_details": { "due_by": 1_795_171_620 } }),
        );
        let respond_by = Timestamp::from_second(1_795_171_620).ok();
        let expected = NoticeContent::Disputed {
            intent: intent(),
            minor_units: 23_751,
            reason: "fraudulent".to_owned(),
            respond_by,
        };
        assert_eq!(dispute.content(), Some(expected));
    }

    #[test]
    fn only_a_refund_that_failed_is_reported() {
        let refund = |status: &str| {
            json!({ "id": "re_1", "payment_intent": "pi_1", "status": status,
                "failure_reason": "lost_or_stolen_card" })
        };
        for kind in ["refund.failed", "refund.updated", "charge.refund.updated"] {
            let reason = Some("lost_or_stolen_card".to_owned());
            let failed = event(kind, refund("failed")).content();
            assert_eq!(
                failed,
                Some(NoticeContent::RefundFailed { intent: intent(), reason }),
                "{kind}"
            );
            assert_eq!(event(kind, refund("succeeded")).content(), None, "{kind}");
        }
    }

    #[test]
    fn other_types_and_incomplete_events_tell_nothing() {
        for (kind, object) in [
            ("invoice.paid", json!({ "id": "pi_1" })),
            ("payment_intent.created", json!({ "id": "pi_1" })),
            ("payment_intent.succeeded", json!({})),
            ("charge.dispute.created", json!({ "payment_intent": null })),
            ("refund.failed", json!(7)),
        ] {
            assert_eq!(event(kind, object).content(), None, "{kind}");
        }
    }
}
