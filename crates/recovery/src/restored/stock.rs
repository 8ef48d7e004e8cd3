//! The counts of an item's pieces, computed from the orders' reservations.

use std::collections::BTreeMap;

use chorus_events::Sku;
use chorus_inventory::{Item as Stocked, Reservation, Status};
use chorus_kernel::{Condition, Entity, Failure, Item, Write, add, number, text};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An item whose counts of pieces differ from the sums of its reservations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Recount {
    pub sku: Sku,
    /// How many pieces are reserved, and how many are sold, according to the item.
    pub has: (i64, i64),
    /// How many pieces are reserved, and how many are sold, according to the reservations.
    pub should_have: (i64, i64),
    /// The version that the item had when the counts in `has` were read.
    version: i64,
}

impl Recount {
    /// The write that corrects the counts, on the condition that the item has not changed since it
    /// was read.
    pub(super) fn correction(&self) -> Write {
        let reserved = self.should_have.0 - self.has.0;
        let sold = self.should_have.1 - self.has.1;
        let moved = [
            (Stocked::AVAILABLE, -reserved - sold),
            (Stocked::RESERVED, reserved),
            (Stocked::SOLD, sold),
        ];
        let moved: Vec<_> = moved.into_iter().filter(|(_, pieces)| *pieces != 0).collect();
        let mut write = add::<Stocked>(&self.sku, &moved);
        if let Write::Update { condition: Some(Condition::All(conditions)), .. } = &mut write {
            conditions.push(Condition::Equals { attribute: "version", value: self.version });
        }
        write
    }
}

/// Returns the shop's items whose counts differ from the sums of their reservations. `stored` has
/// every DynamoDB item of Inventory's table.
///
/// # Errors
/// If an item cannot be read.
pub fn recount<'a>(stored: impl IntoIterator<Item = &'a Item>) -> Result<Vec<Recount>, Failure> {
    let (mut items, mut counted) = (Vec::new(), BTreeMap::<Sku, (i64, i64)>::new());
    for item in stored {
        if let Some(stocked) = read::<Stocked>(item)? {
            items.push((stocked, number(item, "version").unwrap_or_default()));
        } else if let Some(reservation) = read::<Reservation>(item)? {
            for line in &reservation.lines {
                let (reserved, sold) = counted.entry(line.sku.clone()).or_default();
                match reservation.status {
                    Status::Reserved => *reserved += i64::from(line.quantity.get()),
                    Status::Removed => *sold += i64::from(line.quantity.get()),
                    Status::Released => {}
                }
            }
        }
    }
    let counted = |sku: &Sku| counted.get(sku).copied().unwrap_or_default();
    let mut wrong: Vec<Recount> = items
        .into_iter()
        .map(|(item, version)| Recount {
            has: (item.reserved.into(), item.sold.into()),
            should_have: counted(&item.sku),
            sku: item.sku,
            version,
        })
        .filter(|count| count.has != count.should_have)
        .collect();
    wrong.sort_by(|a, b| a.sku.cmp(&b.sku));
    Ok(wrong)
}

/// Reads a stored item as an `E`. Returns `None` if the item is of another kind.
fn read<E: Entity + DeserializeOwned>(item: &Item) -> Result<Option<E>, Failure> {
    if text(item, "sk") != Some(E::KIND) {
        return Ok(None);
    }
    let read = serde_dynamo::from_item(item.clone());
    read.map(Some).map_err(|error| Failure::corrupt(E::KIND, &error))
}
