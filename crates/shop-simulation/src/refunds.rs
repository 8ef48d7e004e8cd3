//! The invariants of refunds and disputes.

use chorus_events::OrderId;
use chorus_events::facts::{ErrorPaymentCanceled, ErrorPaymentDisputed, PaymentCanceled};
use chorus_simulation::{Client, Observed, Sighting};
use chorus_table::Event;

use crate::shop::Shop;

/// The results of a refund. An order has at most one of these events if its bank makes the refund.
/// If the bank refuses the refund or lets it fail later, an operator may request the refund again.
const REFUND: [&str; 2] =
    [PaymentCanceled::SPEC.detail_type, ErrorPaymentCanceled::SPEC.detail_type];

/// The type of a notice about a disputed charge.
const DISPUTE: &str = "charge.dispute.created";

/// The type of a notice about a failed refund.
const FAILURE: &str = "refund.failed";

/// The maximum number of results of an order's refund: it is made, fails later, and is made again.
const MOST_REFUNDS: u32 = 3;

/// Checks that an order has at most one result of a refund, or at most [`MOST_REFUNDS`] if its bank
/// may keep the amount instead of refunding it. Also checks the order's dispute.
pub(crate) fn check(shop: &Shop, observed: &Observed, id: &str) -> Vec<String> {
    let planned = shop.script.orders.iter().find(|order| order.order_id.as_str() == id);
    let Some(planned) = planned else { return Vec::new() };
    let mut wrong = Vec::new();
    let most = if planned.bank.may_keep() { MOST_REFUNDS } else { 1 };
    let sightings = observed.sightings();
    let times = |kind: &str| {
        let is_meant = |event: &&Sighting| event.about == id && event.detail_type == kind;
        sightings.events.values().filter(is_meant).count() as u32
    };
    let results: u32 = REFUND.iter().map(|kind| times(kind)).sum();
    if results > most {
        wrong.push(format!("story: {id} has {results} of {}", REFUND.join(" or ")));
    }
    drop(sightings);
    wrong.extend(check_dispute(shop, observed, id));
    wrong
}

/// Checks that the dispute of an order was published once, if the shop accepted a notice of the
/// dispute.
pub(crate) fn check_dispute(shop: &Shop, observed: &Observed, id: &str) -> Option<String> {
    let planned = shop.script.orders.iter().find(|order| order.order_id.as_str() == id)?;
    // The dispute may be about an intent that a region ended when it took over. Then the shop need
    // not publish the dispute.
    if shop.bank.books().was_ended(&planned.order_id) {
        return None;
    }
    let mut notices = notices(observed, DISPUTE, &planned.name);
    let taken = notices.any(|client| !is_lost(observed, client));
    let times = observed.times_published::<ErrorPaymentDisputed>(id);
    let wrong = || format!("disputes: the dispute of {id} was not published exactly once");
    (taken && times != 1).then(wrong)
}

/// Whether the shop accepted a notice that a refund of this order failed, and may have lost the
/// notice when it lost a region.
pub(crate) fn failure_was_lost(shop: &Shop, observed: &Observed, id: &OrderId) -> bool {
    let planned = shop.script.orders.iter().find(|order| order.order_id == *id);
    let mut notices = planned.into_iter().flat_map(|it| notices(observed, FAILURE, &it.name));
    notices.any(|client| is_lost(observed, client))
}

/// The accepted notices of this type about an order.
fn notices<'a>(
    observed: &'a Observed,
    kind: &str,
    order: &str,
) -> impl Iterator<Item = &'a Client> + use<'a> {
    let notice = format!("{kind} of {order},");
    let sent = observed.clients.iter().filter(move |client| client.name.starts_with(&notice));
    sent.filter(|client| client.answered == Some(200))
}

/// Whether the shop accepted the notice so shortly before a region was lost that the notice may be
/// lost with the region.
fn is_lost(observed: &Observed, notice: &Client) -> bool {
    let lost = observed.lost_region().filter(|lost| !lost.planned);
    let Some((lost, at)) = lost.zip(notice.answered_at) else { return false };
    at <= lost.at && at + lost.longest_lag() >= lost.at
}
