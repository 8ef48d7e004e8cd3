//! The payments of orders: the provider knows what was charged.

use chorus_events::facts::{
    DeliveryEstimated, OrderCreated, PaymentAuthorized, PaymentCanceled, PaymentMade,
};
use chorus_kernel::{Failure, Found, Store, Write, load, save};
use chorus_order::Placed;
use chorus_payment::{IntentState, ListedIntent, Payment, Refund, Status};
use chorus_table::Event;

use super::known::{Facts, Progress, kinds};

/// What follows for an order's payment.
#[derive(Default)]
pub(super) struct Paid {
    pub(super) writes: Vec<Write>,
    /// Intents that were prepared, and that nobody will confirm any more.
    pub(super) refunds: Vec<Refund>,
    /// Whether the other region had begun to cancel it.
    pub(super) was_canceled: bool,
    /// Whether nothing is left to be refunded.
    pub(super) is_canceled: bool,
}

/// Returns what makes an order's payment fit what the provider did.
pub(super) async fn mend(
    store: &dyn Store,
    order: &Placed,
    (facts, intents, known): (&Facts<'_>, &[&ListedIntent], Progress),
) -> Result<Paid, Failure> {
    let stored: Found<Payment> = load(store, order.order_id.clone()).await?;
    let own = stored.as_ref().and_then(|it| it.value.intent.as_ref());
    let moved = intents.iter().find(|it| {
        matches!(it.state, IntentState::Confirmed | IntentState::Held | IntentState::Refunded)
    });
    let canceled =
        intents.iter().find(|it| it.state == IntentState::Canceled && own == Some(&it.intent));
    let unclaimed = intents
        .iter()
        .filter(|it| it.state == IntentState::Open && (own != Some(&it.intent) || moved.is_some()));
    let refunds = unclaimed.map(|it| it.refund()).collect();
    let mut payment =
        stored.as_ref().map_or_else(|| Payment::new(order.order_id.clone()), |it| it.value.clone());
    let refunding = matches!(
        payment.status,
        Status::Canceled | Status::Refunding | Status::Refunded | Status::RefundRefused
    );
    let was_canceled = refunding
        || moved.is_some_and(|it| it.state == IntentState::Refunded)
        || canceled
            .is_some_and(|_| !matches!(payment.status, Status::CaptureFailed | Status::Authorized));
    if let Some(moved) = moved {
        let created = facts.find::<OrderCreated>().and_then(|(created, _)| created.payment_method);
        let estimated =
            facts.find::<DeliveryEstimated>().and_then(|(order, _)| order.payment_method);
        payment.customer_id.get_or_insert_with(|| order.customer_id.clone());
        payment.amount.get_or_insert(order.total);
        payment.payment_method = payment.payment_method.or(estimated).or(created);
        payment.intent = Some(moved.intent.clone());
        settle(&mut payment, moved, (facts, known));
    } else if was_canceled
        && !facts.has(kinds![PaymentCanceled])
        && payment.intent.is_some()
        && payment.amount.is_some()
    {
        payment.status = Status::Refunding;
    }
    let is_canceled = match moved {
        Some(_) => matches!(payment.status, Status::Refunded | Status::RefundRefused),
        None => {
            matches!(payment.status, Status::Canceled | Status::Refunded | Status::RefundRefused)
        }
    };
    let same = stored.as_ref().is_some_and(|it| it.value == payment);
    let unknown = stored.is_none() && moved.is_none();
    let writes = if same || unknown { Vec::new() } else { vec![save(stored.as_ref(), &payment)] };
    Ok(Paid { writes, refunds, was_canceled, is_canceled })
}

/// Sets the status that fits the intent that was confirmed, and the events.
fn settle(payment: &mut Payment, moved: &ListedIntent, (facts, known): (&Facts<'_>, Progress)) {
    let made = facts.find::<PaymentMade>().map(|(made, _)| made.charge_id);
    let held = facts.find::<PaymentAuthorized>().map(|(held, _)| held.charge_id);
    let canceled = facts.find::<PaymentCanceled>().map(|(canceled, _)| canceled.refunded);
    match (canceled, made, held) {
        (Some(refunded), ..) => {
            payment.status = Status::Refunded;
            payment.charged = payment.charged.max(refunded);
            payment.refunded = refunded;
        }
        (None, ..) if moved.state == IntentState::Refunded => {
            payment.status = Status::Refunding;
            payment.charged = payment.amount.unwrap_or_default();
        }
        (None, ..)
            if matches!(
                payment.status,
                Status::Refunding | Status::Refunded | Status::Canceled | Status::RefundRefused
            ) =>
        {
            payment.status = Status::Refunding;
        }
        (None, Some(charge_id), _) => {
            payment.status = Status::Charged;
            payment.charge_id = Some(charge_id);
            payment.charged = payment.amount.unwrap_or_default();
        }
        (None, None, Some(charge_id)) => {
            payment.status = Status::Authorized;
            payment.charge_id = Some(charge_id);
        }
        // The items left the stock, so it was said that the order is paid, or its amount held.
        (None, None, None) if known.removed => {
            payment.charge_id.get_or_insert_with(|| moved.intent.0.clone());
            if moved.state == IntentState::Held {
                payment.status = Status::Authorized;
            } else {
                payment.status = Status::Charged;
                payment.charged = payment.amount.unwrap_or_default();
            }
        }
        (None, None, None) if payment.status == Status::WaitingForCustomer => {}
        // Nobody is known to have said how the charge ended: the message that charges asks again.
        (None, None, None) => {
            payment.status = Status::Charging;
            payment.charged_by = None;
        }
    }
}
