//! The invariants of the shop at the end of a run.

use std::collections::{BTreeMap, BTreeSet};

use chorus_events::facts::*;
use chorus_events::{Money, OrderId, Sku};
use chorus_kernel::{Entity, Fold, Recorded, read_recorded, text};
use chorus_order::{Order, Placed, Status};
use chorus_simulation::{Observed, Sightings};
use chorus_table::Event;

use crate::callers::PLACE;
use crate::courier::ParcelStatus;
use crate::orders::ITEMS;
use crate::pace;
use crate::refunds;
use crate::shop::Shop;

/// The detail types of events.
macro_rules! kinds {
    ($($event:ident),+ $(,)?) => {
        &[$(<$event as Event>::SPEC.detail_type),+]
    };
}

/// An order has at most one of the events in each of these groups.
const ONE_OF: [&[&str]; 19] = [
    kinds![OrderCreated],
    kinds![ItemReserved, ItemNotAvailable],
    kinds![ItemDescribed, ErrorItemDescribed],
    kinds![CustomerDescribed, ErrorCustomerDescribed],
    kinds![DeliveryEstimated, ErrorDeliveryEstimated],
    kinds![OrderApproved, OrderDeclined],
    kinds![ConfirmationRequired],
    kinds![PaymentAuthorized],
    kinds![PaymentMade, PaymentFailed],
    kinds![PaymentMade, CaptureFailed],
    kinds![ItemRemoved, ErrorItemRemoved],
    kinds![ItemRemoved, ItemUnreserved],
    kinds![DeliveryMarkedAsStarted, ErrorMarkDeliveryAsStarted],
    kinds![DeliveryStarted],
    kinds![DeliveryWasDelivered],
    kinds![OrderDelivered, OrderCanceled],
    kinds![ItemUnreserved, ItemReturned, ErrorItemUnreserved, ErrorItemReturned],
    kinds![DeliveryWasCanceled],
    kinds![CustomsDeclared],
];

/// The events about which customers or an operator get an email.
const EMAILS: &[&str] = kinds![
    ConfirmationRequired,
    PaymentAuthorized,
    PaymentMade,
    DeliveryStarted,
    OrderCanceled,
    OrderDelivered,
    CaptureFailed,
    ErrorPaymentCanceled,
    ErrorPaymentDisputed,
    ErrorItemUnreserved,
    ErrorItemReturned,
    ErrorDeliveryWasDelivered,
    ErrorDeliveryWasCanceled,
];

/// The events that every delivered order has. An order whose amount could not be captured has
/// `CaptureFailed` instead of `PaymentMade`.
const DELIVERED: &[&str] = kinds![
    OrderCreated,
    ItemReserved,
    ItemDescribed,
    CustomerDescribed,
    DeliveryEstimated,
    PaymentMade,
    ItemRemoved,
    DeliveryMarkedAsStarted,
    DeliveryWasDelivered,
    OrderDelivered,
];

/// The event that reports that an amount could not be captured although the bank held it.
const CAPTURE_FAILED: &str = CaptureFailed::SPEC.detail_type;

/// An order that was canceled although its parcel was delivered has one of these events: the
/// carrier was asked to return the parcel, or an operator was alerted.
const UNDONE: &[&str] =
    kinds![DeliveryWasCanceled, ErrorDeliveryWasCanceled, ErrorDeliveryWasDelivered];

/// An order as its own events describe it.
pub(crate) struct OrderHistory {
    pub(crate) events: Vec<Recorded>,
    pub(crate) placed: Option<Placed>,
}

/// The orders, by id.
pub(crate) fn orders(observed: &Observed) -> BTreeMap<String, OrderHistory> {
    let mut streams: BTreeMap<String, Vec<Recorded>> = BTreeMap::new();
    for item in observed.items(chorus_order::TABLE.name) {
        let Some(event) = read_recorded(&item) else { continue };
        let pk = text(&item, "pk").unwrap_or_default();
        let id = pk.rsplit_once('#').map_or(pk, |(_, id)| id).to_owned();
        streams.entry(id).or_default().push(event);
    }
    let history = |(id, mut events): (String, Vec<Recorded>)| {
        events.sort_by_key(|event| event.version);
        let folded = events.iter().try_fold(Order::default(), Order::apply);
        let placed = folded.ok().and_then(|order| order.0);
        (id, OrderHistory { events, placed })
    };
    streams.into_iter().map(history).collect()
}

