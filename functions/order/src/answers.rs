//! An order as callers see it: its content, how far its payment and delivery are, and its history
//! step by step.

use chorus_events::order::OrderCreated;
use chorus_events::{CustomerId, Line, Money, OrderId, PostalAddress, Tracking};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::progress::{Confirmation, Known, Milestone, Step};
use crate::{OrderView, Placed, Status};

/// The state of an order's payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "PaymentStage")]
enum PaymentStatus {
    /// Nothing is charged yet.
    Pending,
    /// A person looks at the order before it is charged.
    InReview,
    /// The bank has asked the customer to confirm the payment.
    AwaitingConfirmation,
    /// The bank holds the amount, which is charged when the parcel leaves.
    Authorized,
    /// The order was charged.
    Paid,
    /// The charge was refunded.
    Refunded,
    /// Nothing was charged, and nothing will be.
    Canceled,
}

/// An order's payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct PaymentProgress {
    status: PaymentStatus,
    /// The confirmation that the payment waits for; absent if the payment waits for no
    /// confirmation.
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmation: Option<Confirmation>,
    /// When the order was charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    paid_at: Option<Timestamp>,
    /// How much was refunded; absent if nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    refunded: Option<Money>,
    /// When the charge was refunded.
    #[serde(skip_serializing_if = "Option::is_none")]
    refunded_at: Option<Timestamp>,
}

/// The state of an order's delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "DeliveryStage")]
enum DeliveryStatus {
    /// The delivery is not planned yet.
    Pending,
    /// The time of arrival is estimated.
    Estimated,
    /// The carrier has the parcel.
    Started,
    /// The parcel has reached its customer.
    Delivered,
    /// The order will not arrive.
    Canceled,
}

/// An order's delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct DeliveryProgress {
    status: DeliveryStatus,
    /// When the parcel should arrive.
    #[serde(skip_serializing_if = "Option::is_none")]
    deliver_by: Option<Timestamp>,
    /// Since when the carrier has had the parcel.
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<Timestamp>,
    /// How to track the parcel; absent if the carrier sent no tracking number.
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking: Option<Tracking>,
}

/// An order with its payment and its delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Order")]
pub(crate) struct WholeOrder {
    pub(crate) order_id: OrderId,
    pub(crate) customer_id: CustomerId,
    status: Status,
    lines: Vec<Line>,
    total: Money,
    /// The shipping address; absent once the customer was forgotten.
    #[serde(skip_serializing_if = "Option::is_none")]
    shipping_address: Option<PostalAddress>,
    payment: PaymentProgress,
    delivery: DeliveryProgress,
    /// Why the order was canceled.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    placed_at: Timestamp,
    /// When the order was canceled.
    #[serde(skip_serializing_if = "Option::is_none")]
    canceled_at: Option<Timestamp>,
    /// When the parcel reached the customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered_at: Option<Timestamp>,
}

impl WholeOrder {
    /// Returns the order as callers see it after these steps.
    pub(crate) fn of(order: Placed, address: Option<PostalAddress>, steps: &[Step]) -> Self {
        let (payment, delivery) = (payment(&order, steps), delivery(&order, steps));
        let ended = |status| order.ended_at.filter(|_| order.status == status);
        Self {
            canceled_at: ended(Status::Canceled),
            delivered_at: ended(Status::Delivered),
            order_id: order.order_id,
            customer_id: order.customer_id,
            status: order.status,
            lines: order.lines,
            total: order.total,
            shipping_address: address,
            payment,
            delivery,
            reason: order.reason,
            placed_at: order.placed_at,
        }
    }

    /// Returns the order as callers see it when it was just placed.
    pub(crate) fn placed(order: OrderCreated, address: Option<PostalAddress>) -> Self {
        Self::of(Placed::from(order), address, &[])
    }
}

fn find(steps: &[Step], milestone: Milestone) -> Option<&Step> {
    steps.iter().find(|step| step.milestone == milestone)
}

