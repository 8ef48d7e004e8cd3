//! The notices that the simulated provider sends: about charges that customers had to confirm,
//! about disputes, and about failed refunds.

use chorus_events::{Money, OrderId};
use chorus_kernel::derived_id;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::ledger::Outcome;
use super::{SimulatedProvider, agreed, confirmed_at};
use crate::notice::ORDER_ID;
use crate::{IntentId, ProviderError};

/// A notice for the shop's webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedNotice {
    pub intent: IntentId,
    pub order_id: OrderId,
    report: Report,
}

/// The content of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Report {
    /// The payment intent was charged, authorized or canceled. The text is Stripe's type for that
    /// event.
    Result(&'static str),
    /// The customer disputes the charge of this amount.
    Disputed(Money),
    /// A refund that had been accepted did not reach the customer.
    RefundFailed,
}

impl Report {
    /// Stripe's name for this type of notice.
    const fn kind(self) -> &'static str {
        match self {
            Self::Result(kind) => kind,
            Self::Disputed(_) => "charge.dispute.created",
            Self::RefundFailed => "refund.failed",
        }
    }
}

impl SimulatedNotice {
    /// Reports that the customer confirmed a charge, and that the charge was made.
    #[must_use]
    pub const fn succeeded(intent: IntentId, order_id: OrderId) -> Self {
        Self { intent, order_id, report: Report::Result("payment_intent.succeeded") }
    }

    /// Reports that the customer confirmed a charge, and that the bank holds its amount.
    #[must_use]
    pub const fn authorized(intent: IntentId, order_id: OrderId) -> Self {
        Self {
            intent,
            order_id,
            report: Report::Result("payment_intent.amount_capturable_updated"),
        }
    }

    /// Reports that a payment intent was canceled.
    #[must_use]
    pub const fn canceled(intent: IntentId, order_id: OrderId) -> Self {
        Self { intent, order_id, report: Report::Result("payment_intent.canceled") }
    }

    /// Reports that the customer disputes a charge.
    #[must_use]
    pub const fn disputed(intent: IntentId, order_id: OrderId, amount: Money) -> Self {
        Self { intent, order_id, report: Report::Disputed(amount) }
    }

    /// Reports that a refund did not reach the customer, although the provider had accepted the
    /// refund.
    #[must_use]
    pub const fn refund_failed(intent: IntentId, order_id: OrderId) -> Self {
        Self { intent, order_id, report: Report::RefundFailed }
    }

    /// Returns the notice as Stripe would post it: with the same id however often the notice is
    /// sent.
    #[must_use]
    pub fn event(&self) -> Value {
        let IntentId(intent) = &self.intent;
        let kind = self.report.kind();
        let id = derived_id("payment-notice", &format!("{intent} {kind}"), 0).simple();
        let object = match self.report {
            Report::Result(_) => json!({
                "id": intent, "object": "payment_intent", "metadata": { (ORDER_ID): self.order_id },
            }),
            Report::Disputed(amount) => json!({
                "id": format!("dp_{id}"), "object": "dispute", "payment_intent": intent,
                "amount": amount.minor(), "reason": "fraudulent",
            }),
            Report::RefundFailed => json!({
                "id": format!("re_{id}"), "object": "refund", "payment_intent": intent,
                "status": "failed", "failure_reason": "expired_or_canceled_card",
            }),
        };
        json!({ "id": format!("evt_{id}"), "object": "event", "type": kind, "data": { "object": object } })
    }
}

impl SimulatedProvider {
    /// Makes the charges that customers have confirmed by now. Returns the notices that are due,
    /// and the time at which the next notice will be due.
    ///
    /// # Errors
    /// If the provider's table cannot be read or written.
    pub async fn notices(
        &self,
    ) -> Result<(Vec<SimulatedNotice>, Option<Timestamp>), ProviderError> {
        let (mut due, mut next) = (Vec::new(), None::<Timestamp>);
        for (intent, charged, since) in self.books.asked().await? {
            let order_id = charged.order_id.clone();
            let outcome = match self.books.outcome(&intent).await? {
                Some(outcome) => outcome,
                None => match confirmed_at(&charged, since) {
                    None => continue,
                    Some(at) if self.clock.now() < at => {
                        next = Some(next.map_or(at, |next| next.min(at)));
                        continue;
                    }
                    Some(_) => {
                        let agreed = agreed(charged, self.capture);
                        self.books.enter(&intent, &order_id, agreed).await?.0
                    }
                },
            };
            let intent = IntentId(intent);
            due.push(match outcome {
                Outcome::Charged(_) => SimulatedNotice::succeeded(intent, order_id),
                Outcome::Authorized(_) => SimulatedNotice::authorized(intent, order_id),
                Outcome::Declined | Outcome::Voided => SimulatedNotice::canceled(intent, order_id),
            });
        }
        Ok((due, next))
    }

    /// Records that the shop accepted the notice, so that the notice is not sent again.
    ///
    /// # Errors
    /// If the provider's table cannot be written.
    pub async fn notice_accepted(&self, notice: &SimulatedNotice) -> Result<(), ProviderError> {
        self.books.notice_accepted(&notice.intent.0).await
    }
}