/// The orders that have not ended.
pub(crate) fn open(observed: &Observed) -> Vec<OrderId> {
    let placed = orders(observed).into_values().filter_map(|history| history.placed);
    placed.filter(|order| order.status == Status::Open).map(|order| order.order_id).collect()
}

/// Checks all invariants, and returns the violations.
pub(crate) fn check(shop: &Shop, observed: &Observed) -> Vec<String> {
    let mut wrong = Vec::new();
    let orders = orders(observed);
    for (id, history) in &orders {
        wrong.extend(check_stream(id, history));
        wrong.extend(refunds::check(shop, observed, id));
        if let Some(placed) = &history.placed {
            wrong.extend(check_order(shop, observed, placed));
        }
    }
    wrong.extend(check_stories(observed, &orders));
    wrong.extend(check_callers(shop, observed, &orders));
    wrong.extend(pace::check(shop, observed, &orders));
    wrong.extend(check_stock(shop, observed, &orders));
    wrong.extend(check_log(shop, observed));
    wrong.extend(check_counts(observed, &orders));
    wrong.extend(check_list(observed, &orders));
    wrong.extend(check_emails(shop, observed));
    wrong.extend(check_prices(observed));
    wrong
}

pub(crate) fn check_stream(id: &str, history: &OrderHistory) -> Vec<String> {
    let versions: Vec<u64> = history.events.iter().map(|event| event.version).collect();
    let gap_free = versions.iter().copied().eq(1..=versions.len() as u64);
    let mut wrong = Vec::new();
    if !gap_free {
        wrong.push(format!("stream: the versions of {id} are {versions:?}"));
    }
    if history.placed.is_none() {
        wrong.push(format!("stream: the events of {id} do not begin with OrderCreated"));
    }
    if history.events.len() > 2 {
        wrong.push(format!("stream: {id} has an event after the one that ended it"));
    }
    wrong
}

pub(crate) fn check_order(shop: &Shop, observed: &Observed, order: &Placed) -> Vec<String> {
    let books = shop.bank.books();
    let charges = books.charged(&order.order_id);
    let refunds = books.refunded(&order.order_id);
    let (charged, refunded): (Money, Money) =
        (charges.iter().copied().sum(), refunds.iter().copied().sum());
    let id = &order.order_id;
    let courier = shop.courier.parcels();
    let parcels: Vec<_> = courier.parcels.values().filter(|it| it.order_id == *id).collect();
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: String| {
        if !holds {
            wrong.push(what);
        }
    };
    must(charges.len() <= 1, format!("charges: {id} was charged {} times", charges.len()));
    must(refunded <= charged, format!("refunds: {id} was charged {charged}, refunded {refunded}"));
    must(parcels.len() <= 1, format!("parcels: {id} was shipped {} times", parcels.len()));
    let held = books.held(id);
    must(held == 0, format!("held: {held} amounts of {id} are neither captured nor released"));
    match order.status {
        Status::Open => must(false, format!("end: {id} has not ended")),
        Status::Delivered => {
            let failed = charges.is_empty() && has_event(observed, id, CAPTURE_FAILED);
            let paid = charges == [order.total] || failed;
            let paid = paid && refunds.is_empty();
            must(paid, format!("delivered: {id} was charged {charges:?}, refunded {refunds:?}"));
            let arrived = parcels.len() == 1 && parcels[0].at == ParcelStatus::Delivered;
            must(arrived, format!("delivered: {id} has the parcels {parcels:?}"));
        }
        Status::Canceled => {
            let alerted = has_event(observed, id, ErrorPaymentCanceled::SPEC.detail_type)
                || refunds::failure_was_lost(shop, observed, id);
            let even = charged == refunded || (books.keeps_charge(id) && alerted);
            must(even, format!("canceled: {id} was charged {charged}, refunded {refunded}"));
            let moving = parcels
                .iter()
                .any(|it| matches!(it.at, ParcelStatus::Accepted | ParcelStatus::PickedUp));
            must(!moving, format!("canceled: a parcel of {id} is still on its way"));
            let arrived = parcels.iter().any(|it| it.at == ParcelStatus::Delivered);
            // A takeover recalls the parcels of lost orders, but publishes no event about that.
            let recalled = UNDONE.iter().any(|kind| has_event(observed, id, kind))
                || courier.recalled.contains(id);
            must(
                !arrived || recalled,
                format!("canceled: nobody tried to stop the parcel of {id}"),
            );
        }
    }
    let unseen = order.total < shop.script.settings.review_above;
    // If a region was lost, the approval may be among the events that were lost with it, so the
    // approval is not required.
    let unseen = unseen || observed.lost_region().is_some();
    let reviewed = unseen || observed.was_published::<OrderApproved>(id.as_str());
    must(charges.is_empty() || reviewed, format!("review: {id} was charged, but not approved"));
    wrong
}

