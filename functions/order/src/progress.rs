//! An order's progress, step by step, derived from the order's own events and from the events about
//! its payment and delivery.

use chorus_events::{ConfirmationUrl, Money, OrderId, Tracking};
use chorus_kernel::{Condition, Failure, Item, Key, Query, Store, Write};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Placed, Status, TABLE};

/// The milestones of an order, each of which is reached at most once. A milestone's position in
/// this enum is its bit in the number that a caller sends back (see [`Known`]), so a new milestone
/// has to be added at the end.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub(crate) enum Milestone {
    /// The order was placed.
    OrderCreated,
    /// The order's time of arrival was estimated.
    DeliveryEstimated,
    /// A person looks at the order before it is charged.
    ReviewRequested,
    /// The order was charged.
    PaymentMade,
    /// The carrier has the parcel.
    DeliveryStarted,
    /// The parcel has reached the customer.
    OrderDelivered,
    /// The order was canceled.
    OrderCanceled,
    /// The payment was canceled: whatever was charged is refunded.
    PaymentCanceled,
    /// The customer has to confirm the payment at the bank.
    ConfirmationRequired,
    /// The bank holds the amount, which is charged when the parcel leaves.
    PaymentAuthorized,
}

/// Where, and until when, the customer has to confirm a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Confirmation {
    /// The page on which the customer confirms the payment; absent if only the bank's app asks the
    /// customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) confirm_at: Option<ConfirmationUrl>,
    /// When the customer was asked to confirm.
    pub(crate) since: Timestamp,
    /// The deadline: if the customer has not confirmed the payment by then, the payment fails.
    pub(crate) until: Timestamp,
}

/// A milestone that was reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Step {
    pub(crate) milestone: Milestone,
    pub(crate) at: Timestamp,
    /// When the order should arrive; for `DeliveryEstimated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deliver_by: Option<Timestamp>,
    /// The amount that was held, charged or refunded; for `PaymentAuthorized`, `PaymentMade` and
    /// `PaymentCanceled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) amount: Option<Money>,
    /// Why the order was canceled; for `OrderCanceled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// How to track the parcel; for `DeliveryStarted`, if the carrier sent a tracking number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tracking: Option<Tracking>,
    /// How the customer confirms the payment; for `ConfirmationRequired`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) confirmation: Option<Confirmation>,
}

impl Step {
    pub(crate) const fn new(milestone: Milestone, at: Timestamp) -> Self {
        let (deliver_by, amount, reason) = (None, None, None);
        Self { milestone, at, deliver_by, amount, reason, tracking: None, confirmation: None }
    }

    /// Returns a conditional write, which stores the step only if it is not stored yet.
    ///
    /// # Errors
    /// If the step cannot be written as an item.
    pub(crate) fn put(&self, order_id: &OrderId) -> Result<Write, serde_dynamo::Error> {
        let sk = format!("{:?}", self.milestone);
        let key = Key { table: TABLE.name, pk: partition(order_id), sk };
        let fields: Item = serde_dynamo::to_item(self)?;
        let mut item = key.to_item();
        item.extend(fields.into_inner());
        Ok(Write::Put { key, item, condition: Some(Condition::Absent) })
    }
}

fn partition(order_id: &OrderId) -> String {
    format!("progress#{order_id}")
}

/// Reads every step of an order so far, the earliest first.
///
/// # Errors
/// If the store fails, or a step cannot be read.
pub(crate) async fn steps(store: &dyn Store, order: &Placed) -> Result<Vec<Step>, Failure> {
    let page = store.query(&Query::partition(TABLE.name, partition(&order.order_id))).await?;
    let read: Result<Vec<Step>, _> = page.items.into_iter().map(serde_dynamo::from_item).collect();
    let mut steps = read.map_err(|error| Failure::corrupt("step of an order", &error))?;
    steps.extend(steps_of_order(order));
    steps.sort_by_key(|step| (step.at, step.milestone));
    Ok(steps)
}

/// Returns the steps that follow from the order itself: placed, and canceled or delivered.
fn steps_of_order(order: &Placed) -> Vec<Step> {
    let mut steps = vec![Step::new(Milestone::OrderCreated, order.placed_at)];
    let milestone = match order.status {
        Status::Open => return steps,
        Status::Canceled => Milestone::OrderCanceled,
        Status::Delivered => Milestone::OrderDelivered,
    };
    let at = order.ended_at.unwrap_or(order.placed_at);
    steps.push(Step { reason: order.reason.clone(), ..Step::new(milestone, at) });
    steps
}

/// The set of milestones that a caller knows, one bit for each. Each server-sent event of a
/// response has an `id`: such a set, written as a number. A caller who sends back the last `id`
/// gets only the milestones that the set lacks, even if the milestones were stored out of order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Known(u32);

impl Known {
    /// The set of all milestones.
    const ALL: u32 = 1023;

    /// The regular expression of the `id` that a caller sends back: a number from 0 to 1023, or
    /// the empty text.
    pub(crate) const NAMES: &str = "^(102[0-3]|10[01][0-9]|[1-9][0-9][0-9]|[1-9]?[0-9])?$";

    /// Reads a set from its number.
    pub(crate) fn of(name: &str) -> Option<Self> {
        name.parse().ok().filter(|bits| *bits <= Self::ALL).map(Self)
    }

    pub(crate) const fn has(self, milestone: Milestone) -> bool {
        self.0 & (1 << milestone as u32) != 0
    }

    pub(crate) const fn with(self, milestone: Milestone) -> Self {
        Self(self.0 | (1 << milestone as u32))
    }

    pub(crate) fn name(self) -> String {
        self.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_named_and_read_again() {
        let known = Known::default().with(Milestone::OrderCreated).with(Milestone::PaymentMade);
        let again = Known::of(&known.name()).unwrap();
        assert!(again.has(Milestone::PaymentMade) && !again.has(Milestone::OrderDelivered));
        for name in ["", "-1", "1024", "x"] {
            assert_eq!(Known::of(name), None, "{name}");
        }
        let last = Known::default().with(Milestone::PaymentAuthorized);
        assert!(last.0 <= Known::ALL && last.0 * 2 > Known::ALL, "every milestone has its bit");
    }
}
