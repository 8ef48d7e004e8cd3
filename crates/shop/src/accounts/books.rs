//! Compares Inventory's counts with Inventory's reservations, and the payment provider's ledger
//! with Payment's records. The comparison is possible at any moment, even with orders in flight.

use std::collections::BTreeMap;

use chorus_events::{Money, OrderId, Sku};
use chorus_inventory::{Reservation, Status as Stock};
use chorus_kernel::{Entity, Failure, text};
use chorus_local::Local;
use chorus_payment::{LedgerEntry, Movement, Payment, Status as Paid};
use serde::de::DeserializeOwned;

use super::{ItemAccount, items, scan};
use crate::Partners;
use crate::doctor::Discrepancy;
use crate::unrecorded::unreadable;

/// Returns each difference between Inventory's counts and its reservations, and between the
/// provider's ledger and Payment's records. If a change is written during the comparison, the
/// result may contain a difference that no longer exists a moment later.
///
/// # Errors
/// If the store or the provider's ledger cannot be read.
pub(crate) async fn disagreements(
    local: &Local,
    partners: &Partners,
) -> Result<Vec<Discrepancy>, Failure> {
    let mut found = stock(&items(local)?, &entities::<Reservation>(local)?);
    let payments = entities::<Payment>(local)?;
    match partners.ledger(&payments).await {
        Ok(ledger) => found.extend(money(&payments, &ledger)),
        Err(failure) => found.push(unreadable(&failure)),
    }
    Ok(found)
}

/// Returns the items in `read` whose counts differ from the reservations of all orders. If any
/// counts differ, this function reads the items and the reservations again, and returns only the
/// differences that it found both times: a reservation may be made after the items are read and
/// before the reservations are read.
pub(super) fn miscounted(local: &Local, read: &[ItemAccount]) -> Result<Vec<Discrepancy>, Failure> {
    let mut found = stock(read, &entities::<Reservation>(local)?);
    if !found.is_empty() {
        let again = stock(&items(local)?, &entities::<Reservation>(local)?);
        found.retain(|it| again.contains(it));
    }
    Ok(found)
}

pub(super) fn entities<E: Entity + DeserializeOwned>(local: &Local) -> Result<Vec<E>, Failure> {
    let stored = scan(local, E::TABLE)?.into_iter();
    let of_kind = stored.filter(|item| text(item, "sk") == Some(E::KIND));
    let read =
        |item| serde_dynamo::from_item(item).map_err(|error| Failure::corrupt(E::KIND, &error));
    of_kind.map(read).collect()
}

fn stock(items: &[ItemAccount], reservations: &[Reservation]) -> Vec<Discrepancy> {
    let mut counted: BTreeMap<&Sku, (u64, u64)> = BTreeMap::new();
    for reservation in reservations {
        for line in &reservation.lines {
            let pieces = u64::from(line.quantity.get());
            let (reserved, sold) = counted.entry(&line.sku).or_default();
            match reservation.status {
                Stock::Reserved => *reserved += pieces,
                Stock::Removed => *sold += pieces,
                Stock::Released => {}
            }
        }
    }
    let wrong = |item: &ItemAccount| {
        let (reserved, sold) = counted.get(&item.sku).copied().unwrap_or_default();
        (item.reserved != reserved || item.sold != sold).then(|| Discrepancy {
            about: item.sku.to_string(),
            problem: format!(
                "{} reserved and {} sold in the item's counts, {reserved} and {sold} in the orders' \
                 reservations",
                item.reserved, item.sold
            ),
            remedy: "chorus accounts; restore the shop from a backup, or correct its store"
                .to_owned(),
        })
    };
    items.iter().filter_map(wrong).collect()
}

fn money(payments: &[Payment], ledger: &[LedgerEntry]) -> Vec<Discrepancy> {
    let mut moved: BTreeMap<&OrderId, (Money, Money)> = BTreeMap::new();
    for entry in ledger {
        let (charged, refunded) = moved.entry(&entry.order_id).or_default();
        match entry.movement {
            Movement::Charge => *charged = [*charged, entry.amount].into_iter().sum(),
            Movement::Refund => *refunded = [*refunded, entry.amount].into_iter().sum(),
        }
    }
    let wrong = |payment: &Payment| {
        let (charged, refunded) = moved.get(&payment.order_id).copied().unwrap_or_default();
        // In these states, a call to the provider may be under way (for an authorized payment: the
        // capture), so the sums are not compared.
        let asks = matches!(payment.status, Paid::Charging | Paid::Authorized | Paid::Refunding);
        let agrees = payment.charged == charged && payment.refunded == refunded;
        (!asks && !agrees).then(|| Discrepancy {
            about: payment.order_id.to_string(),
            problem: format!(
                "{charged} charged and {refunded} refunded in the provider's ledger, {} and {} in \
                 Payment's records",
                payment.charged, payment.refunded
            ),
            remedy: format!(
                "chorus trace {0}; correct it at the provider, then `chorus settle {0}`",
                payment.order_id
            ),
        })
    };
    payments.iter().filter_map(wrong).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use chorus_events::samples;

    fn reservation(status: Stock) -> Reservation {
        Reservation { order_id: samples::order_id(), status, lines: samples::lines() }
    }

    fn item(reserved: u64, sold: u64) -> ItemAccount {
        let sku = samples::sku();
        ItemAccount { sku, received: 39, available: 39 - reserved - sold, reserved, sold }
    }

    #[test]
    fn pieces_that_no_order_explains_are_named() {
        let pieces = samples::lines().iter().map(|line| u64::from(line.quantity.get())).sum();
        let (reserved, removed) = ([reservation(Stock::Reserved)], [reservation(Stock::Removed)]);
        assert_eq!(stock(&[item(pieces, 0)], &reserved), []);
        assert_eq!(stock(&[item(0, pieces)], &removed), []);
        for (item, reservations) in
            [(item(pieces, 0), &removed[..]), (item(pieces, 0), &[]), (item(0, 0), &reserved[..])]
        {
            assert_eq!(stock(&[item], reservations).len(), 1);
        }
    }

    #[test]
    fn money_that_moved_without_a_record_is_named_and_what_is_being_asked_is_not() {
        let (order_id, customer_id) = (samples::order_id(), samples::customer_id());
        let (movement, amount) = (Movement::Charge, samples::total());
        let charge = LedgerEntry { order_id: order_id.clone(), customer_id, movement, amount };
        let payment =
            |status, charged| Payment { status, charged, ..Payment::new(order_id.clone()) };
        let ledger = [charge];
        assert_eq!(money(&[payment(Paid::Charged, amount)], &ledger), []);
        for asked in [Paid::Charging, Paid::Authorized] {
            assert_eq!(money(&[payment(asked, Money::ZERO)], &ledger), []);
        }
        assert_eq!(money(&[payment(Paid::Authorized, Money::ZERO)], &[]), []);
        assert_eq!(money(&[payment(Paid::Failed, Money::ZERO)], &ledger).len(), 1);
        assert_eq!(money(&[payment(Paid::Charged, amount)], &[]).len(), 1);
    }
}
