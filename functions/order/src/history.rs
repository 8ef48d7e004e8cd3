//! Reads the stored events of all orders by type and time, and rebuilds the list of orders from
//! them.

use chorus_events::order::{OrderCanceled, OrderCreated, OrderDelivered};
use chorus_kernel::{Failure, Query, Recorded, Store, StoreError, query_all, read_recorded};
use chorus_table::{Event, ReadError};
use jiff::Timestamp;

use crate::order::read;
use crate::{BY_TYPE, OrderView, TABLE};

/// The reason why the stored events cannot be read, or the list of orders cannot be rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error("the stored events cannot be read, or the list of orders cannot be written")]
    Store(#[from] StoreError),
    /// The data of a stored event does not match the event's type.
    #[error("a stored event of an order is unreadable")]
    Event(#[from] ReadError),
    /// A stored item is not an event, or an entry of the list of orders cannot be serialized.
    #[error("a stored event, or an entry of the list of orders, is corrupt")]
    Corrupt(#[from] Failure),
}

/// Reads the stored events of one type that happened at `from` or later, the earliest first.
///
/// # Errors
/// If the store fails, or an item is not an event.
pub async fn by_type(
    store: &dyn Store,
    detail_type: &str,
    from: Option<Timestamp>,
) -> Result<Vec<Recorded>, HistoryError> {
    let mut query = Query::partition(TABLE.name, detail_type);
    query.index = Some(&BY_TYPE);
    query.from = from.map(|from| format!("{from:.9}"));
    let items = query_all(store, query).await?;
    let read = |item| read_recorded(item).ok_or_else(|| Failure::corrupt("event", &detail_type));
    Ok(items.iter().map(read).collect::<Result<_, _>>()?)
}

/// Returns whether any order was placed before `moment`.
///
/// # Errors
/// If the store fails.
pub async fn any_before(store: &dyn Store, moment: Timestamp) -> Result<bool, StoreError> {
    let mut query = Query::partition(TABLE.name, OrderCreated::SPEC.detail_type);
    (query.index, query.limit) = (Some(&BY_TYPE), Some(1));
    let page = store.query(&query).await?;
    let first = page.items.first().and_then(read_recorded);
    Ok(first.is_some_and(|first| first.at < moment))
}

/// Rebuilds the list of orders from the stored events. The shop may run meanwhile: the rebuild does
/// not overwrite an order that a newer event has updated. Returns how many events were folded.
///
/// # Errors
/// If the store fails, or a stored event cannot be read.
pub async fn rebuild(store: &dyn Store) -> Result<usize, HistoryError> {
    let created = fold::<OrderCreated>(store, |order| OrderView::from(order)).await?;
    let canceled = fold::<OrderCanceled>(store, |order| OrderView::from(order)).await?;
    let delivered = fold::<OrderDelivered>(store, |order| OrderView::from(order)).await?;
    Ok(created + canceled + delivered)
}

async fn fold<E: Event>(
    store: &dyn Store,
    view: impl Fn(&E) -> OrderView,
) -> Result<usize, HistoryError> {
    let events = by_type(store, E::SPEC.detail_type, None).await?;
    for event in &events {
        let line = view(&read::<E>(event)?).put();
        let line = line.map_err(|error| Failure::corrupt("order view", &error))?;
        match store.write(&[line]).await {
            Ok(()) | Err(StoreError::Refused(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(events.len())
}
