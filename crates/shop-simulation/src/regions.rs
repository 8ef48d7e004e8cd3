//! Two regions: the second one takes over what the first one left, and what must hold after that.

use std::collections::BTreeSet;

use chorus_events::{Money, OrderId, Sku};
use chorus_kernel::testing::now;
use chorus_kernel::{Failure, IDEMPOTENCY_TABLE};
use chorus_recovery::restored::{correct, recount};
use chorus_recovery::takeover::{Left, Plan, release_oversold};
use chorus_simulation::{Client, LostRegion, Observed, Standby, TakenOver};
use jiff::{SignedDuration, Timestamp};

use crate::callers::{self, PLACE};
use crate::courier::ParcelStatus;
use crate::invariants::{self, OrderHistory};
use crate::shop::Shop;

/// From how long before the takeover on all events are published again.
const WINDOW: SignedDuration = SignedDuration::from_hours(48);

/// Takes over. It is interrupted once, after some writes.
pub(crate) fn take_over(shop: &Shop, standby: &Standby) -> Result<TakenOver, Failure> {
    let begun = plan(shop, standby)?;
    for write in begun.writes.iter().take(standby.interrupted_after) {
        now(standby.store.write(std::slice::from_ref(write)))?;
    }
    let mut plan = plan(shop, standby)?;
    plan.cancels.extend(begun.cancels);
    now(plan.apply(&*standby.store))?;
    for refund in &plan.refunds {
        shop.bank.end(refund);
    }
    for order_id in &plan.recalls {
        shop.courier.take_back(order_id.clone());
    }
    plan.cancels.extend(count_again(standby)?);
    let rebuilt = now(chorus_order::rebuild(&*standby.store));
    rebuilt.map_err(|error| Failure::later("Rebuild", error.to_string()))?;
    let canceled = plan.cancels.iter().map(|id| {
        callers::cancels(id, &format!("the takeover of {id} by {}", standby.region)).patience(60)
    });
    let mut clients: Vec<Client> = canceled.collect();
    clients.extend(shop.courier.repeated(&plan.recalls, standby.region));
    Ok(TakenOver { events: plan.events, machines: plan.machines, clients })
}

fn plan(shop: &Shop, standby: &Standby) -> Result<Plan, Failure> {
    let left = Left {
        store: &*standby.store,
        records: (standby.items)(IDEMPOTENCY_TABLE.name),
        orders: (standby.items)(chorus_order::TABLE.name),
        inventory: (standby.items)(chorus_inventory::TABLE.name),
        archived: standby.archived.clone(),
        intents: shop.bank.listed(),
        parcels: shop.courier.orders(),
        region: standby.region.to_owned(),
        since: standby.now - WINDOW,
    };
    now(Plan::of(&left))
}

/// Counts the stock again, and returns the orders for which too little is left.
fn count_again(standby: &Standby) -> Result<BTreeSet<OrderId>, Failure> {
    let inventory = || (standby.items)(chorus_inventory::TABLE.name);
    let mut released = BTreeSet::new();
    let wrong = recount(&inventory())?;
    let corrected = now(correct(&*standby.store, &wrong, &wrong))?;
    if corrected.len() < wrong.len() {
        let oversold = wrong.iter().filter(|count| !corrected.contains(count));
        let skus: BTreeSet<Sku> = oversold.map(|count| count.sku.clone()).collect();
        released = now(release_oversold(&*standby.store, &inventory(), &skus))?;
        let wrong = recount(&inventory())?;
        now(correct(&*standby.store, &wrong, &wrong))?;
    }
    Ok(released)
}

/// Checks what is promised of two regions.
pub(crate) fn check(shop: &Shop, observed: &Observed, lost: LostRegion) -> Vec<String> {
    let mut wrong = Vec::new();
    let orders = invariants::orders(observed);
    for (id, told) in &orders {
        wrong.extend(invariants::check_stream(id, told));
        if let Some(placed) = &told.placed {
            wrong.extend(invariants::check_order(shop, observed, placed));
        }
    }
    wrong.extend(invariants::check_stock(shop, observed, &orders));
    for order in shop.script.orders.iter().filter(|it| !is_there(&orders, &it.order_id)) {
        wrong.extend(check_unknown(shop, &order.order_id));
        let answered = acknowledged(observed, &order.key);
        let lag = if lost.planned { SignedDuration::ZERO } else { longest(lost) };
        if answered.is_some_and(|at| lost.planned || at + lag < lost.at) {
            let id = &order.order_id;
            wrong.push(format!("lost: {id} was answered 201 before the lag, and is nowhere"));
        }
    }
    wrong
}

fn longest(lost: LostRegion) -> SignedDuration {
    SignedDuration::try_from(lost.lag).unwrap_or(SignedDuration::MAX)
}

fn is_there(orders: &std::collections::BTreeMap<String, OrderHistory>, id: &OrderId) -> bool {
    orders.contains_key(id.as_str())
}

/// When the order with this key was answered 201, if it was.
fn acknowledged(observed: &Observed, key: &str) -> Option<Timestamp> {
    let clients = observed.clients.iter().filter(|it| it.asks(PLACE, key));
    clients.filter(|it| it.answered == Some(201)).filter_map(|it| it.answered_at).min()
}

/// Checks an order that the region which acts does not know: nothing is charged on balance, and no
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
    let parcels = shop.courier.parcels();
    let moving = parcels.parcels.values().filter(|it| it.order_id == *id);
    let mut moving =
        moving.filter(|it| matches!(it.at, ParcelStatus::Accepted | ParcelStatus::PickedUp));
    if moving.next().is_some() {
        wrong.push(format!("unknown: a parcel of {id} is on its way"));
    }
    wrong
}

/// How many orders were answered 201 and are nowhere.
pub(crate) fn lost(shop: &Shop, observed: &Observed) -> u64 {
    let orders = invariants::orders(observed);
    let missing = shop.script.orders.iter().filter(|it| !is_there(&orders, &it.order_id));
    missing.filter(|it| acknowledged(observed, &it.key).is_some()).count() as u64
}