fn payment(order: &Placed, steps: &[Step]) -> PaymentProgress {
    let paid = find(steps, Milestone::PaymentMade);
    let back = find(steps, Milestone::PaymentCanceled)
        .filter(|step| step.amount.is_some_and(|amount| amount > Money::ZERO));
    let asked = find(steps, Milestone::ConfirmationRequired);
    let status = match (paid, back) {
        (_, Some(_)) => PaymentStatus::Refunded,
        (Some(_), None) => PaymentStatus::Paid,
        (None, None) if order.status == Status::Canceled => PaymentStatus::Canceled,
        (None, None) if find(steps, Milestone::PaymentAuthorized).is_some() => {
            PaymentStatus::Authorized
        }
        (None, None) if asked.is_some() => PaymentStatus::AwaitingConfirmation,
        (None, None) if find(steps, Milestone::ReviewRequested).is_some() => {
            PaymentStatus::InReview
        }
        (None, None) => PaymentStatus::Pending,
    };
    let waits = matches!(status, PaymentStatus::AwaitingConfirmation);
    PaymentProgress {
        status,
        confirmation: asked.filter(|_| waits).and_then(|step| step.confirmation.clone()),
        paid_at: paid.map(|step| step.at),
        refunded: back.and_then(|step| step.amount),
        refunded_at: back.map(|step| step.at),
    }
}

fn delivery(order: &Placed, steps: &[Step]) -> DeliveryProgress {
    let planned = find(steps, Milestone::DeliveryEstimated);
    let started = find(steps, Milestone::DeliveryStarted);
    let status = match order.status {
        Status::Canceled => DeliveryStatus::Canceled,
        Status::Delivered => DeliveryStatus::Delivered,
        Status::Open if started.is_some() => DeliveryStatus::Started,
        Status::Open if planned.is_some() => DeliveryStatus::Estimated,
        Status::Open => DeliveryStatus::Pending,
    };
    DeliveryProgress {
        status,
        deliver_by: planned.and_then(|step| step.deliver_by),
        started_at: started.map(|step| step.at),
        tracking: started.and_then(|step| step.tracking.clone()),
    }
}

/// A page of orders, newest first.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct OrderPage {
    pub(crate) orders: Vec<OrderView>,
    /// Where the next page starts: the value for `cursor`. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// Something that happened to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct OrderEvent {
    /// The id for `Last-Event-ID`: a number that encodes which milestones a caller knows after this
    /// event.
    id: String,
    /// What happened.
    #[serde(rename = "type")]
    milestone: Milestone,
    /// When this happened to the order.
    at: Timestamp,
    /// When the order should arrive; for `DeliveryEstimated`.
    #[serde(skip_serializing_if = "Option::is_none")]
    deliver_by: Option<Timestamp>,
    /// How much is held, was charged, or was refunded.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Money>,
    /// Why the order was canceled.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// How to track the parcel; for `DeliveryStarted`, if the carrier sent a tracking number.
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking: Option<Tracking>,
    /// How the customer confirms the payment; for `ConfirmationRequired`.
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmation: Option<Confirmation>,
}

impl OrderEvent {
    fn new(id: String, step: Step) -> Self {
        let Step { milestone, at, deliver_by, amount, reason, tracking, confirmation } = step;
        Self { id, milestone, at, deliver_by, amount, reason, tracking, confirmation }
    }
}

/// An order's events that the caller does not know yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct OrderEvents {
    events: Vec<OrderEvent>,
    /// The value for the next request's `Last-Event-ID`: it encodes which milestones the caller
    /// knows after this response.
    last_event_id: String,
    /// Whether the order is canceled or delivered. After that, only a refund may follow.
    pub(crate) ended: bool,
}

