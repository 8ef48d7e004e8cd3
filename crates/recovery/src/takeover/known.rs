//! The events that are known in the region that takes over.

use std::collections::{BTreeMap, BTreeSet};

use chorus_events::OrderId;
use chorus_events::facts::*;
use chorus_events::table::rows::{
    CancelDelivery, CancelOrder, CollectPayment, CompleteOrder, ConfirmDelivery, DescribeCustomer,
    DescribeItem, EstimateDelivery, FulfilDelivery, RemoveItem, ReserveItem,
};
use chorus_kernel::{
    Failure, IDEMPOTENCY_TABLE, Item, Key, Signal, derived_id, machine_starts, record_key,
    recorded_events,
};
use chorus_table::{Detail, Entry, Event, EventSpec, Row, RowSpec};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

/// An event from the archive or from an idempotency record, with the fields by which a takeover
/// looks the event up.
pub(super) struct KnownEvent {
    pub(super) entry: Entry,
    /// The event's idempotency key.
    pub(super) key: String,
    pub(super) at: Timestamp,
    /// The order whose id is in the event's data.
    pub(super) order: Option<OrderId>,
    version: u32,
    data: Box<RawValue>,
}

/// The events in the archive and the idempotency records of the region that takes over.
pub(super) struct KnownEvents {
    /// Each event once, by event id, detail type and version.
    events: Vec<KnownEvent>,
    /// For each order, the indexes of its events in `events`.
    of_orders: BTreeMap<OrderId, Vec<usize>>,
    /// The records of messages that were handled without starting a state machine. Such a message
    /// is ignored if it is delivered again.
    handled: BTreeSet<Key>,
}

impl KnownEvents {
    /// Collects the events of the archive and of the idempotency records. A record's events are
    /// committed, but perhaps not published. `deleted`: the keys of the records that will be deleted.
    pub(super) fn of(
        archived: &[Entry],
        records: &[Item],
        deleted: &BTreeSet<Key>,
    ) -> Result<Self, Failure> {
        let mut known = BTreeMap::new();
        let mut handled = BTreeSet::new();
        let mut entries = archived.to_vec();
        for record in records {
            let starts = machine_starts(record)?;
            if starts.is_empty() {
                handled.extend(Key::of(IDEMPOTENCY_TABLE.name, record));
            }
            entries.extend(recorded_events(record)?);
            entries.extend(starts.iter().filter_map(started_by));
        }
        handled.retain(|key| !deleted.contains(key));
        for entry in entries {
            let Ok(detail) = serde_json::from_str::<Detail<Box<RawValue>>>(&entry.detail) else {
                continue;
            };
            let Detail { metadata, data } = detail;
            let id = (metadata.event_id.to_string(), entry.detail_type.clone(), metadata.version);
            known.entry(id).or_insert(KnownEvent {
                entry,
                key: metadata.idempotency_key,
                at: metadata.occurred_at,
                order: order_of(&data),
                version: metadata.version,
                data,
            });
        }
        let events: Vec<KnownEvent> = known.into_values().collect();
        let mut of_orders: BTreeMap<OrderId, Vec<usize>> = BTreeMap::new();
        for (place, event) in events.iter().enumerate() {
            if let Some(order) = &event.order {
                of_orders.entry(order.clone()).or_default().push(place);
            }
        }
        Ok(Self { events, of_orders, handled })
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &KnownEvent> {
        self.events.iter()
    }

    pub(super) fn about(&self, order_id: &OrderId) -> OrderEvents<'_> {
        let places = self.of_orders.get(order_id).into_iter().flatten();
        let events = places.map(|place| &self.events[*place]).collect();
        OrderEvents { events, handled: &self.handled }
    }
}

/// The event that is the input of a started state machine. It was published, even if it did not
/// arrive in the archive.
fn started_by(start: &Signal) -> Option<Entry> {
    let Signal::Start { input, .. } = start else { return None };
    let part = |name| Some(input.get(name)?.as_str()?.to_owned());
    let (source, detail_type) = (part("source")?, part("detail-type")?);
    Some(Entry { source, detail_type, detail: input.get("detail")?.to_string() })
}

