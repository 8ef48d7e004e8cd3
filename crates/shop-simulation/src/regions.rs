//! Runs with two regions: how the second region takes over, and what must hold after the takeover.

use std::collections::BTreeSet;

use chorus_events::{Money, OrderId};
use chorus_kernel::testing::expect_ready;
use chorus_kernel::{Failure, IDEMPOTENCY_TABLE, Item, RECORD_LIFETIME};
use chorus_payment::Refund;
use chorus_recovery::takeover::{ActiveItems, Plan, TakeoverInput, Unmatched, count_again};
use chorus_simulation::{Client, LostRegion, Observed, Standby, TakenOver};
use jiff::{SignedDuration, Timestamp};

use crate::callers::{self, PLACE};
use crate::courier::ParcelStatus;
use crate::invariants::{self, OrderHistory};
use crate::refunds;
use crate::shop::Shop;

/// Events that occurred at most this long before the takeover are published again.
const WINDOW: SignedDuration = SignedDuration::from_hours(48);

/// Takes over: makes only the first writes of a plan, as if interrupted, then plans again and does
/// the whole work.
pub(crate) fn take_over(shop: &Shop, standby: &Standby) -> Result<TakenOver, Failure> {
    let begun = plan(shop, standby)?;
    for write in begun.writes.iter().take(standby.interrupted_after) {
        expect_ready(standby.store.write(std::slice::from_ref(write)))?;
    }
    let mut plan = plan(shop, standby)?;
    plan.cancels.extend(begun.cancels);
    expect_ready(plan.apply(&*standby.store, async || Ok(())))?;
    undo(shop, &plan.refunds, &plan.recalls);
    let inventory = async || Ok((standby.items)(chorus_inventory::TABLE.name));
    plan.cancels.extend(expect_ready(count_again(&*standby.store, inventory))?.released);
    let rebuilt = expect_ready(chorus_order::rebuild(&*standby.store));
    rebuilt.map_err(|error| Failure::later("Rebuild", error.to_string()))?;
    let canceled = plan.cancels.iter().map(|id| {
        callers::cancels(id, &format!("the takeover of {id} by {}", standby.region)).patience(60)
    });
    let mut clients: Vec<Client> = canceled.collect();
    clients.extend(shop.courier.repeated(&plan.recalls, standby.region));
    Ok(TakenOver { events: plan.events, machines: plan.machines, clients })
}

