//! The routes of the Inventory service.

use async_trait::async_trait;
use chorus_events::callers::EVERY_CUSTOMER_OR_SHOP;
use chorus_events::commands::{PutItem as Command, ReceiveStock as ReceiveStockCommand};
use chorus_events::inventory::ItemListed;
use chorus_events::table::rows;
use chorus_events::{Currency, Money, PLAIN_TEXT, Priced, Sku};
use chorus_http::{
    Callers, Endpoint, Method, Parameter, Precondition, Problem, Request, Response, Route, Values,
    command, command_key,
};
use chorus_kernel::{Kernel, Versioned};
use chorus_table::Event;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Item;
use crate::list::{Asked, MAX_PAGE};
use crate::put_item::{MAX_NAME, MAX_STOCK, PutItem};
use crate::receive_stock::{MAX_RECEIVED, ReceiveStock};

/// The body of a request that lists an item. The SKU of the item is in the request's path.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ItemListing {
    /// The item's name.
    #[schemars(length(min = 1, max = MAX_NAME), regex(pattern = PLAIN_TEXT))]
    name: String,
    /// What one piece costs: more than 0.
    #[schemars(with = "f64", range(min = 0.01, max = 9_999_999_999_999.99))]
    price: Money,
    /// How many pieces the shop has received in all, including sold ones.
    #[schemars(range(max = MAX_STOCK))]
    stock: u32,
    /// Whether the item is no longer sold.
    #[serde(default)]
    discontinued: bool,
}

impl ItemListing {
    fn example() -> Self {
        let Command { name, price, stock, discontinued, .. } = Command::sample();
        Self { name, price, stock, discontinued }
    }
}

/// The body of a request that changes an item's stock.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Delivered {
    /// How many pieces were received; negative if pieces were lost; never 0.
    #[schemars(range(min = -MAX_RECEIVED, max = MAX_RECEIVED), extend("not" = { "const": 0 }))]
    received: i32,
}

/// An item, and how many of its pieces are available, reserved and sold. The sum of these three
/// numbers is the number of pieces that the shop received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Item")]
struct WholeItem {
    /// The item's stock-keeping unit.
    sku: Sku,
    /// The item's name.
    name: String,
    /// What one piece costs.
    price: Money,
    /// Whether the item is no longer sold.
    discontinued: bool,
    /// Pieces that can be ordered.
    available: u32,
    /// Pieces set aside for orders under way.
    reserved: u32,
    /// Pieces that left the stock.
    sold: u32,
    /// The number of the item's latest listing, from 1.
    listing: u64,
}

impl From<Item> for WholeItem {
    fn from(item: Item) -> Self {
        let Item { sku, name, price, discontinued, .. } = item;
        let Item { available, reserved, sold, listing, .. } = item;
        Self { sku, name, price, discontinued, available, reserved, sold, listing }
    }
}

/// An item in a response to a caller without a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct ItemOnSale {
    /// The item's stock-keeping unit.
    sku: Sku,
    /// The item's name.
    name: String,
    /// What one piece costs.
    price: Money,
    /// Whether the item is no longer sold.
    discontinued: bool,
    /// Pieces that can be ordered.
    available: u32,
}

impl From<Item> for ItemOnSale {
    fn from(item: Item) -> Self {
        let Item { sku, name, price, discontinued, available, .. } = item;
        Self { sku, name, price, discontinued, available }
    }
}

/// A page of items, sorted by name.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct ItemPage {
    /// The items. If the request searches for a text, a page may have fewer items than requested,
    /// even none, although there is a next page.
    items: Vec<ItemOnSale>,
    /// Where the next page starts: the value for `cursor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Sku>,
}

/// `GET /items`.
pub(crate) fn list_items(currency: Currency) -> Route {
    Route::read("/items", Callers::Anyone, List { currency })
        .summary("The items that are sold, by name", 200)
        .answers::<Priced<ItemPage>>()
        .parameters(&[
            Parameter::query(
                "name",
                Values::Text,
                "Only items whose name begins with this text, in upper or lower case",
            ),
            Parameter::query("text", Values::Text, "Only items with this text in name or SKU"),
            Parameter::query(
                "discontinued",
                Values::OneOf(&["true", "false"]),
                "`true`: only items that are no longer sold",
            ),
        ])
        .pages(MAX_PAGE, Values::Identifier)
}

