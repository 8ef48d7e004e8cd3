//! The accounts of a shop: its items, the money that was moved, and whether the items and the money
//! add up.
//!
//! Inventory counts the items, and the payment provider counts the money. The orders' own events
//! determine what these counts should be. Only this module compares these three records.

pub(crate) mod books;

use std::collections::BTreeMap;

use chorus_events::{Money, OrderId, Sku};
use chorus_inventory::Item;
use chorus_kernel::{Failure, Fold, Item as StoredItem, text};
use chorus_local::Local;
use chorus_order::{Order, Placed, Status};
use chorus_payment::{LedgerEntry, Movement, Payment};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::doctor::Discrepancy;
use crate::{Partners, unrecorded};

/// How many pieces of an item were received, and how many are available, reserved or sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ItemAccount {
    pub sku: Sku,
    pub received: u64,
    pub available: u64,
    pub reserved: u64,
    pub sold: u64,
}

/// An order, and the money that was moved for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OrderAccount {
    pub order_id: OrderId,
    pub status: Status,
    pub total: Money,
    pub reason: Option<String>,
    /// How much was charged for the order, according to the payment provider's ledger.
    pub charged: Money,
    pub charges: usize,
    pub refunded: Money,
}

/// All items and orders at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Accounts {
    /// All items, sorted by SKU.
    pub items: Vec<ItemAccount>,
    /// All orders, sorted by id.
    pub orders: Vec<OrderAccount>,
    /// All problems. An order that has not ended counts as a problem, so this list is meaningful
    /// only while no order is in flight.
    pub problems: Vec<String>,
    /// The problems that orders in flight cannot cause: wrong amounts of orders that have ended,
    /// item counts that differ from the reservations, and charges that the shop has not recorded.
    #[serde(default)]
    pub problems_of_ended: Vec<String>,
}

impl Accounts {
    /// Reads the items and orders of the shop on `local`, and the ledger of its `partners`.
    ///
    /// # Errors
    /// If the items, the orders or the ledger cannot be read.
    pub async fn of(local: &Local, partners: &Partners) -> Result<Self, Failure> {
        let items = items(local)?;
        let placed = orders(local)?;
        let ledger = partners.ledger(&books::entities::<Payment>(local)?).await?;
        let orders = placed.values().map(|order| account(order, &ledger)).collect();
        let miscounted = books::miscounted(local, &items)?;
        let mut accounts = Self::reconciled(items, orders, &delivered(&placed));
        let (store, provider) = (local.store().as_ref(), partners.provider());
        let found = unrecorded::findings(store, &*provider, Timestamp::UNIX_EPOCH).await?;
        let problem = |it: Discrepancy| format!("{}: {}", it.about, it.problem);
        let unrecorded: Vec<String> = found.into_iter().map(problem).collect();
        accounts.problems.extend(unrecorded.iter().cloned());
        accounts.problems_of_ended.extend(miscounted.into_iter().map(problem).chain(unrecorded));
        Ok(accounts)
    }

    /// Returns the accounts of these items and orders; `delivered` is the number of pieces of each
    /// item in all delivered orders.
    #[must_use]
    pub fn reconciled(
        items: Vec<ItemAccount>,
        orders: Vec<OrderAccount>,
        delivered: &BTreeMap<Sku, u64>,
    ) -> Self {
        let ended = |order: &&OrderAccount| order.status != Status::Open;
        let problems_of_ended = orders.iter().filter(ended).filter_map(wrong_money).collect();
        let mut problems: Vec<String> = orders.iter().filter_map(wrong_money).collect();
        problems.extend(items.iter().filter_map(|item| wrong_stock(item, delivered)));
        Self { items, orders, problems, problems_of_ended }
    }

    /// Returns how many orders have this status.
    #[must_use]
    pub fn count(&self, status: Status) -> usize {
        self.orders.iter().filter(|order| order.status == status).count()
    }

    /// Returns the sum of the totals of the orders with this status.
    #[must_use]
    pub fn worth(&self, status: Status) -> Money {
        self.orders.iter().filter(|order| order.status == status).map(|order| order.total).sum()
    }

    /// Returns how much was charged for all orders together.
    #[must_use]
    pub fn charged(&self) -> Money {
        self.orders.iter().map(|order| order.charged).sum()
    }

