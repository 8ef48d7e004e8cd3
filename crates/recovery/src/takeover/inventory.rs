//! The reservations of orders, and the counts of items.

use std::collections::BTreeSet;

use chorus_events::{OrderId, Sku};
use chorus_inventory::{Item as Stocked, Reservation, Status};
use chorus_kernel::{
    Entity, Failure, Found, Item, Store, Write, entity_key, load, replace, save, text,
};
use chorus_order::Placed;

use super::known::Progress;

/// Returns the write that makes an order's reservation fit its events, if it does not.
pub(super) async fn mend(
    store: &dyn Store,
    order: &Placed,
    known: Progress,
) -> Result<Option<Write>, Failure> {
    let stored: Found<Reservation> = load(store, order.order_id.clone()).await?;
    let status = stored.as_ref().map(|it| it.value.status);
    let wanted = match known {
        Progress { released: true, .. } => Some(Status::Released),
        Progress { order_canceled: true, .. } if status == Some(Status::Released) => {
            return Ok(None);
        }
        Progress { removed: true, .. } => Some(Status::Removed),
        Progress { reserved: true, .. } => Some(Status::Reserved),
        _ => None,
    };
    if wanted == status {
        return Ok(None);
    }
    let (order_id, lines) = (order.order_id.clone(), order.lines.clone());
    Ok(Some(match wanted {
        Some(status) => save(stored.as_ref(), &Reservation { order_id, status, lines }),
        None => Write::Delete { key: entity_key::<Reservation>(&order_id) },
    }))
}

/// Whether the order's pieces are given back once `changes` are written.
pub(super) async fn is_released(
    store: &dyn Store,
    changes: &[Write],
    order_id: &OrderId,
) -> Result<bool, Failure> {
    let key = entity_key::<Reservation>(order_id);
    match changes.iter().find(|write| *write.key() == key) {
        Some(Write::Put { item, .. }) => Ok(text(item, "status") == Some("released")),
        Some(_) => Ok(false),
        None => {
            let stored: Found<Reservation> = load(store, order_id.clone()).await?;
            Ok(stored.is_some_and(|it| it.value.status == Status::Released))
        }
    }
}

/// Releases reservations of these items until the rest is in stock, and returns their orders,
/// which have to be canceled: the pieces of one order were given back and reserved for another, and
/// only the second did arrive.
///
/// # Errors
/// If the store fails, or an item cannot be read.
pub async fn release_oversold(
    store: &dyn Store,
    inventory: &[Item],
    skus: &BTreeSet<Sku>,
) -> Result<BTreeSet<OrderId>, Failure> {
    let corrupt = |error: serde_dynamo::Error| Failure::corrupt("item", &error);
    let mut released = BTreeSet::new();
    for sku in skus {
        let stored: Found<Stocked> = load(store, sku.clone()).await?;
        let Some(stocked) = stored else { continue };
        let pieces = [stocked.available, stocked.reserved, stocked.sold];
        let mut left: i64 = pieces.into_iter().map(i64::from).sum();
        let mut reservations = Vec::new();
        for item in inventory.iter().filter(|it| text(it, "sk") == Some(Reservation::KIND)) {
            let reservation: Reservation =
                serde_dynamo::from_item(item.clone()).map_err(corrupt)?;
            if !released.contains(&reservation.order_id) {
                reservations.push(reservation);
            }
        }
        // Removed pieces are paid for: they stay before any that are only reserved.
        reservations.sort_by_key(|it| (it.status != Status::Removed, it.order_id.clone()));
        for reservation in reservations.iter().filter(|it| it.status != Status::Released) {
            let lines = reservation.lines.iter().filter(|line| line.sku == *sku);
            let count: i64 = lines.map(|line| i64::from(line.quantity.get())).sum();
            left -= count;
            if count > 0 && left < 0 {
                left += count;
                let read: Found<Reservation> = load(store, reservation.order_id.clone()).await?;
                if let Some(read) = read {
                    store.write(&[replace(&read, &read.now(Status::Released))]).await?;
                }
                released.insert(reservation.order_id.clone());
            }
        }
    }
    Ok(released)
}
