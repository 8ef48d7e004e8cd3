//! Checks whether Payment's and Inventory's records of a canceled or delivered order match how the
//! order ended.

use chorus_event_log::LoggedEvent;
use chorus_events::facts::OrderCreated;
use chorus_events::{Money, OrderId};
use chorus_inventory::{Reservation, Status as Stock};
use chorus_kernel::{Found, Store, load};
use chorus_payment::{Payment, Status as Paid};
use chorus_table::Event as _;
use jiff::{SignedDuration, Timestamp};

use super::{Discrepancy, DoctorError};

/// How long the actions that run after an order's end may take. Until they are done, the services'
/// records can still differ from how the order ended.
const SETTLES_WITHIN: SignedDuration = SignedDuration::from_secs(300);

/// Returns a discrepancy for each record that does not match how the order ended; `story` is the
/// order's events. Returns none if the order has not ended, or ended less than [`SETTLES_WITHIN`]
/// ago.
pub(super) async fn of(
    store: &dyn Store,
    now: Timestamp,
    story: &[LoggedEvent],
) -> Result<Vec<Discrepancy>, DoctorError> {
    let ends = |event: &&LoggedEvent| {
        matches!(event.detail_type.as_str(), "OrderDelivered" | "OrderCanceled")
    };
    let Some(end) = story.iter().find(ends) else { return Ok(Vec::new()) };
    let order: Result<OrderId, _> = end.metadata.correlation_id.parse();
    let Ok(order) = order else { return Ok(Vec::new()) };
    if now.duration_since(end.metadata.occurred_at) < SETTLES_WITHIN {
        return Ok(Vec::new());
    }
    let created = story.iter().find(|event| event.detail_type == "OrderCreated");
    let total = created.and_then(|event| serde_json::from_value(event.data["total"].clone()).ok());
    let delivered = end.detail_type == "OrderDelivered";
    let payment: Found<Payment> = load(store, order.clone()).await?;
    let reservation: Found<Reservation> = load(store, order.clone()).await?;
    let payment = payment.as_ref().map(|read| &read.value);
    let stock = reservation.as_ref().map(|read| read.value.status);
    let money = money(delivered, payment, total).map(|problem| Discrepancy {
        about: order.to_string(),
        problem,
        remedy: format!(
            "chorus trace {order}; correct it at the payment provider, then `chorus settle {order}`"
        ),
    });
    let pieces = pieces(delivered, stock).map(|problem| Discrepancy {
        about: order.to_string(),
        problem: problem.to_owned(),
        remedy: format!("chorus trace {order}; correct the stock, then `chorus settle {order}`"),
    });
    Ok(money.into_iter().chain(pieces).collect())
}

/// How long the event log may take to store an event. The event log takes longer only if its store
/// is unavailable.
const LOGGED_WITHIN: SignedDuration = SignedDuration::from_mins(15);

/// Returns a finding if the event log lacks the `OrderCreated` of an order that was placed at
/// `placed_at`. All other findings about an order come from its logged events. So without this
/// finding, the order would look healthy even if no service had received its `OrderCreated`.
pub(super) fn unlogged(
    order: &str,
    placed_at: Timestamp,
    now: Timestamp,
    story: &[LoggedEvent],
) -> Option<Discrepancy> {
    let logged = story.iter().any(|event| event.detail_type == OrderCreated::SPEC.detail_type);
    if logged || now.duration_since(placed_at) < LOGGED_WITHIN {
        return None;
    }
    let until = placed_at + LOGGED_WITHIN;
    Some(Discrepancy {
        about: order.to_owned(),
        problem: format!(
            "the order was placed at {placed_at:.0}, but the event log has no OrderCreated of it: \
             the services may not have received that event"
        ),
        remedy: format!(
            "chorus replay --from {placed_at:.0} --to {until:.0}, and then again with --yes"
        ),
    })
}

/// Returns what is wrong with the payment. Returns `None` if the order was delivered and its total
/// was charged, or if the order was canceled and every charge was refunded.
fn money(delivered: bool, payment: Option<&Payment>, total: Option<Money>) -> Option<String> {
    let Some(payment) = payment else {
        return delivered.then(|| "the order was delivered, and never charged".to_owned());
    };
    let Payment { status, charged, refunded, .. } = payment;
    let right = if delivered {
        *status == Paid::Charged
            && total.is_none_or(|total| total == *charged)
            && *refunded == Money::ZERO
    } else {
        matches!(status, Paid::Failed | Paid::Canceled | Paid::Refunded) && charged == refunded
    };
    let ended = if delivered { "delivered" } else { "canceled" };
    (!right).then(|| {
        format!(
            "the order was {ended}, but its payment is {status:?}: {charged} charged, \
             {refunded} refunded"
        )
    })
}

fn pieces(delivered: bool, stock: Option<Stock>) -> Option<&'static str> {
    match (delivered, stock) {
        (true, Some(Stock::Removed)) | (false, None | Some(Stock::Released)) => None,
        (true, _) => Some("the order was delivered, but its items are still in the stock"),
        (false, _) => Some("the order was canceled, but its items are not back in the stock"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::samples;

    fn payment(status: Paid, charged: Money, refunded: Money) -> Payment {
        Payment { status, charged, refunded, ..Payment::new(samples::order_id()) }
    }

    #[test]
    fn an_order_that_was_canceled_keeps_no_money_and_a_delivered_one_its_total() {
        let (total, zero) = (samples::total(), Money::ZERO);
        let wrong =
            |delivered, payment: Option<&Payment>| money(delivered, payment, Some(total)).is_some();
        let charged = payment(Paid::Charged, total, zero);
        let refunded = payment(Paid::Refunded, total, total);
        assert!(!wrong(true, Some(&charged)) && wrong(false, Some(&charged)));
        assert!(wrong(true, Some(&refunded)) && !wrong(false, Some(&refunded)));
        assert!(wrong(true, None) && !wrong(false, None));
        // An amount that the bank still holds is wrong for delivered and for canceled orders: it is
        // neither charged nor released.
        let held = payment(Paid::Authorized, zero, zero);
        let not_taken = payment(Paid::CaptureFailed, zero, zero);
        for held in [held, not_taken] {
            assert!(wrong(true, Some(&held)) && wrong(false, Some(&held)));
        }
        let too_much = payment(Paid::Charged, total, total);
        assert!(wrong(true, Some(&too_much)));
    }

    #[test]
    fn the_items_of_a_canceled_order_are_back_and_those_of_a_delivered_one_are_gone() {
        assert_eq!(pieces(true, Some(Stock::Removed)), None);
        assert_eq!(pieces(false, Some(Stock::Released)), None);
        assert_eq!(pieces(false, None), None);
        assert!(pieces(true, Some(Stock::Reserved)).is_some());
        assert!(pieces(false, Some(Stock::Removed)).is_some());
    }
}
