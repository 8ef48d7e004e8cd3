//! The routes of the Order service.

use std::sync::Arc;

use async_trait::async_trait;
use chorus_events::callers::OWNER_OR_SHOP;
use chorus_events::commands::CancelOrder as Cancel;
use chorus_events::order::OrderCreated;
use chorus_events::table::rows;
use chorus_events::{
    Currency, CustomerId, OrderId, PostalAddress, Priced, Settings, ShippingAddress, is_plain_text,
};
use chorus_http::{
    Endpoint, Method, Parameter, Problem, Request, Response, Route, Values, command, command_key,
    personal_command,
};
use chorus_kernel::{Allowance, Folded, Kernel, Secret, load};
use chorus_table::Row;
use serde_json::json;

use crate::answers::{OrderEvents, OrderPage, WholeOrder};
use crate::cancel_order::CancelOrder;
use crate::create_order::CreateOrder;
use crate::id_secret::IdSecret;
use crate::list::{Asked, MAX_PAGE, STATUSES};
use crate::progress::{Known, steps};
use crate::requests::{Cancellation, MAX_REASON, NewOrder};
use crate::{Order, OrderView, Placed};

/// The path of the route that lists an order's events.
pub const EVENTS_PATH: &str = "/orders/{id}/events";

/// The query parameter that says how many seconds a caller waits for new events.
pub const WAIT: &str = "wait";

/// The longest time that a caller may wait for new events, in seconds.
pub const MAX_WAIT: u32 = 20;

/// The value of the header `Retry-After`: how many seconds a caller that follows an order should
/// wait before the next request.
const RETRY_AFTER: &str = "2";

/// `POST /orders`.
pub(crate) fn create_order(id_secret: Arc<dyn Secret<IdSecret>>, settings: Settings) -> Route {
    let allowance =
        Allowance { action: rows::CreateOrder::ACTION, per_minute: settings.orders_per_minute };
    Route::of::<rows::CreateOrder>(Method::POST, "/orders", Create { id_secret, settings })
        .at_most(allowance)
        .summary("Place an order; it is carried out by events from here on", 201)
        .takes(NewOrder::example)
        .answers::<Priced<WholeOrder>>()
        .parameters(&[Parameter::KEY.required()])
}

/// `GET /orders/{id}`.
pub(crate) fn get_order(currency: Currency) -> Route {
    Route::read("/orders/{id}", OWNER_OR_SHOP, Get { currency })
        .summary("An order, and how far its payment and delivery are", 200)
        .answers::<Priced<WholeOrder>>()
}

/// `GET /orders`.
pub(crate) fn list_orders(currency: Currency) -> Route {
    Route::read("/orders", OWNER_OR_SHOP, List { currency })
        .summary("Orders, newest first: those of one customer, or of all", 200)
        .answers::<Priced<OrderPage>>()
        .parameters(&[
            Parameter::query(
                "customer-id",
                Values::Identifier,
                "The customer whose orders are listed; without it, those of all customers",
            ),
            Parameter::query("status", STATUSES, "Only orders with this status"),
            Parameter::query(
                "from",
                Values::Moment,
                "Only orders placed on this day or at this instant, or later; the default is a year before `to`",
            ),
            Parameter::query(
                "to",
                Values::Moment,
                "Only orders placed on this day or at this instant, or earlier",
            ),
        ])
        .pages(MAX_PAGE, Values::Like(OrderView::CURSORS))
}

/// `GET /orders/{id}/events`.
pub(crate) fn list_order_events(currency: Currency) -> Route {
    Route::read(EVENTS_PATH, OWNER_OR_SHOP, Events { currency })
        .summary("An order's events that the caller does not know yet", 200)
        .answers::<Priced<OrderEvents>>()
        .parameters(&[
            Parameter::query(
                WAIT,
                Values::Whole { least: 0, most: MAX_WAIT },
                "For how many seconds to wait for news; a deployed shop answers at once",
            ),
            Parameter {
                values: Values::Like(Known::NAMES),
                ..Parameter::header(
                    "Last-Event-ID",
                    "The `id` of the last event that the caller has",
                )
            },
        ])
        .streams()
}

/// `POST /orders/{id}/cancel`.
pub(crate) fn cancel_order(currency: Currency) -> Route {
    let endpoint = CancelRequest { currency };
    Route::of::<rows::CancelOrder>(Method::POST, "/orders/{id}/cancel", endpoint)
        .summary("Cancel an order that has not ended", 202)
        .takes(Cancellation::example)
        .answers::<Priced<WholeOrder>>()
        .parameters(&[Parameter::KEY])
}