/// Returns the order id in an entry's data; `None` if the data have no order id.
pub(super) fn order_in(entry: &Entry) -> Option<OrderId> {
    let detail: Detail<Box<RawValue>> = serde_json::from_str(&entry.detail).ok()?;
    order_of(&detail.data)
}

/// Returns the order id in an event's data; `None` if the data have no order id.
fn order_of(data: &RawValue) -> Option<OrderId> {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Named {
        order_id: OrderId,
    }
    serde_json::from_str::<Named>(data.get()).ok().map(|named| named.order_id)
}

/// The known events of one order.
pub(super) struct OrderEvents<'a> {
    events: Vec<&'a KnownEvent>,
    /// See [`KnownEvents`].
    handled: &'a BTreeSet<Key>,
}

impl OrderEvents<'_> {
    pub(super) fn has(&self, kinds: &[&str]) -> bool {
        self.events.iter().any(|event| kinds.contains(&&*event.entry.detail_type))
    }

    /// The order's event of type `E`, with its time, if the event is known.
    pub(super) fn find<E: Event>(&self) -> Option<(E, Timestamp)> {
        self.of_type(&E::SPEC).find_map(|it| Some((E::read(it.version, &it.data).ok()?, it.at)))
    }

    fn of_type(&self, spec: &EventSpec) -> impl Iterator<Item = &KnownEvent> {
        self.events.iter().copied().filter(|event| event.entry.detail_type == spec.detail_type)
    }

    /// The events on which [`CancelOrder`] cancels the order.
    fn causes_of_cancellation(&self) -> impl Iterator<Item = &KnownEvent> {
        self.inputs_of(&CancelOrder::SPEC)
    }

    /// Whether a known event continues or cancels the order if the event is published again. The
    /// order's items are repaired to the last step in `known`, so events of earlier steps do
    /// nothing. The carrier continues a delivery of which it has not reported the end.
    pub(super) fn continue_order(&self, known: Progress) -> bool {
        let next: &[RowSpec] = match known {
            Progress { delivered: true, .. } => &[CompleteOrder::SPEC],
            Progress { delivery_canceled: true, .. } => &[],
            Progress { started: true, .. } => {
                let gave_up = |event| self.is_unhandled(event, CancelDelivery::ACTION);
                let mut reports = self.of_type(&DeliveryCanceled::SPEC);
                if reports.any(gave_up) || !self.has(kinds![Delivered, DeliveryCanceled]) {
                    return true;
                }
                &[ConfirmDelivery::SPEC]
            }
            Progress { removed: true, .. } => &[FulfilDelivery::SPEC],
            Progress { estimated: true, .. } => &[CollectPayment::SPEC, RemoveItem::SPEC],
            Progress { reserved: true, .. } => {
                &[DescribeItem::SPEC, DescribeCustomer::SPEC, EstimateDelivery::SPEC]
            }
            _ => &[ReserveItem::SPEC],
        };
        let mut rows = next.iter().chain([&CancelOrder::SPEC]);
        rows.any(|row| self.inputs_of(row).any(|event| self.is_unhandled(event, row.action)))
    }

    /// The known events that the row's action consumes.
    fn inputs_of(&self, row: &RowSpec) -> impl Iterator<Item = &KnownEvent> {
        row.on.iter().flat_map(|spec| self.of_type(spec))
    }

    fn is_unhandled(&self, event: &KnownEvent, action: &str) -> bool {
        !self.handled.contains(&record_key(action, &event.key))
    }

    /// The idempotency key of the order's event of type `E`, if the event is known.
    pub(super) fn key<E: Event>(&self) -> Option<&str> {
        self.of_type(&E::SPEC).next().map(|it| it.key.as_str())
    }

    /// The idempotency keys of the order's `OrderCanceled`: of the event that is known, and of those
    /// that [`CancelOrder`] publishes when it handles a known event. The other region may have
    /// published such an event, and its consumers' records may have arrived, but not the event.
    pub(super) fn cancellations(&self) -> BTreeSet<String> {
        let known = self.of_type(&OrderCanceled::SPEC).map(|event| event.key.clone());
        let caused = |cause: &KnownEvent| derived_id(CancelOrder::ACTION, &cause.key, 0);
        let caused = self.causes_of_cancellation().map(|it| caused(it).simple().to_string());
        known.chain(caused).collect()
    }
}