impl OrderEvents {
    /// Returns the steps whose milestones are not in `known`.
    pub(crate) fn unknown_to(mut known: Known, order: &Placed, steps: Vec<Step>) -> Self {
        let mut events = Vec::new();
        for step in steps {
            if !known.has(step.milestone) {
                known = known.with(step.milestone);
                events.push(OrderEvent::new(known.name(), step));
            }
        }
        let ended = order.status != Status::Open;
        Self { events, last_event_id: known.name(), ended }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::samples::{estimated_arrival, moment};
    use chorus_table::Event;
    use serde_json::json;

    fn order(status: Status) -> Placed {
        let ended_at = (status != Status::Open).then(estimated_arrival);
        Placed { status, ended_at, ..Placed::from(OrderCreated::sample()) }
    }

    fn step(milestone: Milestone) -> Step {
        Step::new(milestone, moment())
    }

    #[test]
    fn payment_and_delivery_are_as_far_as_the_orders_events() {
        use Milestone::{
            ConfirmationRequired, DeliveryEstimated, DeliveryStarted, PaymentAuthorized,
            PaymentMade, ReviewRequested,
        };
        let refund = |amount| Step {
            amount: Some(Money::from_minor(amount)),
            ..step(Milestone::PaymentCanceled)
        };
        for (status, steps, payment, delivery) in [
            (Status::Open, vec![], "pending", "pending"),
            (Status::Open, vec![step(ReviewRequested)], "in-review", "pending"),
            (Status::Open, vec![step(ConfirmationRequired)], "awaiting-confirmation", "pending"),
            (Status::Open, vec![step(ConfirmationRequired), step(PaymentMade)], "paid", "pending"),
            (Status::Canceled, vec![step(ConfirmationRequired)], "canceled", "canceled"),
            (Status::Open, vec![step(DeliveryEstimated)], "pending", "estimated"),
            (Status::Open, vec![step(ReviewRequested), step(PaymentMade)], "paid", "pending"),
            (Status::Open, vec![step(PaymentAuthorized)], "authorized", "pending"),
            (Status::Open, vec![step(PaymentAuthorized), step(PaymentMade)], "paid", "pending"),
            (Status::Canceled, vec![step(PaymentAuthorized), refund(0)], "canceled", "canceled"),
            (Status::Open, vec![step(PaymentMade), step(DeliveryStarted)], "paid", "started"),
            (Status::Delivered, vec![step(PaymentMade)], "paid", "delivered"),
            (Status::Canceled, vec![], "canceled", "canceled"),
            (Status::Canceled, vec![refund(0)], "canceled", "canceled"),
            (Status::Canceled, vec![step(PaymentMade), refund(1)], "refunded", "canceled"),
        ] {
            let shown = json!(WholeOrder::of(order(status), None, &steps));
            let progress = (&shown["payment"]["status"], &shown["delivery"]["status"]);
            assert_eq!(progress, (&json!(payment), &json!(delivery)), "{status:?} {steps:?}");
        }
    }

    #[test]
    fn an_order_shows_where_and_until_when_its_payment_is_confirmed_as_long_as_that_is_waited_for()
    {
        let confirm_at = Some(chorus_events::samples::confirmation_url());
        let confirmation =
            Some(Confirmation { confirm_at, since: moment(), until: estimated_arrival() });
        let asked = Step { confirmation, ..step(Milestone::ConfirmationRequired) };
        let shown = json!(WholeOrder::of(order(Status::Open), None, std::slice::from_ref(&asked)));
        let expected = json!({
            "confirm-at": "https://bank.example/confirm?payment=1073459984&key=5f0a",
            "since": moment(), "until": estimated_arrival(),
        });
        assert_eq!(shown["payment"]["confirmation"], expected);
        let paid = vec![asked, step(Milestone::PaymentMade)];
        let shown = json!(WholeOrder::of(order(Status::Open), None, &paid));
        assert!(shown["payment"].get("confirmation").is_none(), "{shown}");
    }

    #[test]
    fn an_order_shows_by_what_its_parcel_is_followed() {
        let tracking = Some(chorus_events::samples::tracking());
        let started = Step { tracking, ..step(Milestone::DeliveryStarted) };
        let shown =
            json!(WholeOrder::of(order(Status::Delivered), None, std::slice::from_ref(&started)));
        assert_eq!(shown["delivery"]["tracking"]["number"], "JD014600003828");
        let events = OrderEvents::unknown_to(Known::default(), &order(Status::Open), vec![started]);
        let url = "https://carrier.example/parcels/JD014600003828";
        assert_eq!(json!(events)["events"][0]["tracking"]["url"], url);
    }

    #[test]
    fn whoever_sends_the_last_id_gets_only_what_they_missed() {
        let created = step(Milestone::OrderCreated);
        let paid = step(Milestone::PaymentMade);
        let first = OrderEvents::unknown_to(
            Known::default(),
            &order(Status::Open),
            vec![created.clone(), paid.clone()],
        );
        assert_eq!(first.events.last().map(|event| &event.id), Some(&first.last_event_id));
        let known = Known::of(&first.last_event_id).unwrap();
        // The estimate was made before the payment, but the estimate's event arrives after the
        // payment's event.
        let steps = vec![created, step(Milestone::DeliveryEstimated), paid];
        let next = OrderEvents::unknown_to(known, &order(Status::Open), steps.clone());
        let shown: Vec<_> = next.events.iter().map(|event| event.milestone).collect();
        assert_eq!(shown, [Milestone::DeliveryEstimated]);
        let known = Known::of(&next.last_event_id).unwrap();
        let rest = OrderEvents::unknown_to(known, &order(Status::Delivered), steps);
        assert_eq!((rest.events.len(), rest.ended), (0, true));
    }
}
