//! How fast one customer may place orders.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chorus_http::Problem;
use chorus_simulation::{Client, Observed};
use jiff::{SignedDuration, Timestamp};

use crate::invariants::OrderHistory;
use crate::orders::ONE_BY_ONE;
use crate::shop::Shop;

/// If a customer may place one order a minute, checks that the orders of each customer are at least
/// half a minute apart. They may be less than a minute apart: the shop reads the clock when it
/// counts a request, and again when it creates the order, up to two calls to the store later.
pub(crate) fn check(
    shop: &Shop,
    observed: &Observed,
    orders: &BTreeMap<String, OrderHistory>,
) -> Vec<String> {
    // A region that took over may not know the latest requests that the first region counted, so it
    // may accept an order too early.
    if observed.lost_region().is_some()
        || !shop.script.punctual
        || shop.script.settings.orders_per_minute != ONE_BY_ONE
    {
        return Vec::new();
    }
    let placed = orders.values().filter_map(|history| history.placed.as_ref());
    let mut times: Vec<(&str, i64)> =
        placed.map(|order| (order.customer_id.as_str(), order.placed_at.as_second())).collect();
    times.sort_unstable();
    let hasty = times.windows(2).filter(|it| it[0].0 == it[1].0 && it[1].1 - it[0].1 < 30);
    let wrong = |it: &[(&str, i64)]| {
        format!("pace: one order a minute is allowed, but {it:?} were accepted")
    };
    hasty.map(wrong).collect()
}

/// When the shop refuses a request, the earlier requests that it counts are at most this old: the
/// shop counted them within a minute, and a refusal takes at most two calls to the store.
const COUNTED_WITHIN: SignedDuration = SignedDuration::from_secs(90);

/// When each customer sent a request to place an order.
#[derive(Debug, Default)]
pub(crate) struct Requests(Mutex<BTreeMap<String, Vec<Timestamp>>>);

impl Requests {
    pub(crate) fn sent(&self, client: &Client, now: Timestamp) {
        let customer = client.request.caller.name().unwrap_or_default().to_owned();
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sent.entry(customer).or_default().push(now);
    }

    /// Checks that a customer whose request was refused had sent at least `per_minute` requests
    /// before. Requests of other customers do not count. Returns the violation, if there is one.
    pub(crate) fn refused(
        &self,
        client: &Client,
        problem: &Problem,
        per_minute: u32,
        now: Timestamp,
    ) -> Option<String> {
        let wait = problem.retry_after.filter(|_| problem.status == 429)?;
        // If the write that counts a request meets a conflict, the API refuses the request and asks
        // for a retry after one second, however many requests it has counted.
        if wait <= 1 {
            return None;
        }
        let customer = client.request.caller.name().unwrap_or_default();
        let sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = sent.get(customer).into_iter().flatten();
        let lately = own.filter(|at| now.duration_since(**at) < COUNTED_WITHIN).count();
        // One of the counted requests is the refused request.
        (lately <= per_minute as usize).then(|| {
            format!(
                "pace: {customer} was refused after {lately} requests; the limit is {per_minute}"
            )
        })
    }
}
