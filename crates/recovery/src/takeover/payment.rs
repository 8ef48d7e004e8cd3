//! Makes the stored payments of orders match the payment provider's intents.

use chorus_events::facts::{
    CaptureFailed, DeliveryEstimated, ErrorPaymentCanceled, OrderCreated, PaymentAuthorized,
    PaymentCanceled, PaymentFailed, PaymentMade,
};
use chorus_events::table::rows::CollectPayment;
use chorus_kernel::{Failure, Found, Store, Write, load, record_key, save};
use chorus_order::Placed;
use chorus_payment::{
    IntentId, IntentState, ListedIntent, Payment, Refund, ReviewCallback, ReviewVerdict, Status,
};
use chorus_table::{Event, Row};

use super::known::{OrderEvents, Progress, kinds};

/// The changes that a takeover makes to an order's payment.
#[derive(Default)]
pub(super) struct Paid {
    pub(super) writes: Vec<Write>,
    /// Requests to cancel prepared intents that nothing will confirm.
    pub(super) refunds: Vec<Refund>,
    /// Whether the failed region had begun to cancel the payment.
    pub(super) was_canceled: bool,
    /// Whether the cancellation has ended, with a refund or without.
    pub(super) is_canceled: bool,
    /// Whether nothing in this region will report how the payment ends.
    pub(super) is_stuck: bool,
}

/// Returns the writes and refunds that make an order's payment match the provider's `intents`.
pub(super) async fn repair(
    store: &dyn Store,
    order: &Placed,
    events: &OrderEvents<'_>,
    intents: &[&ListedIntent],
    known: Progress,
) -> Result<Paid, Failure> {
    let stored: Found<Payment> = load(store, order.order_id.clone()).await?;
    let own_intent = stored.as_ref().and_then(|it| it.value.intent.as_ref());
    let confirmed = intents.iter().filter(|it| {
        matches!(it.state, IntentState::Confirmed | IntentState::Held | IntentState::Refunded)
    });
    // An order that was lost and placed again has two intents. The intent that the payment names is
    // preferred, then an intent that was not refunded.
    let confirmed = confirmed
        .min_by_key(|it| (own_intent != Some(&it.intent), it.state == IntentState::Refunded));
    let canceled = intents
        .iter()
        .find(|it| it.state == IntentState::Canceled && own_intent == Some(&it.intent));
    let unclaimed = intents.iter().filter(|it| {
        it.state == IntentState::Open && (own_intent != Some(&it.intent) || confirmed.is_some())
    });
    let refunds = unclaimed.map(|it| it.refund()).collect();
    let mut payment =
        stored.as_ref().map_or_else(|| Payment::new(order.order_id.clone()), |it| it.value.clone());
    let refunding = matches!(
        payment.status,
        Status::Canceled | Status::Refunding | Status::Refunded | Status::RefundRefused
    );
    let lapsed = intents
        .iter()
        .find(|it| has_lapsed(it, own_intent) && confirmed.is_none() && !refunding)
        .filter(|_| known.removed || payment.status == Status::CaptureFailed)
        .filter(|_| !known.order_canceled && !events.has(kinds![PaymentCanceled]));
    let was_canceled = refunding
        || confirmed.is_some_and(|it| it.state == IntentState::Refunded)
        || canceled.is_some_and(|_| {
            lapsed.is_none()
                && !matches!(payment.status, Status::CaptureFailed | Status::Authorized)
        });
    if let Some(confirmed) = confirmed {
        pay_by(&mut payment, order, events, confirmed);
        settle(&mut payment, confirmed, events, known);
    } else if let Some(lapsed) = lapsed {
        pay_by(&mut payment, order, events, lapsed);
        // The capture is requested again, and the provider answers that the bank no longer holds
        // the amount. A failed capture is left alone if its event arrived: that event cancels the
        // order.
        if payment.status != Status::CaptureFailed || !events.has(kinds![CaptureFailed]) {
            payment.charge_id.get_or_insert_with(|| lapsed.intent.0.clone());
            payment.status = Status::Authorized;
        }
    } else if was_canceled
        && !events.has(kinds![PaymentCanceled])
        && payment.intent.is_some()
        && payment.amount.is_some()
    {
        payment.status = Status::Refunding;
    }
    let is_canceled = match confirmed {
        Some(_) => matches!(payment.status, Status::Refunded | Status::RefundRefused),
        None => {
            matches!(payment.status, Status::Canceled | Status::Refunded | Status::RefundRefused)
        }
    };
    let is_stuck =
        !was_canceled && !known.removed && is_stuck(store, &payment, order, events).await?;
    let same = stored.as_ref().is_some_and(|it| it.value == payment);
    let unknown = stored.is_none() && confirmed.is_none() && lapsed.is_none();
    let writes = if same || unknown { Vec::new() } else { vec![save(stored.as_ref(), &payment)] };
    Ok(Paid { writes, refunds, was_canceled, is_canceled, is_stuck })
}

