//! The routes of the Inventory service.

use async_trait::async_trait;
use chorus_events::callers::EVERY_CUSTOMER_OR_SHOP;
use chorus_events::commands::PutItem as Command;
use chorus_events::table::rows;
use chorus_events::{Money, PLAIN_TEXT, Sku};
use chorus_http::{Endpoint, Method, Parameter, Problem, Request, Response, Route, command};
use chorus_kernel::Kernel;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Item;
use crate::put_item::{MAX_NAME, PutItem};

/// What a caller says of an item; its path names it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ItemListing {
    /// What it is called.
    #[schemars(length(min = 1, max = MAX_NAME), regex(pattern = PLAIN_TEXT))]
    name: String,
    /// What one piece costs: more than 0.
    #[schemars(range(min = 0.01, max = 9_999_999_999_999.99))]
    price: Money,
    /// How many pieces the shop received in all, those sold included.
    stock: u32,
    /// Whether it is not sold any more.
    #[serde(default)]
    discontinued: bool,
}

/// `PUT /items/{sku}`.
pub(crate) fn put_item() -> Route {
    Route::of::<rows::PutItem>(Method::PUT, "/items/{sku}", Put)
        .summary("List an item: its name, price and stock received", 200)
        .takes::<ItemListing>()
        .answers::<Item>()
        .parameters(&[Parameter::KEY])
}

/// `GET /items/{sku}`.
pub(crate) fn get_item() -> Route {
    Route::read("/items/{sku}", EVERY_CUSTOMER_OR_SHOP, Get)
        .summary("An item, and where its pieces are", 200)
        .answers::<Item>()
}

struct Put;

#[async_trait]
impl Endpoint for Put {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        let sku: Sku = request.parameter("sku")?;
        let ItemListing { name, price, stock, discontinued } = request.json()?;
        let listing = Command { sku, name, price, stock, discontinued };
        let message = command(kernel, request, &listing)?;
        kernel.run(&PutItem, &message).await?;
        show(kernel, &listing.sku).await
    }
}

struct Get;

#[async_trait]
impl Endpoint for Get {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        show(kernel, &request.parameter("sku")?).await
    }
}

async fn show(kernel: &Kernel, sku: &Sku) -> Result<Response, Problem> {
    let found = kernel.find::<Item>(sku).await?;
    let missing = || Problem::new(404, "not-found", format!("no item is called {sku}"));
    Ok(Response::json(200, serde_json::json!(found.ok_or_else(missing)?.value)))
}
