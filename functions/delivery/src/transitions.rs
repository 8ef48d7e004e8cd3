//! The one table of what may happen to a delivery next. Nothing that ended goes on again.

use crate::Status;
use crate::Status::{Canceled, Delivered, Estimated, Started};

/// What can happen to a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fact {
    /// Its order is described, and can be planned for.
    Described,
    /// Its items left the stock.
    ItemsRemoved,
    /// The carrier handed the parcel over.
    HandedOver,
    CarrierGaveUp,
    /// The carrier could not be reached, however often it was tried.
    CarrierUnreachable,
    /// The carrier took it, or was meant to, and does not call back.
    CarrierSilent,
    OrderCanceled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// It becomes this, and an event is published.
    Publish(Status),
    /// It becomes this, and no event is published.
    Become(Status, &'static str),
    Nothing(&'static str),
    /// It cannot be, and an event with the reason is published.
    Wrong(&'static str),
}

/// The legal transitions, all of them; a delivery that nothing is known of has no status.
pub(crate) fn next(status: Option<Status>, fact: Fact) -> Next {
    match (status, fact) {
        (None, Fact::Described) => Next::Publish(Estimated),
        (Some(_), Fact::Described) => Next::Nothing("it was planned or canceled before"),

        (Some(Estimated), Fact::ItemsRemoved) => Next::Publish(Started),
        (None, Fact::ItemsRemoved) => Next::Wrong("no delivery was estimated for this order"),
        (Some(_), Fact::ItemsRemoved) => Next::Nothing("it was started or canceled before"),

        (Some(Started), Fact::HandedOver) => Next::Publish(Delivered),
        (Some(Delivered), Fact::HandedOver) => Next::Nothing("it was delivered before"),
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
        ) => Next::Nothing("it was canceled before"),
        (Some(Delivered), Fact::CarrierUnreachable | Fact::CarrierSilent) => {
            Next::Nothing("the carrier was reached after all")
        }
        (Some(Delivered), Fact::CarrierGaveUp | Fact::OrderCanceled) => {
            Next::Wrong("it had already been delivered")
        }
        (None, Fact::OrderCanceled) => {
            Next::Become(Canceled, "nothing was planned, and nothing will be")
        }
        (Some(Estimated), Fact::OrderCanceled) => {
            Next::Become(Canceled, "nothing was started, and nothing will be")
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
