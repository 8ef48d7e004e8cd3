//! All transitions of a payment in one table, with the reasons.

use chorus_events::delivery::DeliveryEstimated;
use chorus_events::{CustomerId, Money};

use crate::CaptureAnswer::{Captured, Failed as NotCaptured};
use crate::ChargeAnswer::{Authorized as Held, Charged as Taken, ConfirmationRequired, Declined};
use crate::RefundAnswer::{NothingCharged, Refunded as RefundMade, Refused};
use crate::Status::{
    Approved, Authorized, Canceled, CaptureFailed, Charged, Charging, Failed, New, RefundRefused,
    Refunded, Refunding, WaitingForApproval, WaitingForCustomer,
};
use crate::{CaptureAnswer, ChargeAnswer, Payment, RefundAnswer, Status, needs_approval};

/// The facts that change a payment.
#[derive(Debug, Clone)]
pub(crate) enum Fact<'a> {
    /// A reviewer has to approve the order before it is charged.
    Review(&'a CustomerId, Money),
    /// A reviewer approved the order.
    Approval,
    /// The delivery estimate arrived: the order is to be charged.
    Estimate(&'a DeliveryEstimated),
    /// Nobody reviewed the order in time, or every attempt to charge the order failed.
    GivenUp(&'a CustomerId, Money, &'a str),
    /// The message that causes a charge is delivered again: the charge may have been made.
    Redelivered,
    /// The provider answered the request to charge.
    Charge(&'a ChargeAnswer),
    /// The wait for the customer is over: ask the provider for the result.
    Conclusion,
    /// The wait for the customer is over, and the provider has no result. The text is the reason
    /// why the payment fails.
    Unconfirmed(&'a str),
    /// The parcel leaves: the amount that the bank holds is to be captured.
    Departure,
    /// The provider answered the request to capture the amount.
    Capture(&'a CaptureAnswer),
    Cancellation,
    /// `CancelPayment` or `RetryRefund` requested a refund, and the provider answered.
    Refund(&'a RefundAnswer),
    /// A refund that the provider had accepted did not reach the customer.
    RefundFailed(&'a str),
    /// An operator requests a refused refund again.
    Retry,
}

/// The effect of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Set this status, and publish no event. The text explains this outcome.
    Become(Status, &'static str),
    /// Set this status, and publish an event.
    Publish(Status),
    /// Set this status, and ask the provider to charge.
    Charge(Status),
    /// Set this status, and ask the provider to capture the amount.
    Capture(Status),
    /// Set this status, and ask the provider to refund.
    Refund(Status),
    Nothing(&'static str),
    /// Fail with a retryable error: the message is retried later.
    Later(&'static str),
    /// Fail with a terminal error: an operator has to decide what to do.
    Wrong(&'static str),
}

impl Payment {
    /// Returns the effect of a fact on this payment.
    #[allow(clippy::too_many_lines, reason = "one table of all transitions, to be read as a whole")]
    pub(crate) fn next(&self, fact: &Fact<'_>) -> Next {
        match (self.status, fact) {
            (Refunding | Canceled | Refunded | RefundRefused, Fact::Refund(NothingCharged))
                if self.owes() =>
            {
                Next::Later("the provider does not find a charge that it had reported")
            }

            // Collecting: review, charge, conclude.
            (New, Fact::Review(..)) => Next::Publish(WaitingForApproval),
            (WaitingForApproval, Fact::Approval) => {
                Next::Become(Approved, "approved: the order is charged next")
            }
            (New, Fact::Estimate(order)) if needs_approval(order) => {
                Next::Wrong("the order is of high value, and no reviewer approved it")
            }
            (WaitingForApproval, Fact::Estimate(..)) => {
                Next::Wrong("no reviewer has approved the order yet")
            }
            (New | Approved, Fact::Estimate(..)) | (Charging, Fact::Redelivered) => {
                Next::Charge(Charging)
            }
            (New | WaitingForApproval | Approved, Fact::GivenUp(..))
            | (Charging | WaitingForCustomer, Fact::Charge(Declined { .. })) => {
                Next::Publish(Failed)
            }
            (Charging, Fact::Charge(ConfirmationRequired { .. })) => {
                Next::Become(WaitingForCustomer, "the customer has to confirm the charge")
            }
            (WaitingForCustomer, Fact::Conclusion) => Next::Charge(WaitingForCustomer),
            (WaitingForCustomer, Fact::Charge(ConfirmationRequired { .. })) => {
                Next::Later("the customer has not confirmed the charge yet")
            }
            // It is not known whether the order was charged; `CancelPayment`, which is next, asks
            // the provider.
            (Charging | WaitingForCustomer | Authorized | Charged, Fact::GivenUp(..))
            | (WaitingForCustomer, Fact::Unconfirmed(_))
            // The shop has recorded no refund: a region that failed requested it, or a person did so on
            // the provider's dashboard.
            | (Charged, Fact::RefundFailed(_)) => Next::Publish(self.status),
            (Charging | WaitingForCustomer, Fact::Charge(Taken { .. }))
            | (Authorized, Fact::Capture(Captured { .. })) => Next::Publish(Charged),
            (Charging | WaitingForCustomer, Fact::Charge(Held { .. })) => Next::Publish(Authorized),
            (WaitingForCustomer, Fact::Redelivered) => {
                Next::Nothing("the customer has to confirm the charge")
            }
            (
                Authorized | Charged | CaptureFailed | Failed,
                Fact::Redelivered | Fact::Charge(_) | Fact::Conclusion | Fact::Unconfirmed(_),
            ) => Next::Nothing("the charge was concluded, or its amount is held, already"),
            (WaitingForApproval | Approved, Fact::Review(..)) | (Approved, Fact::Approval) => {
                Next::Nothing("the payment waits for a review, or is approved, already")
            }
            (New, Fact::Approval) => Next::Nothing("no review was requested"),
            (
                Charging | WaitingForCustomer | Authorized | Charged | CaptureFailed | Failed
                | Canceled | Refunding | Refunded | RefundRefused,
                Fact::Review(..) | Fact::Estimate(..) | Fact::Approval,
            )
            | (
                CaptureFailed | Failed | Canceled | Refunding | Refunded | RefundRefused,
                Fact::GivenUp(..),
            ) => Next::Nothing("the payment was begun or canceled before"),
            // Capturing: the parcel leaves.
            (Authorized, Fact::Departure) => Next::Capture(Authorized),
            (Authorized, Fact::Capture(NotCaptured { .. })) => Next::Publish(CaptureFailed),
            (Charged | CaptureFailed | Failed, Fact::Departure)
            | (Charged | CaptureFailed, Fact::Capture(_)) => {
                Next::Nothing("no amount is left to be captured")
            }
            // Canceling: no new charge is begun, and a charge is refunded.
            (New | WaitingForApproval | Approved, Fact::Cancellation) => {
                Next::Become(Canceled, "nothing was charged, and nothing will be charged")
            }
            (
                Charging | WaitingForCustomer | Authorized | Charged | CaptureFailed | Refunding,
                Fact::Cancellation,
            )
            | (RefundRefused | Refunding, Fact::Retry) => Next::Refund(Refunding),
            (Refunding, Fact::Refund(RefundMade { .. })) => Next::Publish(Refunded),
            (Refunding, Fact::Refund(Refused { .. })) | (Refunded, Fact::RefundFailed(_)) => {
                Next::Publish(RefundRefused)
            }
            (Refunding, Fact::Refund(NothingCharged)) => Next::Publish(Canceled),
            // The refund's result has to be stored first; the provider reports the failure again.
            (Refunding, Fact::RefundFailed(_)) => {
                Next::Later("the result of the refund is not stored yet")
            }
            (_, Fact::RefundFailed(_)) => {
                Next::Nothing("no refund of this payment was recorded as made")
            }
            (Refunded, Fact::Retry) => Next::Nothing("the payment was refunded before"),
            (
                New | WaitingForApproval | Approved | Charging | WaitingForCustomer | Authorized
                | Charged | CaptureFailed | Failed | Canceled,
                Fact::Retry,
            ) => Next::Wrong("no refund of this payment was refused"),
            (Failed, Fact::Cancellation) => Next::Nothing("nothing was charged"),
            (Canceled | Refunded | RefundRefused, Fact::Cancellation | Fact::Refund(_)) => {
                Next::Nothing("the payment was canceled before")
            }
            // A cancellation overtook the charge: `CancelPayment` cancels or refunds the intent.
            (
                Canceled | Refunding | Refunded | RefundRefused,
                Fact::Redelivered
                | Fact::Charge(_)
                | Fact::Conclusion
                | Fact::Unconfirmed(_)
                | Fact::Departure
                | Fact::Capture(_),
            ) => Next::Nothing(
                "the payment was canceled: CancelPayment cancels or refunds its intent",
            ),

            (
                New | WaitingForApproval | Approved,
                Fact::Redelivered | Fact::Charge(_) | Fact::Conclusion | Fact::Unconfirmed(_),
            )
            | (Charging, Fact::Conclusion | Fact::Unconfirmed(_))
            | (
                New | WaitingForApproval | Approved | Charging | WaitingForCustomer | Authorized
                | Charged | CaptureFailed | Failed,
                Fact::Refund(_),
            )
            | (
                New | WaitingForApproval | Approved | Charging | WaitingForCustomer,
                Fact::Departure | Fact::Capture(_),
            )
            | (Failed, Fact::Capture(_)) => Next::Wrong(
                "the provider answered a request that was never made for the stored payment",
            ),
        }
    }

    /// Whether the recorded charge exceeds the recorded refund.
    fn owes(&self) -> bool {
        self.charged > self.refunded
    }

    /// Returns a copy of the payment that also contains the data of the fact. The status is not
    /// changed, because [`Self::next`] decides the status.
    pub(crate) fn learn(&self, fact: &Fact<'_>) -> Self {
        let mut known = self.clone();
        let about = match fact {
            Fact::Review(customer_id, amount) | Fact::GivenUp(customer_id, amount, _) => {
                Some((*customer_id, *amount))
            }
            Fact::Estimate(order) => Some((&order.customer_id, order.total)),
            _ => None,
        };
        if let Some((customer_id, amount)) = about {
            known.customer_id.get_or_insert_with(|| customer_id.clone());
            known.amount.get_or_insert(amount);
        }
        match fact {
            Fact::Estimate(order) => known.payment_method.clone_from(&order.payment_method),
            Fact::GivenUp(_, _, reason) | Fact::Unconfirmed(reason) => {
                known.reason = Some((*reason).to_owned());
            }
            Fact::Charge(ChargeAnswer::Charged { charge_id }) => {
                known.charge_id = Some(charge_id.clone());
                known.charged = self.amount.unwrap_or_default();
            }
            Fact::Charge(ChargeAnswer::Authorized { charge_id }) => {
                known.charge_id = Some(charge_id.clone());
            }
            Fact::Capture(CaptureAnswer::Captured { charge_id }) if self.status == Authorized => {
                known.charge_id = Some(charge_id.clone());
                known.charged = self.amount.unwrap_or_default();
            }
            Fact::Capture(CaptureAnswer::Failed { reason }) if self.status == Authorized => {
                known.reason = Some(reason.clone());
            }
            Fact::Charge(ChargeAnswer::Declined { reason }) => known.reason = Some(reason.clone()),
            Fact::Charge(ChargeAnswer::ConfirmationRequired { confirm_at }) => {
                known.confirm_at.clone_from(confirm_at);
            }
            Fact::RefundFailed(reason) if self.status == Refunded => {
                known.refunded = Money::ZERO;
                known.reason = Some((*reason).to_owned());
            }
            Fact::Refund(RefundAnswer::Refunded { amount }) => {
                known.charged = self.charged.max(*amount);
                known.refunded = *amount;
            }
            Fact::Refund(RefundAnswer::Refused { reason }) => {
                known.charged = self.amount.unwrap_or_default();
                known.reason = Some(reason.clone());
            }
            // The retry of a refused refund is a new request; the retry of a refund in progress is
            // not.
            Fact::Retry if self.status == RefundRefused => known.refund_retries += 1,
            Fact::Review(..)
            | Fact::Approval
            | Fact::Retry
            | Fact::RefundFailed(_)
            | Fact::Redelivered
            | Fact::Conclusion
            | Fact::Departure
            | Fact::Capture(_)
            | Fact::Cancellation
            | Fact::Refund(RefundAnswer::NothingCharged) => {}
        }
        known
    }
}