fn has_event(observed: &Observed, id: &OrderId, kind: &str) -> bool {
    let sightings = observed.sightings();
    sightings.events.values().any(|it| it.about == id.as_str() && it.detail_type == kind)
}

/// Checks that no order has two events that exclude each other (`ONE_OF`), and that a delivered
/// order has every event of its flow.
fn check_stories(observed: &Observed, orders: &BTreeMap<String, OrderHistory>) -> Vec<String> {
    let sightings = observed.sightings();
    let mut published: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for event in sightings.events.values() {
        *published.entry((&event.about, &event.detail_type)).or_default() += 1;
    }
    let times = |id: &str, kind: &str| published.get(&(id, kind)).copied().unwrap_or(0);
    let mut wrong = Vec::new();
    for (id, history) in orders {
        for group in ONE_OF {
            let sum: u32 = group.iter().map(|kind| times(id, kind)).sum();
            if sum > 1 {
                wrong.push(format!("story: {id} has {sum} events of {}", group.join(" or ")));
            }
        }
        let delivered = history.placed.as_ref().is_some_and(|it| it.status == Status::Delivered);
        let uncaptured = times(id, CAPTURE_FAILED) > 0;
        let missing = |kind: &&&str| {
            let excused = uncaptured && **kind == PaymentMade::SPEC.detail_type;
            delivered && !excused && times(id, kind) == 0
        };
        for kind in DELIVERED.iter().filter(missing) {
            wrong.push(format!("story: {id} was delivered without {kind}"));
        }
        let last = history.events.last().map_or("nothing", |event| &event.detail_type);
        if times(id, last) != 1 {
            wrong.push(format!(
                "story: {last} of {id} is stored, but was not published exactly once"
            ));
        }
    }
    wrong
}

/// Checks that an order exists if a client got a 201 for it, and that no client whose order exists
/// was refused.
fn check_callers(
    shop: &Shop,
    observed: &Observed,
    orders: &BTreeMap<String, OrderHistory>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for order in &shop.script.orders {
        let id = &order.order_id;
        let there = orders.contains_key(id.as_str());
        let mut callers = observed.clients.iter().filter(|it| it.is_request(PLACE, &order.key));
        let placed = callers.clone().any(|client| client.answered == Some(201));
        if placed && !there {
            wrong.push(format!("lost: {id} was answered with 201, but does not exist"));
        }
        let changed = order.twin.is_some_and(|(_, changed)| changed);
        let refused =
            callers.any(|client| !client.much_later && matches!(client.answered, Some(400..=499)));
        // A repeated request of a forgotten customer may be refused, because the text of the first
        // request can no longer be read, so the two cannot be compared.
        let forgotten = shop.forgotten.was_forgotten(order.customer);
        if there && refused && !changed && !forgotten {
            wrong.push(format!("callers: {} exists, although its caller was refused", order.name));
        }
    }
    wrong
}

