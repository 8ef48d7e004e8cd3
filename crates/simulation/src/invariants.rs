//! What must hold once nothing is under way.

use std::collections::{BTreeMap, BTreeSet};

use chorus_events::{HIGH_VALUE, Money, OrderId, Sku};
use chorus_kernel::{Entity, Fold, IDEMPOTENCY_TABLE, Item, Recorded, read_recorded, text};
use chorus_order::{Order, Placed, Status};

use crate::client::Wish;
use crate::courier::Whereabouts;
use crate::scenario::ITEMS;
use crate::seen::is_poison;
use crate::stage::{Stage, buried_by};

/// Of the events of each of these groups, an order's story has at most one.
const ONE_OF: [&[&str]; 17] = [
    &["OrderCreated"],
    &["ItemReserved", "ItemNotAvailable"],
    &["ItemDescribed", "ErrorItemDescribed"],
    &["CustomerDescribed", "ErrorCustomerDescribed"],
    &["DeliveryEstimated", "ErrorDeliveryEstimated"],
    &["OrderApproved", "OrderDeclined"],
    &["PaymentMade", "PaymentFailed"],
    &["ItemRemoved", "ErrorItemRemoved"],
    &["ItemRemoved", "ItemUnreserved"],
    &["DeliveryMarkedAsStarted", "ErrorMarkDeliveryAsStarted"],
    &["DeliveryStarted"],
    &["DeliveryWasDelivered"],
    &["OrderDelivered", "OrderCanceled"],
    &["ItemUnreserved", "ItemReturned", "ErrorItemUnreserved", "ErrorItemReturned"],
    &["PaymentCanceled", "ErrorPaymentCanceled"],
    &["DeliveryWasCanceled"],
    &["CustomsDeclared"],
];

/// The events that customers are told of.
const LETTERS: [&str; 5] =
    ["ItemNotAvailable", "PaymentMade", "PaymentFailed", "OrderCanceled", "OrderDelivered"];

/// The events that every delivered order's story has.
const DELIVERED: [&str; 10] = [
    "OrderCreated",
    "ItemReserved",
    "ItemDescribed",
    "CustomerDescribed",
    "DeliveryEstimated",
    "PaymentMade",
    "ItemRemoved",
    "DeliveryMarkedAsStarted",
    "DeliveryWasDelivered",
    "OrderDelivered",
];

/// Whoever canceled an order whose parcel arrived all the same heard one of these: the carrier was
/// called back, or an operator was told.
const UNDONE: [&str; 3] =
    ["DeliveryWasCanceled", "ErrorDeliveryWasCanceled", "ErrorDeliveryWasDelivered"];

/// An order as its own events tell it.
pub(crate) struct Told {
    pub(crate) events: Vec<Recorded>,
    pub(crate) placed: Option<Placed>,
}

/// The orders, by id.
pub(crate) fn orders(stage: &Stage) -> BTreeMap<String, Told> {
    let mut streams: BTreeMap<String, Vec<Recorded>> = BTreeMap::new();
    for item in stage.shelf.all(chorus_order::TABLE.name) {
        let Some(event) = read_recorded(&item) else { continue };
        let pk = text(&item, "pk").unwrap_or_default();
        let id = pk.rsplit_once('#').map_or(pk, |(_, id)| id).to_owned();
        streams.entry(id).or_default().push(event);
    }
    let told = |(id, mut events): (String, Vec<Recorded>)| {
        events.sort_by_key(|event| event.version);
        let folded = events.iter().try_fold(Order::default(), Order::apply);
        let placed = folded.ok().and_then(|order| order.0);
        (id, Told { events, placed })
    };
    streams.into_iter().map(told).collect()
}

/// Orders that have not ended.
pub(crate) fn open(stage: &Stage) -> Vec<OrderId> {
    let placed = orders(stage).into_values().filter_map(|told| told.placed);
    placed.filter(|order| order.status == Status::Open).map(|order| order.order_id).collect()
}

/// Checks all of it, and tells what does not hold.
pub(crate) fn check(stage: &Stage) -> Vec<String> {
    let mut wrong = Vec::new();
    let orders = orders(stage);
    for (id, told) in &orders {
        wrong.extend(check_stream(id, told));
        if let Some(placed) = &told.placed {
            wrong.extend(check_order(stage, placed));
        }
    }
    wrong.extend(check_stories(stage, &orders));
    wrong.extend(check_callers(stage, &orders));
    wrong.extend(check_stock(stage, &orders));
    wrong.extend(check_log(stage));
    wrong.extend(check_records(stage));
    wrong.extend(check_counts(stage, &orders));
    wrong.extend(check_list(stage, &orders));
    wrong.extend(check_letters(stage));
    wrong.extend(check_poison(stage));
    wrong.extend(check_dead_letters(stage));
    wrong.extend(check_prices(stage));
    wrong
}