/// Whether a payment whose result no known event reports will never be continued. A payment that
/// failed, or whose amount was charged or held, is not charged again. `CollectPayment` continues
/// only a charge without a review. It starts the state machine only when it handles the order's
/// first estimate, and the machine continues a payment only if nothing has been charged after a
/// review. If `CollectPayment` has a record, that machine is started again; it ends at once if it
/// finds a verdict other than an approval.
async fn is_stuck(
    store: &dyn Store,
    payment: &Payment,
    order: &Placed,
    events: &OrderEvents<'_>,
) -> Result<bool, Failure> {
    if events.has(kinds![PaymentMade, PaymentAuthorized, PaymentFailed]) {
        return Ok(false);
    }
    let reviewed = order.terms.needs_review;
    if reviewed && is_refused_by_review(store, order).await? {
        return Ok(true);
    }
    Ok(match payment.status {
        Status::New => false,
        Status::Charging => reviewed,
        Status::WaitingForCustomer if reviewed => true,
        Status::WaitingForApproval | Status::Approved | Status::WaitingForCustomer => {
            match events.key::<DeliveryEstimated>() {
                Some(key) => store.get(&record_key(CollectPayment::ACTION, key)).await?.is_none(),
                None => true,
            }
        }
        _ => true,
    })
}

/// Whether the verdict that is stored for the state machine is not an approval.
async fn is_refused_by_review(store: &dyn Store, order: &Placed) -> Result<bool, Failure> {
    let handle = ReviewCallback::handle(&order.order_id);
    let review: Found<ReviewCallback> = load(store, handle).await?;
    let answer = review.and_then(|review| review.value.answer());
    Ok(answer.is_some_and(|it| it[ReviewVerdict::ANSWERS.field] != ReviewVerdict::Approve.as_str()))
}

/// Whether `intent` ended without a charge, and the order's payment names this intent or none.
fn has_lapsed(intent: &ListedIntent, own_intent: Option<&IntentId>) -> bool {
    intent.state == IntentState::Canceled && own_intent.is_none_or(|own| *own == intent.intent)
}

/// Sets the payment's intent. Takes fields that `payment` lacks from the order and its events.
fn pay_by(payment: &mut Payment, order: &Placed, events: &OrderEvents<'_>, by: &ListedIntent) {
    let created = events.find::<OrderCreated>().and_then(|(created, _)| created.payment_method);
    let estimated = events.find::<DeliveryEstimated>().and_then(|(order, _)| order.payment_method);
    payment.customer_id.get_or_insert_with(|| order.customer_id.clone());
    payment.amount.get_or_insert(order.total);
    payment.payment_method = payment.payment_method.take().or(estimated).or(created);
    payment.intent = Some(by.intent.clone());
}

/// Sets the payment's status to the one that fits the events and the intent that was confirmed.
fn settle(
    payment: &mut Payment,
    confirmed: &ListedIntent,
    events: &OrderEvents<'_>,
    known: Progress,
) {
    let made = events.find::<PaymentMade>().map(|(made, _)| made.charge_id);
    let held = events.find::<PaymentAuthorized>().map(|(held, _)| held.charge_id);
    let canceled = events.find::<PaymentCanceled>().map(|(canceled, _)| canceled.refunded);
    // The failed region may have refunded the charge of a canceled order, and the refund may have
    // failed. A notice of that must wait until this region has the result of the refund, too.
    let refunds = known.canceling && !known.delivered;
    let after_charge = if refunds { Status::Refunding } else { Status::Charged };
    match (canceled, made, held) {
        // The refund was made and failed later. If the event that alerts an operator arrived, the
        // status stays. Otherwise the refund is requested again, and the provider answers that it
        // failed.
        (Some(_), ..)
            if payment.status == Status::RefundRefused
                && confirmed.state != IntentState::Refunded =>
        {
            if !events.has(kinds![ErrorPaymentCanceled]) {
                payment.status = Status::Refunding;
            }
        }
        (Some(refunded), ..) => {
            payment.status = Status::Refunded;
            payment.charged = payment.charged.max(refunded);
            payment.refunded = refunded;
        }
        (None, ..) if confirmed.state == IntentState::Refunded => {
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
            payment.status = after_charge;
            payment.charge_id = Some(charge_id);
            payment.charged = payment.amount.unwrap_or_default();
        }
        (None, None, Some(charge_id)) => {
            payment.status = Status::Authorized;
            payment.charge_id = Some(charge_id);
        }
        // The items left the stock, so the order was paid, or its amount held. The event that
        // reported the payment did not arrive.
        (None, None, None) if known.removed => {
            payment.charge_id.get_or_insert_with(|| confirmed.intent.0.clone());
            if confirmed.state == IntentState::Held {
                payment.status = Status::Authorized;
            } else {
                payment.status = after_charge;
                payment.charged = payment.amount.unwrap_or_default();
            }
        }
        (None, None, None) if payment.status == Status::WaitingForCustomer => {}
        // No event that arrived reports how the charge ended. The action that makes the charge
        // handles its message again, and asks the provider.
        (None, None, None) => {
            payment.status = Status::Charging;
            payment.charged_by = None;
        }
    }
}