struct Create {
    id_secret: Arc<dyn Secret<IdSecret>>,
    settings: Settings,
}

#[async_trait]
impl Endpoint for Create {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        let missing = || Problem::field(400, "Idempotency-Key", "must be sent with every order");
        let key = command_key(request)?.ok_or_else(missing)?;
        let order: NewOrder = request.json()?;
        order.shipping_address.check()?;
        request.owned_by(order.customer_id.as_str())?;
        let sealing = kernel.people().key_for(order.customer_id.as_str()).await?;
        let order = order.command(self.id_secret.read().await?.order_id(&key), sealing);
        let message = personal_command(kernel, request, &order, sealing)?;
        let answered = kernel.run(&CreateOrder(self.settings), &message).await?;
        let unexpected = || Problem::new(500, "internal", "the new order has no event");
        // A repeated request with the same key gets the same response, made from the stored event.
        let created: OrderCreated = answered.event()?.ok_or_else(unexpected)?;
        let (location, customer) =
            (format!("/orders/{}", created.order_id), created.customer_id.clone());
        let address = address(kernel, &customer, &created.shipping_address).await?;
        let order = Priced::new(WholeOrder::placed(created, address), self.settings.currency);
        let response = Response::json(201, json!(order)).of(customer);
        Ok(response.with_header("location", location))
    }
}

struct Get {
    currency: Currency,
}

#[async_trait]
impl Endpoint for Get {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        let order = find(kernel, &request.parameter("id")?).await?;
        request.owned_by(order.customer_id.as_str())?;
        show(kernel, order, 200, self.currency).await
    }
}

struct CancelRequest {
    currency: Currency,
}

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
        show(kernel, find(kernel, &order_id).await?, 202, self.currency).await
    }
}

/// Decrypts an order's address. Returns `None` after the customer was forgotten.
pub(crate) async fn address(
    kernel: &Kernel,
    customer: &CustomerId,
    address: &ShippingAddress,
) -> Result<Option<PostalAddress>, Problem> {
    let people = kernel.people();
    Ok(people.open(customer.as_str(), |opener| address.opened(|text| opener.text(text))).await?)
}

pub(crate) async fn find(kernel: &Kernel, order_id: &OrderId) -> Result<Placed, Problem> {
    let found: Folded<Order> = load(&*kernel.store, order_id.clone()).await?;
    let missing = || Problem::new(404, "not-found", format!("there is no order {order_id}"));
    found.state.0.ok_or_else(missing)
}

async fn show(
    kernel: &Kernel,
    order: Placed,
    status: u16,
    currency: Currency,
) -> Result<Response, Problem> {
    let customer = order.customer_id.clone();
    let steps = steps(&*kernel.store, &order).await?;
    let address = address(kernel, &customer, &order.shipping_address).await?;
    let order = Priced::new(WholeOrder::of(order, address, &steps), currency);
    Ok(Response::json(status, json!(order)).of(customer))
}

struct Events {
    currency: Currency,
}

#[async_trait]
impl Endpoint for Events {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        let known = match request.header("last-event-id") {
            None => Known::default(),
            Some(name) => Known::of(name).ok_or_else(|| {
                Problem::field(400, "Last-Event-ID", "must be the `id` of an earlier answer")
            })?,
        };
        let order = find(kernel, &request.parameter("id")?).await?;
        request.owned_by(order.customer_id.as_str())?;
        let steps = steps(&*kernel.store, &order).await?;
        let events = OrderEvents::unknown_to(known, &order, steps);
        let ended = events.ended;
        let answer = json!(Priced::new(events, self.currency));
        let response = Response::json(200, answer).of(order.customer_id);
        Ok(if ended { response } else { response.with_header("retry-after", RETRY_AFTER) })
    }
}

struct List {
    currency: Currency,
}

#[async_trait]
impl Endpoint for List {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        let asked = Asked::of(request, kernel.clock.now())?;
        if let Some(customer) = asked.customer() {
            request.owned_by(customer.as_str())?;
        }
        let (orders, next) = asked.page(&*kernel.store).await?;
        let response =
            Response::json(200, json!(Priced::new(OrderPage { orders, next }, self.currency)));
        Ok(match asked.customer() {
            Some(customer) => response.of(customer.as_str()),
            None => response,
        })
    }
}
