//! The orders, newest first.

use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use chorus_events::Money;
use jiff::Timestamp;
use serde::Deserialize;

use crate::Console;
use crate::api::{Ask, read};
use crate::page::{Frame, NoPage, render};
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

/// Which orders.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Filter {
    #[serde(default)]
    status: String,
    #[serde(default)]
    customer: String,
    /// From this day on, in UTC.
    #[serde(default)]
    from: String,
    /// Up to this day, itself included.
    #[serde(default)]
    to: String,
    #[serde(default)]
    cursor: String,
}

impl Filter {
    /// As the query of the API.
    fn query(&self) -> String {
        let mut query = format!("limit={PAGE}");
        let pairs = [
            ("status", &self.status),
            ("customer-id", &self.customer),
            ("from", &self.from),
            ("to", &self.to),
            ("cursor", &self.cursor),
        ];
        for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
            query.push_str(&format!("&{name}={}", show::in_path(value)));
        }
        query
    }

    /// The address of the page that begins at a cursor, with the same filter.
    fn at(&self, cursor: &str) -> String {
        let pairs = [
            ("status", self.status.as_str()),
            ("customer", &self.customer),
            ("from", &self.from),
            ("to", &self.to),
            ("cursor", cursor),
        ];
        let named = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        let named: Vec<String> =
            named.map(|(name, value)| format!("{name}={}", show::in_path(value))).collect();
        format!("/console/orders?{}", named.join("&"))
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
) -> Result<Response, NoPage> {
    let frame = Frame::of(&console, "orders", "any");
    let ask = Ask::get(format!("/orders?{}", filter.query()));
    let page: Page = read(console.api(), ask).await.map_err(NoPage::of(&console))?;
    let older = page.next.map(|next| filter.at(&next));
    Ok(render(&OrdersPage { frame, filter, orders: page.orders, older }))
}