fn check_stream(id: &str, told: &Told) -> Vec<String> {
    let versions: Vec<u64> = told.events.iter().map(|event| event.version).collect();
    let gap_free = versions.iter().copied().eq(1..=versions.len() as u64);
    let mut wrong = Vec::new();
    if !gap_free {
        wrong.push(format!("stream: the versions of {id} are {versions:?}"));
    }
    if told.placed.is_none() {
        wrong.push(format!("stream: the events of {id} are no order's"));
    }
    if told.events.len() > 2 {
        wrong.push(format!("stream: {id} went on after it had ended"));
    }
    wrong
}

fn check_order(stage: &Stage, order: &Placed) -> Vec<String> {
    let books = stage.bank.books();
    let charges = books.charged(&order.order_id);
    let refunds = books.refunded(&order.order_id);
    let (charged, refunded): (Money, Money) =
        (charges.iter().copied().sum(), refunds.iter().copied().sum());
    let id = &order.order_id;
    let shelf = stage.courier.parcels();
    let parcels: Vec<_> = shelf.parcels.values().filter(|it| it.order_id == *id).collect();
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: String| {
        if !holds {
            wrong.push(what);
        }
    };
    must(charges.len() <= 1, format!("charges: {id} was charged {} times", charges.len()));
    must(refunded <= charged, format!("refunds: {id} was charged {charged}, refunded {refunded}"));
    must(parcels.len() <= 1, format!("parcels: {id} was shipped {} times", parcels.len()));
    match order.status {
        Status::Open => must(false, format!("end: {id} has not ended")),
        Status::Delivered => {
            let paid = charges == [order.total] && refunds.is_empty();
            must(paid, format!("delivered: {id} was charged {charges:?}, refunded {refunds:?}"));
            let arrived = parcels.len() == 1 && parcels[0].at == Whereabouts::Delivered;
            must(arrived, format!("delivered: {id} has the parcels {parcels:?}"));
        }
        Status::Canceled => {
            let even = charged == refunded;
            must(even, format!("canceled: {id} was charged {charged}, refunded {refunded}"));
            let moving = parcels
                .iter()
                .any(|it| matches!(it.at, Whereabouts::Accepted | Whereabouts::PickedUp));
            must(!moving, format!("canceled: a parcel of {id} is still on its way"));
            let arrived = parcels.iter().any(|it| it.at == Whereabouts::Delivered);
            let told = UNDONE.iter().any(|kind| stage.seen.said(id.as_str(), kind));
            must(!arrived || told, format!("canceled: nobody tried to stop the parcel of {id}"));
        }
    }
    let reviewed = order.total < HIGH_VALUE || stage.seen.said(id.as_str(), "OrderApproved");
    must(charges.is_empty() || reviewed, format!("review: {id} was charged, and not approved"));
    wrong
}

/// No event of a story is said twice under two names, and a delivered order's story is whole.
fn check_stories(stage: &Stage, orders: &BTreeMap<String, Told>) -> Vec<String> {
    let sightings = stage.seen.sightings();
    let mut said: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for event in sightings.events.values() {
        *said.entry((&event.about, &event.detail_type)).or_default() += 1;
    }
    let times = |id: &str, kind: &str| said.get(&(id, kind)).copied().unwrap_or(0);
    let mut wrong = Vec::new();
    for (id, told) in orders {
        for group in ONE_OF {
            let sum: u32 = group.iter().map(|kind| times(id, kind)).sum();
            if sum > 1 {
                wrong.push(format!("story: {id} has {sum} of {}", group.join(" or ")));
            }
        }
        let delivered = told.placed.as_ref().is_some_and(|it| it.status == Status::Delivered);
        for kind in DELIVERED.iter().filter(|kind| delivered && times(id, kind) == 0) {
            wrong.push(format!("story: {id} was delivered without {kind}"));
        }
        let last = told.events.last().map_or("nothing", |event| &event.detail_type);
        if times(id, last) != 1 {
            wrong.push(format!("story: {last} of {id} is stored, and was never said"));
        }
    }
    wrong
}