pub(crate) fn check_stock(
    shop: &Shop,
    observed: &Observed,
    orders: &BTreeMap<String, OrderHistory>,
) -> Vec<String> {
    let mut delivered: BTreeMap<&Sku, i64> = BTreeMap::new();
    let ended = orders.values().filter_map(|history| history.placed.as_ref());
    for order in ended.filter(|order| order.status == Status::Delivered) {
        for line in &order.lines {
            *delivered.entry(&line.sku).or_default() += i64::from(line.quantity.get());
        }
    }
    let mut wrong = Vec::new();
    let mut items = 0;
    for stored in observed.items(chorus_inventory::TABLE.name) {
        if text(&stored, "sk") != Some("item") {
            continue;
        }
        let item: Result<chorus_inventory::Item, _> = serde_dynamo::from_item(stored);
        let Ok(item) = item else {
            wrong.push("stock: an item cannot be read".to_owned());
            continue;
        };
        items += 1;
        let sold = delivered.get(&item.sku).copied().unwrap_or(0);
        let received = shop.stock.get(item.sku.as_str()).copied().unwrap_or(0);
        let available = received - sold;
        let is = (i64::from(item.available), i64::from(item.reserved), i64::from(item.sold));
        if is != (available, 0, sold) {
            let sku = &item.sku;
            wrong.push(format!(
                "stock: {sku} has {} available, {} reserved, {} sold; {sold} were delivered",
                is.0, is.1, is.2
            ));
        }
    }
    if items != ITEMS.len() {
        wrong.push(format!("stock: {items} items are listed"));
    }
    wrong
}

