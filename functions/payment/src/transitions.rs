//! The one table of what may be done about a payment next, and why.

use chorus_events::delivery::DeliveryEstimated;
use chorus_events::{CustomerId, Money};

use crate::ChargeAnswer::{Charged as Taken, Declined};
use crate::RefundAnswer::{NothingCharged, Refunded as GivenBack, Refused};
use crate::Status::{
    Approved, Canceled, Charged, Charging, Failed, New, RefundRefused, Refunded, Refunding,
    WaitingForApproval,
};
use crate::{ChargeAnswer, Payment, RefundAnswer, Status, needs_approval};

/// The facts that change a payment.
#[derive(Debug, Clone)]
pub(crate) enum Fact<'a> {
    /// A person's look is needed before it is charged.
    Review(&'a CustomerId, Money),
    /// A reviewer approved the order.
    Approval,
    /// It is to be charged.
    Estimate(&'a DeliveryEstimated),
    /// Nobody reviewed it in time, or however often it was tried, it could not be charged.
    GivenUp(&'a CustomerId, Money, &'a str),
    /// The message that holds the fence comes again: its first attempt may have charged.
    Again,
    /// The provider answered the charge.
    Charge(&'a ChargeAnswer),
    Cancellation,
    /// The provider answered the refund that `CancelPayment` or `RetryRefund` asked for.
    Refund(&'a RefundAnswer),
    /// An operator has a refused refund tried again.
    Retry,
}

/// What follows from a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// It becomes this, and no event is published.
    Become(Status, &'static str),
    /// It becomes this, and an event is published.
    Publish(Status),
    /// It becomes this, and the provider is asked to charge.
    Charge(Status),
    /// It becomes this, and the provider is asked to refund.
    Refund(Status),
    Nothing(&'static str),
    /// Not yet: the provider has to catch up with itself.
    Later(&'static str),
    /// This cannot be settled without a person.
    Wrong(&'static str),
}

impl Payment {
    /// The legal transitions, all of them.
    pub(crate) fn next(&self, fact: &Fact<'_>) -> Next {
        match (self.status, fact) {
            (Refunding | Canceled | Refunded | RefundRefused, Fact::Refund(NothingCharged))
                if self.owes() =>
            {
                Next::Later("the provider does not find the charge that it made")
            }

            // Collecting: review, charge, conclude.
            (New, Fact::Review(..)) => Next::Publish(WaitingForApproval),
            (WaitingForApproval, Fact::Approval) => {
                Next::Become(Approved, "approved: it is charged next")
            }
            (New, Fact::Estimate(order)) if needs_approval(order) => {
                Next::Wrong("it is of high value, and nobody approved it")
            }
            (WaitingForApproval, Fact::Estimate(..)) => Next::Wrong("nobody approved it yet"),
            (New | Approved, Fact::Estimate(..)) | (Charging, Fact::Again) => {
                Next::Charge(Charging)
            }
            (New | WaitingForApproval | Approved, Fact::GivenUp(..))
            | (Charging, Fact::Charge(Declined { .. })) => Next::Publish(Failed),
            // Whether it was charged is for the cancellation to find out, which follows.
            (Charging | Charged, Fact::GivenUp(..)) => Next::Publish(self.status),
            (Charging, Fact::Charge(Taken { .. })) => Next::Publish(Charged),
            (Charged | Failed, Fact::Again | Fact::Charge(_)) => {
                Next::Nothing("it was concluded before")
            }
            (WaitingForApproval | Approved, Fact::Review(..)) | (Approved, Fact::Approval) => {
                Next::Nothing("this is known")
            }
            (New, Fact::Approval) => Next::Nothing("nobody asked for it"),
            (
                Charging | Charged | Failed | Canceled | Refunding | Refunded | RefundRefused,
                Fact::Review(..) | Fact::Estimate(..) | Fact::Approval,
            )
            | (Failed | Canceled | Refunding | Refunded | RefundRefused, Fact::GivenUp(..)) => {
                Next::Nothing("the payment was begun or canceled before")
            }
            // Canceling: nothing more is begun, and what was begun is given back.
            (New | WaitingForApproval | Approved, Fact::Cancellation) => {
                Next::Become(Canceled, "nothing was charged, and nothing will be")
            }
            (Charging | Charged | Refunding, Fact::Cancellation)
            | (RefundRefused | Refunding, Fact::Retry) => Next::Refund(Refunding),
            (Refunding, Fact::Refund(GivenBack { .. })) => Next::Publish(Refunded),
            (Refunding, Fact::Refund(Refused { .. })) => Next::Publish(RefundRefused),
            (Refunding, Fact::Refund(NothingCharged)) => Next::Publish(Canceled),
            (Refunded, Fact::Retry) => Next::Nothing("it was refunded before"),
            (
                New | WaitingForApproval | Approved | Charging | Charged | Failed | Canceled,
                Fact::Retry,
            ) => Next::Wrong("no refund of it was refused"),
            (Failed, Fact::Cancellation) => Next::Nothing("nothing was charged"),
            (Canceled | Refunded | RefundRefused, Fact::Cancellation | Fact::Refund(_)) => {
                Next::Nothing("it was canceled before")
            }
            // A cancellation overtook the charge: it ends the intent, charged or not.
            (Canceled | Refunding | Refunded | RefundRefused, Fact::Again | Fact::Charge(_)) => {
                Next::Nothing("the cancellation ends its intent")
            }

            (New | WaitingForApproval | Approved, Fact::Again | Fact::Charge(_))
            | (
                New | WaitingForApproval | Approved | Charging | Charged | Failed,
                Fact::Refund(_),
            ) => Next::Wrong("the provider answered what the payment's record never asked"),
        }
    }

    /// Whether more is known to have been taken than to have gone back.
    fn owes(&self) -> bool {
        self.charged > self.refunded
    }

    /// What is known after `fact`; how far the payment is, is not decided here.
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
            Fact::GivenUp(_, _, reason) => known.reason = Some((*reason).to_owned()),
            Fact::Charge(ChargeAnswer::Charged { charge_id }) => {
                known.charge_id = Some(charge_id.clone());
                known.charged = self.amount.unwrap_or_default();
            }
            Fact::Charge(ChargeAnswer::Declined { reason }) => known.reason = Some(reason.clone()),
            Fact::Refund(RefundAnswer::Refunded { amount }) => {
                known.charged = self.charged.max(*amount);
                known.refunded = *amount;
            }
            Fact::Refund(RefundAnswer::Refused { reason }) => {
                known.charged = self.amount.unwrap_or_default();
                known.reason = Some(reason.clone());
            }
            // The refund anew; one that is under way goes on.
            Fact::Retry if self.status == RefundRefused => known.refund_retries += 1,
            Fact::Review(..)
            | Fact::Approval
            | Fact::Retry
            | Fact::Again
            | Fact::Cancellation
            | Fact::Refund(RefundAnswer::NothingCharged) => {}
        }
        known
    }
}