/// Undoes the charges, and recalls the parcels, that do not fit the orders of the active region.
/// Each returned client cancels one order: the region knows this order, but did not hand in its
/// parcel. `items` returns every item of a table of the active region.
pub(crate) fn undo_unmatched(
    shop: &Shop,
    items: &dyn Fn(&'static str) -> Vec<Item>,
) -> Result<Vec<Client>, Failure> {
    let active = ActiveItems {
        orders: items(chorus_order::TABLE.name),
        deliveries: items(chorus_delivery::TABLE.name),
        callbacks: items(chorus_delivery::CARRIER_WAIT_TABLE.name),
    };
    let unmatched = Unmatched::among(&shop.bank.listed(), &shop.courier.orders(), &active)?;
    undo(shop, &unmatched.refunds, &unmatched.recalls);
    let canceled = unmatched.cancels.iter();
    let client = |id| callers::cancels(id, "an operator, whose parcel is not this region's");
    Ok(canceled.map(|id| client(id).patience(60)).collect())
}

fn undo(shop: &Shop, refunds: &[Refund], recalls: &BTreeSet<OrderId>) {
    for refund in refunds {
        shop.bank.end(refund);
    }
    for order_id in recalls {
        shop.courier.take_back(order_id.clone());
    }
}

fn plan(shop: &Shop, standby: &Standby) -> Result<Plan, Failure> {
    let input = TakeoverInput {
        store: &*standby.store,
        records: (standby.items)(IDEMPOTENCY_TABLE.name),
        orders: (standby.items)(chorus_order::TABLE.name),
        inventory: (standby.items)(chorus_inventory::TABLE.name),
        deliveries: (standby.items)(chorus_delivery::TABLE.name),
        archived: standby.archived.clone(),
        intents: shop.bank.listed(),
        parcels: shop.courier.orders(),
        region: standby.region.to_owned(),
        since: standby.now - WINDOW,
        recorded_since: standby.now - SignedDuration::from_secs(RECORD_LIFETIME),
    };
    expect_ready(Plan::of(&input))
}

/// Checks the invariants that hold after the loss of a region.
pub(crate) fn check(shop: &Shop, observed: &Observed, lost: LostRegion) -> Vec<String> {
    let mut wrong = Vec::new();
    let orders = invariants::orders(observed);
    for (id, history) in &orders {
        wrong.extend(invariants::check_stream(id, history));
        if let Some(placed) = &history.placed {
            wrong.extend(invariants::check_order(shop, observed, placed));
            wrong.extend(check_ended(shop, &placed.order_id));
        }
        wrong.extend(refunds::check_dispute(shop, observed, id));
    }
    wrong.extend(invariants::check_stock(shop, observed, &orders));
    for order in shop.script.orders.iter().filter(|it| !is_there(&orders, &it.order_id)) {
        wrong.extend(check_unknown(shop, &order.order_id));
        let answered = acknowledged(observed, &order.key);
        let lag = if lost.planned { SignedDuration::ZERO } else { lost.longest_lag() };
        if answered.is_some_and(|at| lost.planned || at + lag < lost.at) {
            let id = &order.order_id;
            wrong.push(format!(
                "lost: {id} got a 201 early enough to be replicated, but does not exist"
            ));
        }
    }
    wrong
}

fn is_there(orders: &std::collections::BTreeMap<String, OrderHistory>, id: &OrderId) -> bool {
    orders.contains_key(id.as_str())
}

/// The time at which a client first got a 201 for the order with this key; `None` if no client did.
fn acknowledged(observed: &Observed, key: &str) -> Option<Timestamp> {
    let clients = observed.clients.iter().filter(|it| it.is_request(PLACE, key));
    clients.filter(|it| it.answered == Some(201)).filter_map(|it| it.answered_at).min()
}

/// Checks an order that the active region does not know: all its charges are refunded, and no
/// parcel is on its way.
fn check_unknown(shop: &Shop, id: &OrderId) -> Vec<String> {
    let mut wrong = Vec::new();
    let books = shop.bank.books();
    let (charges, refunds) = (books.charged(id), books.refunded(id));
    let (charged, refunded): (Money, Money) =
        (charges.iter().copied().sum(), refunds.iter().copied().sum());
    if charges.len() > 1 || charged != refunded || books.held(id) > 0 {
        wrong.push(format!("unknown: {id} was charged {charges:?}, refunded {refunds:?}"));
    }
    drop(books);
    wrong.extend(check_ended(shop, id));
    let parcels = shop.courier.parcels();
    let moving = parcels.parcels.values().filter(|it| it.order_id == *id);
    let mut moving =
        moving.filter(|it| matches!(it.at, ParcelStatus::Accepted | ParcelStatus::PickedUp));
    if moving.next().is_some() {
        wrong.push(format!("unknown: a parcel of {id} is on its way"));
    }
    wrong
}

/// Checks that every amount that a takeover had to refund was refunded. Refunds that the bank
/// refuses or lets fail, and disputed charges, are not checked, because a person has to settle
/// them.
fn check_ended(shop: &Shop, id: &OrderId) -> Option<String> {
    let not_refunded = shop.bank.books().not_refunded_by_takeover(id);
    let wrong = || format!("takeover: {not_refunded:?} of {id} were not refunded");
    (!not_refunded.is_empty()).then(wrong)
}

/// How many orders do not exist in the active region, although their clients got a 201.
pub(crate) fn lost(shop: &Shop, observed: &Observed) -> u64 {
    let orders = invariants::orders(observed);
    let missing = shop.script.orders.iter().filter(|it| !is_there(&orders, &it.order_id));
    missing.filter(|it| acknowledged(observed, &it.key).is_some()).count() as u64
}
