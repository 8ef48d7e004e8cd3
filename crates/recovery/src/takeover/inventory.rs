//! Makes orders' reservations and items' counts match the events that the region knows.

use std::collections::BTreeSet;

use chorus_events::{OrderId, Sku};
use chorus_inventory::{Item as Stocked, Reservation, Status};
use chorus_kernel::{
    Entity, Failure, Found, Item, Store, Write, entity_key, load, replace, save, text,
};
use chorus_order::Placed;

use super::known::Progress;
use crate::restored::{Recount, correct, recount};

/// Returns the write that makes an order's reservation fit the order's events; `None` if the
/// reservation already fits.
pub(super) async fn repair(
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

/// Whether the order's reservation is released once `changes` are written.
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

/// The result of [`count_again`].
#[derive(Debug, Default)]
pub struct Recounted {
    /// The shop's items whose stock counts were corrected.
    pub corrected: Vec<Recount>,
    /// The orders for which too little stock is left. The reservations of these orders were
    /// released, and the orders have to be canceled.
    pub released: BTreeSet<OrderId>,
}

/// Corrects the counts of items to match their reservations. Releases reservations that exceed the
/// stock. `inventory` reads Inventory's table.
///
/// # Errors
/// If the store fails, or an item cannot be read.
pub async fn count_again(
    store: &dyn Store,
    inventory: impl AsyncFn() -> Result<Vec<Item>, Failure>,
) -> Result<Recounted, Failure> {
    let wrong = recount(&inventory().await?)?;
    let mut corrected = correct(store, &wrong, &wrong).await?;
    if corrected.len() == wrong.len() {
        return Ok(Recounted { corrected, ..Recounted::default() });
    }
    let oversold = wrong.iter().filter(|count| !corrected.contains(count));
    let skus: BTreeSet<Sku> = oversold.map(|count| count.sku.clone()).collect();
    let released = release_oversold(store, &inventory().await?, &skus).await?;
    let wrong = recount(&inventory().await?)?;
    corrected.extend(correct(store, &wrong, &wrong).await?);
    Ok(Recounted { corrected, released })
}

/// Releases reservations of the items `skus` until the stock covers the remaining reservations.
/// Returns the orders of the released reservations; the caller has to cancel these orders.
///
/// The stock may be exceeded because the other region returned the pieces of one order to the stock
/// and then reserved them for another order. If only the reservation arrived in this region, the
/// same pieces are reserved for both orders.
async fn release_oversold(
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
        // Reservations with the status `Removed` come first and keep their pieces, because these
        // pieces are paid for.
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