/// `PUT /items/{sku}`.
pub(crate) fn put_item(currency: Currency) -> Route {
    Route::of::<rows::PutItem>(Method::PUT, "/items/{sku}", Put { currency })
        .summary("List an item: its name, price and stock received", 200)
        .creates()
        .takes(ItemListing::example)
        .answers::<Priced<WholeItem>>()
        .parameters(&[Parameter::KEY, Parameter::IF_MATCH, Parameter::IF_NONE_MATCH])
}

/// `POST /items/{sku}/stock`.
pub(crate) fn receive_stock(currency: Currency) -> Route {
    Route::of::<rows::ReceiveStock>(Method::POST, "/items/{sku}/stock", Receive { currency })
        .summary("Add received pieces to an item's stock, or take away lost ones", 200)
        .takes(|| Delivered { received: 10 })
        .answers::<Priced<WholeItem>>()
        .parameters(&[Parameter::KEY.required()])
}

/// `GET /items/{sku}`.
pub(crate) fn get_item(currency: Currency) -> Route {
    Route::read("/items/{sku}", EVERY_CUSTOMER_OR_SHOP, Get { currency })
        .summary("An item, and how many of its pieces are available, reserved and sold", 200)
        .answers::<Priced<WholeItem>>()
}

struct Put {
    currency: Currency,
}

#[async_trait]
impl Endpoint for Put {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        let sku: Sku = request.parameter("sku")?;
        let ItemListing { name, price, stock, discontinued } = request.json()?;
        let replaces = match Precondition::of(request)? {
            None => None,
            Some(Precondition::Absent) => Some(0),
            Some(Precondition::Version(version)) => Some(version),
            // Items are never deleted, so an item that exists now still exists at the time of the
            // write.
            Some(Precondition::Present) => {
                kernel.find::<Item>(&sku).await?.ok_or_else(|| {
                    Problem::new(412, "precondition", format!("no item is called {sku}"))
                })?;
                None
            }
        };
        let listing = Command { sku, name, price, stock, discontinued, replaces };
        let message = command(kernel, request, &listing)?;
        let answered = kernel.run(&PutItem, &message).await?;
        let response = show(kernel, &listing.sku, self.currency).await?;
        match answered.event::<ItemListed>()? {
            Some(first) if first.listing == 1 => {
                let place = format!("/items/{}", listing.sku);
                Ok(Response { status: 201, ..response }.with_header("location", place))
            }
            _ => Ok(response),
        }
    }
}

struct Receive {
    currency: Currency,
}

#[async_trait]
impl Endpoint for Receive {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        let sku: Sku = request.parameter("sku")?;
        if command_key(request)?.is_none() {
            let rule = "must be sent, so that pieces are not counted twice";
            return Err(Problem::field(400, "Idempotency-Key", rule));
        }
        let Delivered { received } = request.json()?;
        let stock = ReceiveStockCommand { sku, received };
        let message = command(kernel, request, &stock)?;
        kernel.run(&ReceiveStock, &message).await?;
        show(kernel, &stock.sku, self.currency).await
    }
}

struct Get {
    currency: Currency,
}

#[async_trait]
impl Endpoint for Get {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        show(kernel, &request.parameter("sku")?, self.currency).await
    }
}

async fn show(kernel: &Kernel, sku: &Sku, currency: Currency) -> Result<Response, Problem> {
    let found = kernel.find::<Item>(sku).await?;
    let missing = || Problem::new(404, "not-found", format!("no item is called {sku}"));
    let Versioned { version, value } = found.ok_or_else(missing)?;
    Ok(Response::json(200, serde_json::json!(Priced::new(WholeItem::from(value), currency)))
        .version(version))
}

struct List {
    currency: Currency,
}

#[async_trait]
impl Endpoint for List {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        let (items, next) = Asked::of(kernel, request).await?.page(kernel).await?;
        let items = items.into_iter().map(ItemOnSale::from).collect();
        Ok(Response::json(
            200,
            serde_json::json!(Priced::new(ItemPage { items, next }, self.currency)),
        ))
    }
}
