//! The route of the Analytics service.

use async_trait::async_trait;
use chorus_events::callers::SHOP;
use chorus_events::{Currency, Money, Priced};
use chorus_http::{Endpoint, Problem, Request, Response, Route};
use chorus_kernel::Kernel;
use schemars::JsonSchema;
use serde::Serialize;

use crate::Count;

/// A number of orders, and the sum of their totals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Tally {
    /// The number of orders.
    orders: i64,
    /// The sum of the orders' totals.
    worth: Money,
}

impl Tally {
    fn add(&mut self, orders: i64, worth: i64) {
        self.orders = self.orders.saturating_add(orders);
        self.worth = Money::from_minor(self.worth.minor().saturating_add(worth));
    }
}

/// The numbers of orders that were placed, canceled and delivered so far, with their totals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Analytics")]
struct Totals {
    /// Orders that were placed.
    placed: Tally,
    /// Orders that were canceled.
    canceled: Tally,
    /// Orders that were delivered.
    delivered: Tally,
}

impl Totals {
    fn add(&mut self, count: &Count) {
        self.placed.add(count.placed, count.placed_worth);
        self.canceled.add(count.canceled, count.canceled_worth);
        self.delivered.add(count.delivered, count.delivered_worth);
    }
}

/// `GET /analytics`.
pub(crate) fn get_analytics(currency: Currency) -> Route {
    Route::read("/analytics", SHOP, Get { currency })
        .summary("The numbers and totals of the orders placed, canceled and delivered", 200)
        .answers::<Priced<Totals>>()
}

struct Get {
    currency: Currency,
}

#[async_trait]
impl Endpoint for Get {
    async fn call(&self, kernel: &Kernel, _: &Request) -> Result<Response, Problem> {
        let mut totals = Totals::default();
        for part in Count::parts() {
            if let Some(count) = kernel.find::<Count>(&part).await? {
                totals.add(&count);
            }
        }
        Ok(Response::json(200, serde_json::json!(Priced::new(totals, self.currency))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_add_up_and_worth_is_given_as_money() {
        let one = Count { placed: 2, placed_worth: 47_502, ..Count::default() };
        let other = Count { placed: 1, placed_worth: 1, canceled: 1, ..Count::default() };
        let mut totals = Totals::default();
        totals.add(&one);
        totals.add(&other);
        let shown = serde_json::json!(totals);
        assert_eq!(shown["placed"], serde_json::json!({ "orders": 3, "worth": 475.03 }));
        assert_eq!(shown["canceled"]["orders"], 1);
    }
}