    /// Returns how much was refunded for all orders together.
    #[must_use]
    pub fn refunded(&self) -> Money {
        self.orders.iter().map(|order| order.refunded).sum()
    }

    /// Returns how much was charged and not refunded.
    #[must_use]
    pub fn net_charged(&self) -> Money {
        Money::from_minor(self.charged().minor() - self.refunded().minor())
    }
}

fn items(local: &Local) -> Result<Vec<ItemAccount>, Failure> {
    let mut items = Vec::new();
    for stored in scan(local, chorus_inventory::TABLE.name)? {
        if text(&stored, "sk") != Some("item") {
            continue;
        }
        let item: Item =
            serde_dynamo::from_item(stored).map_err(|error| Failure::corrupt("item", &error))?;
        items.push(ItemAccount {
            received: item.received(),
            available: item.available.into(),
            reserved: item.reserved.into(),
            sold: item.sold.into(),
            sku: item.sku,
        });
    }
    items.sort_by(|a, b| a.sku.cmp(&b.sku));
    Ok(items)
}

fn orders(local: &Local) -> Result<BTreeMap<OrderId, Placed>, Failure> {
    let mut streams: BTreeMap<String, Vec<chorus_kernel::Recorded>> = BTreeMap::new();
    for stored in scan(local, chorus_order::TABLE.name)? {
        let Some(event) = chorus_kernel::read_recorded(&stored) else { continue };
        streams.entry(text(&stored, "pk").unwrap_or_default().to_owned()).or_default().push(event);
    }
    let mut orders = BTreeMap::new();
    for (_, mut events) in streams {
        events.sort_by_key(|event| event.version);
        let order = events.iter().try_fold(Order::default(), Order::apply);
        if let Order(Some(placed)) = order.map_err(|error| Failure::corrupt("order", &error))? {
            orders.insert(placed.order_id.clone(), placed);
        }
    }
    Ok(orders)
}

fn scan(local: &Local, table: &str) -> Result<Vec<StoredItem>, Failure> {
    Ok(local.store().all(table)?)
}

fn account(order: &Placed, ledger: &[LedgerEntry]) -> OrderAccount {
    let of = |movement: Movement| {
        let of_order = move |entry: &&LedgerEntry| {
            entry.order_id == order.order_id && entry.movement == movement
        };
        ledger.iter().filter(of_order).map(|entry| entry.amount)
    };
    OrderAccount {
        order_id: order.order_id.clone(),
        status: order.status,
        total: order.total,
        reason: order.reason.clone(),
        charged: of(Movement::Charge).sum(),
        charges: of(Movement::Charge).count(),
        refunded: of(Movement::Refund).sum(),
    }
}

/// Returns what is wrong with the order's money; `None` if the order was delivered and charged
/// once, or if the order was canceled and its charge, if any, was refunded.
fn wrong_money(order: &OrderAccount) -> Option<String> {
    let OrderAccount { order_id, status, total, charged, refunded, charges, .. } = order;
    let right = match status {
        Status::Delivered => *charges == 1 && charged == total && *refunded == Money::ZERO,
        Status::Canceled => *charges <= 1 && charged == refunded,
        Status::Open => return Some(format!("order {order_id} has not ended")),
    };
    let wrong = || {
        format!(
            "order {order_id} is {status:?}: charged {charged} ({charges}×), refunded {refunded}"
        )
    };
    (!right).then(wrong)
}

/// Returns how many pieces of each item the delivered orders contain.
fn delivered(orders: &BTreeMap<OrderId, Placed>) -> BTreeMap<Sku, u64> {
    let mut delivered = BTreeMap::new();
    for order in orders.values().filter(|order| order.status == Status::Delivered) {
        for line in &order.lines {
            *delivered.entry(line.sku.clone()).or_default() += u64::from(line.quantity.get());
        }
    }
    delivered
}

/// Returns what is wrong with the item's counts; `None` if the delivered orders contain as many
/// pieces of the item as were sold, and no piece is reserved.
fn wrong_stock(item: &ItemAccount, delivered: &BTreeMap<Sku, u64>) -> Option<String> {
    let ordered = delivered.get(&item.sku).copied().unwrap_or_default();
    let ItemAccount { sku, sold, reserved, .. } = item;
    (*sold != ordered || *reserved != 0)
        .then(|| format!("{sku}: {sold} sold, {reserved} reserved, {ordered} delivered"))
}