/// Expands to the detail types of the given events.
macro_rules! kinds {
    ($($event:ident),+ $(,)?) => {
        &[$(<$event as Event>::SPEC.detail_type),+]
    };
}

pub(super) use kinds;

/// Each of these events shows that the order's delivery was started.
const STARTED: &[&str] = kinds![
    DeliveryMarkedAsStarted,
    DeliveryStarted,
    Delivered,
    DeliveryCanceled,
    DeliveryWasDelivered,
    OrderDelivered,
];
/// Each of these events shows that the order's items left the stock.
const LEFT_STOCK: &[&str] = kinds![ItemRemoved, ItemReturned];
/// Each of these events shows that the order's delivery was estimated. The later events in
/// `LEFT_STOCK` and `STARTED` show it, too.
const ESTIMATED: &[&str] = kinds![
    DeliveryEstimated,
    ReviewRequested,
    ConfirmationRequired,
    PaymentAuthorized,
    PaymentMade,
    PaymentFailed,
];
/// Each of these events shows that the order's items were reserved. The later events in
/// `ESTIMATED`, `LEFT_STOCK` and `STARTED` show it, too.
const RESERVED: &[&str] = kinds![
    ItemReserved,
    ItemDescribed,
    ErrorItemDescribed,
    CustomerDescribed,
    ErrorCustomerDescribed,
    ErrorDeliveryEstimated,
    ItemUnreserved,
];

/// The steps that an order has reached. An event shows that the steps before it were reached, even
/// if the events of those steps did not arrive.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::struct_excessive_bools, reason = "each is a question of its own")]
pub(super) struct Progress {
    pub(super) reserved: bool,
    pub(super) removed: bool,
    pub(super) released: bool,
    pub(super) estimated: bool,
    pub(super) started: bool,
    pub(super) delivered: bool,
    pub(super) delivery_canceled: bool,
    pub(super) order_canceled: bool,
    /// Whether the order's cancellation has begun, even if `OrderCanceled` did not arrive.
    pub(super) canceling: bool,
    /// Whether the bank holds the order's amount.
    pub(super) held: bool,
}

impl Progress {
    /// Determines the steps that an order has reached. `has_parcel`: whether the carrier has, or
    /// had, the order's parcel. `held`: whether the bank holds the order's amount. `was_canceled`:
    /// whether the order was stored as canceled.
    pub(super) fn of(
        events: &OrderEvents<'_>,
        has_parcel: bool,
        held: bool,
        was_canceled: bool,
    ) -> Self {
        let started = has_parcel || events.has(STARTED);
        let left_stock = started || events.has(LEFT_STOCK);
        let estimated = left_stock || events.has(ESTIMATED);
        let order_canceled = events.has(kinds![OrderCanceled]);
        let released = events.has(kinds![ItemUnreserved, ItemReturned]);
        let is_to_be_canceled = events.causes_of_cancellation().next().is_some();
        Self {
            reserved: estimated || events.has(RESERVED),
            removed: left_stock || events.has(kinds![ErrorMarkDeliveryAsStarted]),
            released,
            estimated,
            started,
            delivered: events.has(kinds![DeliveryWasDelivered, OrderDelivered]),
            delivery_canceled: events.has(kinds![DeliveryWasCanceled]),
            held: held || events.has(kinds![PaymentAuthorized]),
            order_canceled,
            canceling: order_canceled || released || was_canceled || is_to_be_canceled,
        }
    }
}