/// Checks that every event that the bus accepted is in the event log once, and that the log has no
/// other events.
fn check_log(shop: &Shop, observed: &Observed) -> Vec<String> {
    let sightings = observed.sightings();
    let kept = observed.items(chorus_event_log::TABLE.name);
    let logged: BTreeSet<String> =
        kept.iter().filter_map(|item| text(item, "sk").map(ToOwned::to_owned)).collect();
    // The log has the commands of other accounts under ids that their senders did not choose.
    let renamed: BTreeMap<String, String> =
        shop.script.sent.iter().map(|sent| (sent.event_id(), sent.logged_id())).collect();
    let logged_id = |id: &String| renamed.get(id).unwrap_or(id).clone();
    let accepted: BTreeSet<String> = sightings.events.keys().map(logged_id).collect();
    let missing = sightings.events.iter().filter(|(id, _)| !logged.contains(&logged_id(id)));
    let mut wrong: Vec<String> = missing
        .map(|(_, event)| format!("log: {} of {} is missing", event.detail_type, event.about))
        .collect();
    let copies = kept.iter().filter(|item| {
        text(item, "metadata").is_some_and(|metadata| metadata.contains(r#""copy-of":"#))
    });
    wrong.extend(copies.map(|item| {
        let (kind, about) = (text(item, "detail-type"), text(item, "pk"));
        let [kind, about] = [kind, about].map(Option::unwrap_or_default);
        format!("log: a copy of {kind} of {about} in an earlier version is stored")
    }));
    if kept.len() != logged.len() {
        wrong.push(format!("log: {} items are stored for {} events", kept.len(), logged.len()));
    }
    let poisoned: BTreeSet<&str> = sightings.poisoned.iter().map(String::as_str).collect();
    let unknown = |id: &&String| !accepted.contains(*id) && !poisoned.contains(id.as_str());
    let unknown = logged.iter().filter(unknown).count();
    // The run's unreadable messages are alternately of two kinds. Those of the first kind have an
    // invalid field, which the event log does not read, so the log keeps these messages.
    let readable = shop.poison.div_ceil(2);
    if unknown > readable {
        wrong.push(format!("log: {unknown} of its events were never published"));
    }
    wrong
}

fn check_counts(observed: &Observed, orders: &BTreeMap<String, OrderHistory>) -> Vec<String> {
    let mut counted = [0_i64; 6];
    for item in observed.items(chorus_analytics::TABLE.name) {
        let Ok(part) = serde_dynamo::from_item::<_, chorus_analytics::Count>(item) else {
            return vec!["counts: an item of Analytics cannot be read".to_owned()];
        };
        let of_part = [
            part.placed,
            part.placed_worth,
            part.canceled,
            part.canceled_worth,
            part.delivered,
            part.delivered_worth,
        ];
        counted.iter_mut().zip(of_part).for_each(|(sum, part)| *sum += part);
    }
    let mut are = [0_i64; 6];
    for order in orders.values().filter_map(|history| history.placed.as_ref()) {
        let mut add = |place: usize| {
            are[place] += 1;
            are[place + 1] += order.total.minor();
        };
        add(0);
        match order.status {
            Status::Canceled => add(2),
            Status::Delivered => add(4),
            Status::Open => {}
        }
    }
    if counted == are {
        return Vec::new();
    }
    vec![format!("counts: Analytics counted {counted:?}, but the orders give {are:?}")]
}

/// Checks that the customers' list of orders matches the orders' own events.
fn check_list(observed: &Observed, orders: &BTreeMap<String, OrderHistory>) -> Vec<String> {
    let mut listed: BTreeMap<String, Status> = BTreeMap::new();
    for item in observed.items(chorus_order::VIEW_TABLE.name) {
        if let Ok(line) = serde_dynamo::from_item::<_, chorus_order::OrderView>(item) {
            listed.insert(line.order_id.to_string(), line.status);
        }
    }
    let placed = orders.values().filter_map(|history| history.placed.as_ref());
    let are: BTreeMap<String, Status> =
        placed.map(|order| (order.order_id.to_string(), order.status)).collect();
    if listed == are {
        return Vec::new();
    }
    vec![format!("list: the list has {listed:?}, but the orders are {are:?}")]
}

/// Checks that no email was sent twice (under two idempotency keys), and that no email is missing.
fn check_emails(shop: &Shop, observed: &Observed) -> Vec<String> {
    let emails = shop.post.emails();
    let sightings = observed.sightings();
    let due = sightings.events.values().filter(|it| EMAILS.contains(&it.detail_type.as_str()));
    let forgotten = due.filter(|event| {
        let posted =
            |email: &&String| email.starts_with(&event.detail_type) && email.contains(&event.about);
        emails.values().find(posted).is_none() && !was_forgotten(shop, &sightings, &event.about)
    });
    let mut wrong: Vec<String> = forgotten
        .map(|it| format!("emails: no email reports {} of {}", it.detail_type, it.about))
        .collect();
    let mut texts: BTreeMap<&str, u32> = BTreeMap::new();
    for email in emails.values() {
        *texts.entry(email.as_str()).or_default() += 1;
    }
    let twice = texts.into_iter().filter(|(_, times)| *times > 1);
    wrong.extend(twice.map(|(email, times)| {
        let head = email.lines().next().unwrap_or_default();
        format!("emails: \"{head}\" was posted {times} times")
    }));
    wrong
}

/// Whether an email about this order was given up because its customer was forgotten.
fn was_forgotten(shop: &Shop, sightings: &Sightings, order: &str) -> bool {
    let planned = shop.script.orders.iter().find(|it| it.order_id.as_str() == order);
    let forgotten = planned.is_some_and(|it| shop.forgotten.was_forgotten(it.customer));
    let failed = EmailFailed::SPEC.detail_type;
    let mut events = sightings.events.values();
    forgotten && events.any(|it| it.about == order && it.detail_type == failed)
}

/// Checks that Order knows the price of every item that Inventory lists.
fn check_prices(observed: &Observed) -> Vec<String> {
    let listed: BTreeMap<Sku, Money> = observed
        .items(chorus_inventory::TABLE.name)
        .into_iter()
        .filter_map(|item| serde_dynamo::from_item::<_, chorus_inventory::Item>(item).ok())
        .map(|item| (item.sku, item.price))
        .collect();
    let learned: BTreeMap<Sku, Money> = observed
        .items(chorus_order::TABLE.name)
        .into_iter()
        .filter_map(|item| serde_dynamo::from_item::<_, chorus_order::Price>(item).ok())
        .map(|price| (price.sku, price.price))
        .collect();
    if listed == learned {
        return Vec::new();
    }
    vec![format!("prices: Inventory lists {listed:?}, but Order has stored {learned:?}")]
}

/// The orders whose payments wait for the decision of a review.
pub(crate) fn pending_reviews(observed: &Observed) -> Vec<OrderId> {
    let reviews = observed.items(<chorus_fraud::Review as Entity>::TABLE);
    let reviews = reviews
        .into_iter()
        .filter_map(|item| serde_dynamo::from_item::<_, chorus_fraud::Review>(item).ok());
    reviews
        .filter(|it| it.pending.is_some() && it.handle.is_some())
        .map(|review| review.order_id)
        .collect()
}
