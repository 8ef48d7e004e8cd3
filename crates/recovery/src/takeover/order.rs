//! Makes the event streams of orders match the events that arrived in the region.

use std::collections::BTreeSet;

use chorus_events::OrderId;
use chorus_events::facts::{OrderCanceled, OrderCreated, OrderDelivered};
use chorus_kernel::{Failure, Fold, Item, Store, Write, append, stream, stream_key, text};
use chorus_order::{Order, Placed};
use chorus_table::Event;

use super::known::{KnownEvents, OrderEvents};

/// An order, with the writes that make its event stream match the events that arrived.
pub(super) struct RepairedOrder {
    pub(super) placed: Placed,
    pub(super) is_open: bool,
    /// Whether the order was stored as canceled, but no `OrderCanceled` arrived: the cancellation
    /// was acknowledged, so the order has to be canceled again.
    pub(super) was_canceled: bool,
    pub(super) writes: Vec<Write>,
}

/// The orders that have an event stream in Order's table. `items` are the table's items.
pub(super) fn ids_of_streams(items: &[Item]) -> impl Iterator<Item = OrderId> {
    let streams = items.iter().filter_map(|item| text(item, "pk")?.strip_prefix("stream#"));
    streams.filter_map(|id| id.parse().ok())
}

/// The orders that have an event stream, and those that an event names.
pub(super) fn ids(stored: &[Item], events: &KnownEvents) -> BTreeSet<OrderId> {
    let named = events.all().filter_map(|event| event.order.clone());
    ids_of_streams(stored).chain(named).collect()
}

/// Returns the order, with the writes that make its event stream match `events`. Returns `None` if
/// the order's first event is neither in the stream nor among `events`.
pub(super) async fn repair(
    store: &dyn Store,
    order_id: &OrderId,
    events: &OrderEvents<'_>,
) -> Result<Option<RepairedOrder>, Failure> {
    let unwritable = |error: serde_json::Error| Failure::unwritable("event", &error);
    let stored = stream(store, chorus_order::TABLE.name, order_id.as_str(), 1).await?;
    let mut writes = Vec::new();
    let placed: Placed = match (stored.first(), events.find::<OrderCreated>()) {
        (Some(first), _) if first.version == 1 => {
            let order = Order::default().apply(first);
            let unreadable = |error| Failure::corrupt("order", &error);
            let Some(placed) = order.map_err(unreadable)?.0 else { return Ok(None) };
            placed
        }
        (_, Some((created, _))) => {
            writes.push(append::<Order, _>(1, created.placed_at, &created).map_err(unwritable)?);
            created.into()
        }
        _ => return Ok(None),
    };
    let end = stored.iter().find(|event| event.version == 2);
    let canceled = events.find::<OrderCanceled>();
    let delivered = events.find::<OrderDelivered>();
    let ended = canceled.is_some() || delivered.is_some();
    let mut was_canceled = false;
    match (end, canceled, delivered) {
        (Some(end), ..) if events.has(&[&end.detail_type]) => {}
        (Some(end), None, None) => {
            was_canceled = end.detail_type == OrderCanceled::SPEC.detail_type;
            let key = stream_key(chorus_order::TABLE.name, order_id.as_str(), 2);
            writes.push(Write::Delete { key });
        }
        (None, Some((event, at)), _) => {
            writes.push(append::<Order, _>(2, at, &event).map_err(unwritable)?);
        }
        (None, None, Some((event, at))) => {
            writes.push(append::<Order, _>(2, at, &event).map_err(unwritable)?);
        }
        _ => {}
    }
    Ok(Some(RepairedOrder { placed, is_open: !ended, was_canceled, writes }))
}
