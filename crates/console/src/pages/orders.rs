//! The list of orders, newest first.

use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use chorus_events::Money;
use jiff::Timestamp;
use serde::Deserialize;

use crate::Console;
use crate::api::{ApiRequest, read};
use crate::page::{ErrorPage, Frame, render};
use crate::show;

/// How many orders a page shows.
const PAGE: u32 = 50;

/// An order in the list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Listed {
    pub(crate) order_id: String,
    pub(crate) customer_id: String,
    pub(crate) status: String,
    pub(crate) total: Money,
    pub(crate) reason: Option<String>,
    pub(crate) placed_at: Timestamp,
}

#[derive(Deserialize)]
struct Page {
    orders: Vec<Listed>,
    next: Option<String>,
}

/// The query parameters that select orders.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Filter {
    #[serde(default)]
    status: String,
    #[serde(default)]
    customer: String,
    /// The first day, in UTC.
    #[serde(default)]
    from: String,
    /// The last day, in UTC, inclusive.
    #[serde(default)]
    to: String,
    #[serde(default)]
    cursor: String,
}

impl Filter {
    /// The filter as a query string. `customer` is the name of the parameter that selects a
    /// customer; `cursor` is where the listed orders begin.
    fn query(&self, customer: &str, cursor: &str) -> String {
        let pairs = [
            ("status", self.status.as_str()),
            (customer, &self.customer),
            ("from", &self.from),
            ("to", &self.to),
            ("cursor", cursor),
        ];
        let named = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        named.map(|(name, value)| format!("&{name}={}", show::in_path(value))).collect()
    }
}

#[derive(Template)]
#[template(path = "orders.html")]
struct OrdersPage {
    frame: Frame,
    filter: Filter,
    orders: Vec<Listed>,
    older: Option<String>,
}

pub(crate) async fn orders(
    console: Console,
    Query(filter): Query<Filter>,
) -> Result<Response, ErrorPage> {
    let frame = Frame::of(&console, "orders", "any");
    let asked = filter.query("customer-id", &filter.cursor);
    let ask = ApiRequest::get(format!("/orders?limit={PAGE}{asked}"));
    let page: Page = read(console.api(), ask).await.map_err(ErrorPage::of(&console))?;
    let older = page.next.map(|next| {
        let query = filter.query("customer", &next);
        format!("/console/orders?{}", query.trim_start_matches('&'))
    });
    Ok(render(&OrdersPage { frame, filter, orders: page.orders, older }))
}
