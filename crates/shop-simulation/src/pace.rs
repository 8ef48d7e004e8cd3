//! How fast one customer may place orders.

use std::collections::BTreeMap;

use chorus_simulation::Observed;

use crate::invariants::OrderHistory;
use crate::orders::ONE_BY_ONE;
use crate::shop::Shop;

/// Where a customer may place one order a minute, their orders are about a minute apart: two calls of
/// the store lie between the count of a request and the time of its order.
pub(crate) fn check(
    shop: &Shop,
    observed: &Observed,
    orders: &BTreeMap<String, OrderHistory>,
) -> Vec<String> {
    // A region that took over may not know the latest requests that the first one counted.
    if observed.lost_region().is_some()
        || !shop.script.punctual
        || shop.script.settings.orders_per_minute != ONE_BY_ONE
    {
        return Vec::new();
    }
    let placed = orders.values().filter_map(|told| told.placed.as_ref());
    let mut times: Vec<(&str, i64)> =
        placed.map(|order| (order.customer_id.as_str(), order.placed_at.as_second())).collect();
    times.sort_unstable();
    let hasty = times.windows(2).filter(|it| it[0].0 == it[1].0 && it[1].1 - it[0].1 < 30);
    hasty.map(|it| format!("pace: one order a minute is allowed, and {it:?} are two")).collect()
}
