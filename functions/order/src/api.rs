//! The routes of the Order service.

use async_trait::async_trait;
use chorus_events::callers::OWNER_OR_SHOP;
use chorus_events::commands::CancelOrder as Cancel;
use chorus_events::order::OrderCreated;
use chorus_events::table::rows;
use chorus_events::{CustomerId, Line, Money, OrderId, is_plain_text};
use chorus_http::{
    Endpoint, Method, Parameter, Problem, Request, Response, Route, Values, command, command_key,
};
use chorus_kernel::{Folded, Kernel, load};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::cancel_order::CancelOrder;
use crate::create_order::{CreateOrder, command_of};
use crate::id_secret::IdSecret;
use crate::list::{Asked, MAX_PAGE, STATUSES};
use crate::requests::{Cancellation, MAX_REASON, NewOrder};
use crate::{Order, OrderView, Placed, Status};

/// An order, whole.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct WholeOrder {
    order_id: OrderId,
    customer_id: CustomerId,
    status: Status,
    lines: Vec<Line>,
    total: Money,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    placed_at: Timestamp,
}

impl From<Placed> for WholeOrder {
    fn from(order: Placed) -> Self {
        let Placed { order_id, customer_id, lines, total, placed_at, status, reason } = order;
        Self { order_id, customer_id, status, lines, total, reason, placed_at }
    }
}

impl From<OrderCreated> for WholeOrder {
    fn from(order: OrderCreated) -> Self {
        let OrderCreated { order_id, customer_id, lines, total, placed_at, .. } = order;
        let (status, reason) = (Status::Open, None);
        Self { order_id, customer_id, status, lines, total, reason, placed_at }
    }
}

/// A page of orders, newest first.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct OrderPage {
    orders: Vec<OrderView>,
    /// Where the next page starts: the value for `cursor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// `POST /orders`.
pub(crate) fn create_order(id_secret: IdSecret) -> Route {
    Route::of::<rows::CreateOrder>(Method::POST, "/orders", Create { id_secret })
        .summary("Place an order; it is carried out by events from here on", 201)
        .takes::<NewOrder>()
        .answers::<WholeOrder>()
        .parameters(&[Parameter::KEY.required()])
}

/// `GET /orders/{id}`.
pub(crate) fn get_order() -> Route {
    Route::read("/orders/{id}", OWNER_OR_SHOP, Get)
        .summary("An order, and how it stands", 200)
        .answers::<WholeOrder>()
}

/// `GET /orders`.
pub(crate) fn list_orders() -> Route {
    Route::read("/orders", OWNER_OR_SHOP, List)
        .summary("Orders, newest first: a customer's, or everybody's", 200)
        .answers::<OrderPage>()
        .parameters(&[
            Parameter::query(
                "customer-id",
                Values::Identifier,
                "Whose orders; without, everybody's",
            ),
            Parameter::query("status", STATUSES, "Only those that stand so"),
            Parameter::query(
                "from",
                Values::Moment,
                "Only those placed from this day or instant on; without, from a year before `to`",
            ),
            Parameter::query(
                "to",
                Values::Moment,
                "Only those placed up to this day or instant, itself included",
            ),
        ])
        .pages(MAX_PAGE)
}

/// `POST /orders/{id}/cancel`.
pub(crate) fn cancel_order() -> Route {
    Route::of::<rows::CancelOrder>(Method::POST, "/orders/{id}/cancel", CancelRequest)
        .summary("Cancel an order that has not ended", 202)
        .takes::<Cancellation>()
        .answers::<WholeOrder>()
        .parameters(&[Parameter::KEY])
}

struct Create {
    id_secret: IdSecret,
}

#[async_trait]
impl Endpoint for Create {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        let missing = || Problem::field(400, "Idempotency-Key", "must be sent with every order");
        let key = command_key(request)?.ok_or_else(missing)?;
        let order = command_of(self.id_secret.order_id(&key), request.json()?);
        let message = command(kernel, request, &order)?;
        let answered = kernel.run(&CreateOrder, &message).await?;
        let unexpected = || Problem::new(500, "internal", "the order left no event");
        // The same key is answered from the same event.
        let created = WholeOrder::from(answered.event::<OrderCreated>()?.ok_or_else(unexpected)?);
        let location = format!("/orders/{}", created.order_id);
        let response = Response::json(201, json!(created)).of(created.customer_id);
        Ok(response.with_header("location", location))
    }
}

struct Get;

#[async_trait]
impl Endpoint for Get {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        show(kernel, &request.parameter("id")?, 200).await
    }
}

struct CancelRequest;

#[async_trait]
impl Endpoint for CancelRequest {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        let order_id: OrderId = request.parameter("id")?;
        let empty = request.body.iter().all(u8::is_ascii_whitespace);
        let asked: Cancellation = if empty { Cancellation::default() } else { request.json()? };
        let reason = asked.reason.unwrap_or_else(|| "the customer canceled it".to_owned());
        if !is_plain_text(&reason, MAX_REASON) {
            let rule = format!("must be 1 to {MAX_REASON} characters of plain text");
            return Err(Problem::field(422, "/reason", rule));
        }
        let cancel = Cancel { order_id: order_id.clone(), reason };
        let message = command(kernel, request, &cancel)?;
        kernel.run(&CancelOrder, &message).await?;
        show(kernel, &order_id, 202).await
    }
}

async fn show(kernel: &Kernel, order_id: &OrderId, status: u16) -> Result<Response, Problem> {
    let found: Folded<Order> = load(&*kernel.store, order_id.clone()).await?;
    let missing = || Problem::new(404, "not-found", format!("there is no order {order_id}"));
    let order = WholeOrder::from(found.state.0.ok_or_else(missing)?);
    Ok(Response::json(status, json!(order)).of(order.customer_id))
}

struct List;

#[async_trait]
impl Endpoint for List {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        let asked = Asked::of(request, kernel.clock.now())?;
        let (orders, next) = asked.page(&*kernel.store).await?;
        let response = Response::json(200, json!(OrderPage { orders, next }));
        Ok(match asked.customer() {
            Some(customer) => response.of(customer.as_str()),
            None => response,
        })
    }
}
