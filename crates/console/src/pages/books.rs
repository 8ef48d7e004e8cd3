//! The accounts: all stock and all money, and whether they add up.

use askama::Template;
use axum::response::Response;
use chorus_events::Money;
use serde::Deserialize;

use crate::Console;
use crate::api::{ApiRequest, permitted};
use crate::page::{ErrorPage, Frame, render};

/// A page shows at most this many items, this many orders, and this many problems.
const MOST: usize = 100;

#[derive(Debug, Deserialize)]
struct Item {
    sku: String,
    received: u64,
    available: u64,
    reserved: u64,
    sold: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Order {
    order_id: String,
    status: String,
    total: Money,
    charged: Money,
    refunded: Money,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Accounts {
    items: Vec<Item>,
    orders: Vec<Order>,
    /// Problems of orders that have ended. The accounts of other orders need not add up yet.
    problems_of_ended: Vec<String>,
}

#[derive(Template)]
#[template(path = "books.html")]
struct BooksPage {
    frame: Frame,
    problems: Vec<String>,
    items: Vec<Item>,
    more_items: usize,
    orders: Vec<Order>,
    more_orders: usize,
    charged: Money,
    refunded: Money,
}

/// The page without accounts, for a caller who may not see the accounts, and for a deployed shop. A
/// deployed shop has no API that reads the accounts of all services.
#[derive(Template)]
#[template(path = "no_books.html")]
struct NoBooksPage {
    frame: Frame,
    is_for_caller: bool,
}

pub(crate) async fn books(console: Console) -> Result<Response, ErrorPage> {
    let frame = Frame::of(&console, "books", "any");
    let ask = ApiRequest::get("/operator/accounts");
    let found: Option<Option<Accounts>> =
        permitted(console.api(), ask).await.map_err(ErrorPage::of(&console))?;
    let is_for_caller = found.is_some();
    let Some(mut books) = found.flatten() else {
        return Ok(render(&NoBooksPage { frame, is_for_caller }));
    };
    let sum = |of: fn(&Order) -> Money| books.orders.iter().map(of).sum();
    let (charged, refunded) = (sum(|order| order.charged), sum(|order| order.refunded));
    // Orders whose money does not match their status come first.
    let expected = |order: &Order| match order.status.as_str() {
        "Delivered" => order.charged == order.total && order.refunded == Money::default(),
        "Canceled" => order.charged == order.refunded,
        _ => true,
    };
    books.orders.sort_by_key(|order| expected(order));
    let more_items = books.items.len().saturating_sub(MOST);
    let more_orders = books.orders.len().saturating_sub(MOST);
    books.items.truncate(MOST);
    books.orders.truncate(MOST);
    books.problems_of_ended.truncate(MOST);
    Ok(render(&BooksPage {
        frame,
        problems: books.problems_of_ended,
        items: books.items,
        more_items,
        orders: books.orders,
        more_orders,
        charged,
        refunded,
    }))
}