/// An order that a caller was promised is there.
fn check_callers(stage: &Stage, orders: &BTreeMap<String, Told>) -> Vec<String> {
    let planned = stage.scenario.orders.iter().map(|order| &order.order_id);
    let lost = planned.filter(|id| stage.was_placed(id) && !orders.contains_key(id.as_str()));
    let mut wrong: Vec<String> =
        lost.map(|id| format!("lost: {id} was answered 201, and is nowhere")).collect();
    for order in &stage.scenario.orders {
        let there = orders.contains_key(order.order_id.as_str());
        let changed = order.twin.is_some_and(|(_, changed)| changed);
        let refused = stage.clients.iter().any(|client| {
            !client.much_later
                && client.wish == Wish::Place(order.order_id.clone())
                && matches!(client.answered, Some(400..=499))
        });
        if there && refused && !changed {
            wrong.push(format!("callers: {} is there, and its caller was refused", order.name));
        }
    }
    wrong
}

fn check_stock(stage: &Stage, orders: &BTreeMap<String, Told>) -> Vec<String> {
    let mut delivered: BTreeMap<&Sku, i64> = BTreeMap::new();
    let ended = orders.values().filter_map(|told| told.placed.as_ref());
    for order in ended.filter(|order| order.status == Status::Delivered) {
        for line in &order.lines {
            *delivered.entry(&line.sku).or_default() += i64::from(line.quantity.get());
        }
    }
    let mut wrong = Vec::new();
    let mut items = 0;
    for stored in stage.shelf.all(chorus_inventory::TABLE.name) {
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
        let received = stage.stock.get(item.sku.as_str()).copied().unwrap_or(0);
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

/// Every event that the bus took is in the log once, and nothing else is.
fn check_log(stage: &Stage) -> Vec<String> {
    let sightings = stage.seen.sightings();
    let kept = stage.shelf.all(chorus_event_log::TABLE.name);
    let logged: BTreeSet<String> =
        kept.iter().filter_map(|item| text(item, "sk").map(ToOwned::to_owned)).collect();
    let missing = sightings.events.iter().filter(|(id, _)| !logged.contains(*id));
    let mut wrong: Vec<String> = missing
        .map(|(_, event)| format!("log: {} of {} is missing", event.detail_type, event.about))
        .collect();
    if kept.len() != logged.len() {
        wrong.push(format!("log: {} items tell of {} events", kept.len(), logged.len()));
    }
    let poisoned: BTreeSet<&str> = sightings.poisoned.iter().map(|it| it.0.as_str()).collect();
    let unknown =
        |id: &&String| !sightings.events.contains_key(*id) && !poisoned.contains(id.as_str());
    let unknown = logged.iter().filter(unknown).count();
    // Poison that can be read as far as the log needs is kept there.
    let readable = stage.scenario.poison.len().div_ceil(2);
    if unknown > readable {
        wrong.push(format!("log: {unknown} events were never said"));
    }
    wrong
}

/// What was committed was published.
fn check_records(stage: &Stage) -> Vec<String> {
    let records = stage.shelf.all(IDEMPOTENCY_TABLE.name);
    let unpublished = records.iter().filter(|item| text(item, "unpublished").is_some());
    let name = |item: &Item| text(item, "sk").unwrap_or_default().to_owned();
    unpublished.map(|it| format!("records: one of {} is not published", name(it))).collect()
}

fn check_counts(stage: &Stage, orders: &BTreeMap<String, Told>) -> Vec<String> {
    let mut counted = [0_i64; 6];
    for item in stage.shelf.all(chorus_analytics::TABLE.name) {
        let Ok(part) = serde_dynamo::from_item::<_, chorus_analytics::Count>(item) else {
            return vec!["counts: a part cannot be read".to_owned()];
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
    for order in orders.values().filter_map(|told| told.placed.as_ref()) {
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
    vec![format!("counts: {counted:?} were counted, {are:?} are")]
}

/// The list that customers see says what the orders' own events say.
fn check_list(stage: &Stage, orders: &BTreeMap<String, Told>) -> Vec<String> {
    let mut listed: BTreeMap<String, Status> = BTreeMap::new();
    for item in stage.shelf.all(chorus_order::VIEW_TABLE.name) {
        if let Ok(line) = serde_dynamo::from_item::<_, chorus_order::OrderView>(item) {
            listed.insert(line.order_id.to_string(), line.status);
        }
    }
    let placed = orders.values().filter_map(|told| told.placed.as_ref());
    let are: BTreeMap<String, Status> =
        placed.map(|order| (order.order_id.to_string(), order.status)).collect();
    if listed == are {
        return Vec::new();
    }
    vec![format!("list: it says {listed:?}, and the orders {are:?}")]
}

/// No letter was posted twice under two keys, and none was forgotten.
fn check_letters(stage: &Stage) -> Vec<String> {
    let letters = stage.post.letters();
    let sightings = stage.seen.sightings();
    let due = sightings.events.values().filter(|it| LETTERS.contains(&it.detail_type.as_str()));
    let forgotten = due.filter(|event| {
        let posted = |letter: &&String| {
            letter.starts_with(&event.detail_type) && letter.contains(&event.about)
        };
        letters.values().find(posted).is_none()
    });
    let mut wrong: Vec<String> = forgotten
        .map(|it| format!("letters: no customer was told {} of {}", it.detail_type, it.about))
        .collect();
    let mut texts: BTreeMap<&str, u32> = BTreeMap::new();
    for letter in letters.values() {
        *texts.entry(letter.as_str()).or_default() += 1;
    }
    let twice = texts.into_iter().filter(|(_, times)| *times > 1);
    wrong.extend(twice.map(|(letter, times)| {
        let head = letter.lines().next().unwrap_or_default();
        format!("letters: \"{head}\" was posted {times} times")
    }));
    wrong
}

/// Every message that nobody can read lies among the dead letters of each of its targets, with
/// the cause.
fn check_poison(stage: &Stage) -> Vec<String> {
    let letters = stage.local.dead_letters(&chorus_local::Selection::default());
    let mut wrong = Vec::new();
    for number in 0..stage.scenario.poison.len() {
        let mark = format!("poison-{number}\"");
        for rule in buried_by(number) {
            let found = letters.iter().any(|letter| {
                let code = letter.cause.fault.code.as_str();
                *letter.rule == **rule
                    && letter.event.json.contains(&mark)
                    && matches!(code, "UnreadableEvent" | "MalformedEvent")
            });
            if !found {
                wrong.push(format!("poison: {rule} has not buried number {number}"));
            }
        }
    }
    wrong
}

/// Whatever could be read was dealt with in the end.
fn check_dead_letters(stage: &Stage) -> Vec<String> {
    let letters = stage.local.dead_letters(&chorus_local::Selection::default());
    let readable = letters.iter().filter(|letter| !is_poison(&letter.event));
    let told = readable.map(|letter| {
        let (kind, about) = (&letter.event.detail_type, &letter.event.correlation_id);
        format!("dead: {} never took {kind} of {about}: {}", letter.rule, letter.cause.fault)
    });
    told.collect()
}

/// Order knows every item at the price that Inventory lists it at.
fn check_prices(stage: &Stage) -> Vec<String> {
    let listed: BTreeMap<Sku, Money> = stage
        .shelf
        .all(chorus_inventory::TABLE.name)
        .into_iter()
        .filter_map(|item| serde_dynamo::from_item::<_, chorus_inventory::Item>(item).ok())
        .map(|item| (item.sku, item.price))
        .collect();
    let learned: BTreeMap<Sku, Money> = stage
        .shelf
        .all(chorus_order::TABLE.name)
        .into_iter()
        .filter_map(|item| serde_dynamo::from_item::<_, chorus_order::Price>(item).ok())
        .map(|price| (price.sku, price.price))
        .collect();
    if listed == learned {
        return Vec::new();
    }
    vec![format!("prices: {listed:?} are listed, {learned:?} were learned")]
}

/// What reached outside of the shop: money, parcels, letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Effects {
    charges: usize,
    refunds: usize,
    parcels: usize,
    letters: usize,
    events: usize,
}

/// What has reached outside so far.
pub(crate) fn effects(stage: &Stage) -> Effects {
    let books = stage.bank.books();
    Effects {
        charges: books.charges.len(),
        refunds: books.refunds.len(),
        parcels: stage.courier.parcels().parcels.len(),
        letters: stage.post.letters().len(),
        events: stage.seen.sightings().events.len(),
    }
}

/// The reviews that payments wait for, and that nobody has decided.
pub(crate) fn pending_reviews(stage: &Stage) -> Vec<OrderId> {
    let reviews = stage.shelf.all(<chorus_fraud::Review as Entity>::TABLE);
    let reviews = reviews
        .into_iter()
        .filter_map(|item| serde_dynamo::from_item::<_, chorus_fraud::Review>(item).ok());
    reviews
        .filter(|it| it.pending.is_some() && it.handle.is_some())
        .map(|review| review.order_id)
        .collect()
}
