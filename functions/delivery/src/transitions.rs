//! All transitions of a delivery's status in one function. The statuses `Delivered` and `Canceled`
//! are final.

use crate::Status;
use crate::Status::{Canceled, Delivered, Estimated, Started};

/// The facts that change a delivery's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fact {
    /// The order's customer and items are known, so that a delivery can be planned.
    Described,
    /// The order's items left the stock.
    ItemsRemoved,
    /// The carrier delivered the parcel.
    HandedOver,
    CarrierGaveUp,
    /// Every attempt to reach the carrier failed.
    CarrierUnreachable,
    /// The state machine's wait for the carrier's callback timed out.
    CarrierSilent,
    OrderCanceled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Set this status, and publish an event.
    Publish(Status),
    /// Set this status, and publish no event, for this reason.
    Become(Status, &'static str),
    /// Keep the status, for this reason.
    Nothing(&'static str),
    /// The fact contradicts the status: publish an error event with this reason.
    Wrong(&'static str),
}

/// Returns the effect of a fact on a delivery. `status` is absent while no delivery is stored.
pub(crate) fn next(status: Option<Status>, fact: Fact) -> Next {
    match (status, fact) {
        (None, Fact::Described) => Next::Publish(Estimated),
        (Some(_), Fact::Described) => Next::Nothing("the delivery was planned or canceled before"),

        (Some(Estimated), Fact::ItemsRemoved) => Next::Publish(Started),
        (None, Fact::ItemsRemoved) => Next::Wrong("no delivery was estimated for this order"),
        (Some(_), Fact::ItemsRemoved) => {
            Next::Nothing("the delivery was started or canceled before")
        }

        (Some(Started), Fact::HandedOver) => Next::Publish(Delivered),
        (Some(Delivered), Fact::HandedOver) => Next::Nothing("the parcel was delivered before"),
        (Some(Canceled), Fact::HandedOver) => Next::Wrong("the delivery had been canceled"),

        (
            Some(Started),
            Fact::CarrierGaveUp
            | Fact::CarrierUnreachable
            | Fact::CarrierSilent
            | Fact::OrderCanceled,
        )
        | (Some(Estimated), Fact::CarrierSilent) => Next::Publish(Canceled),
        (
            Some(Canceled),
            Fact::CarrierGaveUp
            | Fact::CarrierUnreachable
            | Fact::CarrierSilent
            | Fact::OrderCanceled,
        ) => Next::Nothing("the delivery was canceled before"),
        (Some(Delivered), Fact::CarrierUnreachable | Fact::CarrierSilent) => {
            Next::Nothing("the carrier has delivered the parcel in the meantime")
        }
        (Some(Delivered), Fact::CarrierGaveUp | Fact::OrderCanceled) => {
            Next::Wrong("the parcel had already been delivered")
        }
        (None, Fact::OrderCanceled) => {
            Next::Become(Canceled, "no delivery was planned, and none will be")
        }
        (Some(Estimated), Fact::OrderCanceled) => {
            Next::Become(Canceled, "the delivery was not started, and will not be")
        }

        (Some(Estimated), Fact::HandedOver | Fact::CarrierGaveUp | Fact::CarrierUnreachable) => {
            Next::Wrong("the delivery had not been started")
        }
        (
            None,
            Fact::HandedOver | Fact::CarrierGaveUp | Fact::CarrierUnreachable | Fact::CarrierSilent,
        ) => Next::Wrong("no delivery of this order is known"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: [Fact; 7] = [
        Fact::Described,
        Fact::ItemsRemoved,
        Fact::HandedOver,
        Fact::CarrierGaveUp,
        Fact::CarrierUnreachable,
        Fact::CarrierSilent,
        Fact::OrderCanceled,
    ];

    #[test]
    fn nothing_that_ended_goes_on_again() {
        for ended in [Delivered, Canceled] {
            for fact in FACTS {
                let next = next(Some(ended), fact);
                assert!(matches!(next, Next::Nothing(_) | Next::Wrong(_)), "{fact:?}: {next:?}");
            }
        }
    }

    #[test]
    fn every_fact_twice_is_the_same_as_once() {
        for status in [None, Some(Estimated), Some(Started), Some(Delivered), Some(Canceled)] {
            for fact in FACTS {
                if let Next::Publish(after) | Next::Become(after, _) = next(status, fact) {
                    assert!(matches!(next(Some(after), fact), Next::Nothing(_)), "{fact:?}");
                }
            }
        }
    }
}
