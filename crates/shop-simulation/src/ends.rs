//! Counts how the orders of a run ended.

use std::ops::AddAssign;

use chorus_order::Status;
use chorus_simulation::Observed;
use serde::Serialize;

use crate::invariants::orders;
use crate::regions;
use crate::shop::Shop;

/// How many orders of a run ended in each way, and how many customers were forgotten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Ends {
    pub delivered: u64,
    pub canceled: u64,
    /// Orders that were never placed: they were refused, or the client gave up first.
    pub unplaced: u64,
    /// Customers who were forgotten: the key that encrypts their personal data was destroyed.
    pub forgotten: u64,
    /// Orders whose charge a customer disputed.
    pub disputed: u64,
    /// Canceled orders whose charge was not returned, because the refund failed or the charge is
    /// disputed. An operator was alerted about each of these orders.
    pub kept: u64,
    /// Orders that the first region accepted just before it failed, and that never reached the
    /// second region.
    pub lost: u64,
}

impl AddAssign for Ends {
    fn add_assign(&mut self, other: Self) {
        self.delivered += other.delivered;
        self.canceled += other.canceled;
        self.unplaced += other.unplaced;
        self.forgotten += other.forgotten;
        self.disputed += other.disputed;
        self.kept += other.kept;
        self.lost += other.lost;
    }
}

pub(crate) fn ends(shop: &Shop, observed: &Observed) -> Ends {
    let orders = orders(observed);
    let placed = || orders.values().filter_map(|history| history.placed.as_ref());
    let count = |status: Status| placed().filter(|order| order.status == status).count() as u64;
    let books = shop.bank.books();
    Ends {
        delivered: count(Status::Delivered),
        canceled: count(Status::Canceled),
        unplaced: shop.script.orders.len().saturating_sub(orders.len()) as u64,
        forgotten: shop.forgotten.count(),
        disputed: placed().filter(|order| books.is_disputed(&order.order_id)).count() as u64,
        kept: placed()
            .filter(|order| order.status == Status::Canceled && books.keeps_charge(&order.order_id))
            .count() as u64,
        lost: observed.lost_region().map_or(0, |_| regions::lost(shop, observed)),
    }
}
