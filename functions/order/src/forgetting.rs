//! The routes that export the stored data about a customer, and that forget a customer.

use async_trait::async_trait;
use chorus_events::callers::OWNER_OR_STAFF;
use chorus_events::commands::ForgetCustomer as Command;
use chorus_events::table::rows;
use chorus_events::{Currency, CustomerId, Priced};
use chorus_http::{
    Endpoint, Method, Parameter, Problem, Request, Response, Route, Values, command,
};
use chorus_kernel::{Found, Kernel, PersonKey, load};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::answers::WholeOrder;
use crate::api::{EVENTS_PATH, address, find};
use crate::forget_customer::ForgetCustomer;
use crate::list::{Asked, MAX_PAGE};
use crate::progress::steps;
use crate::{OrderView, Status};

/// The query parameter by which a caller accepts that parcels and emails of open orders will not
/// reach the customer.
const DESPITE_ORDERS: &str = "despite-orders-under-way";

/// The kinds of data that remain after a customer was forgotten, each with the reason.
const LEFT: [&str; 3] = [
    "orders, payments, parcels and emails, with the customer's id but without name or address: \
     bookkeeping needs them",
    "reasons that people wrote, and the ids of payment methods: they are not encrypted",
    "the fact that the customer was forgotten, and when: later events must not restore any data",
];

/// `DELETE /customers/{id}`.
pub(crate) fn forget_customer() -> Route {
    Route::of::<rows::ForgetCustomer>(Method::DELETE, "/customers/{id}", Forget)
        .summary("Forget a customer: make all personal data about them unreadable", 200)
        .answers::<Forgotten>()
        .parameters(&[
            Parameter::KEY,
            Parameter::query(
                DESPITE_ORDERS,
                Values::OneOf(&["true", "false"]),
                "Whether to forget them although an order is under way, whose delivery may then fail",
            ),
        ])
}

/// `GET /customers/{id}/export`.
pub(crate) fn export_customer(currency: Currency) -> Route {
    Route::read("/customers/{id}/export", OWNER_OR_STAFF, Export { currency })
        .summary("The data that is stored about a customer: their orders, and the routes that return the rest", 200)
        .answers::<Kept>()
        .pages(MAX_PAGE, Values::Like(OrderView::CURSORS))
}

/// A customer who was forgotten.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Forgotten {
    customer_id: CustomerId,
    /// When the customer was forgotten.
    forgotten_at: Timestamp,
    /// The kinds of data that remain, each with the reason.
    left: Vec<&'static str>,
}

/// The data that is kept about a customer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Kept {
    customer_id: CustomerId,
    orders: Vec<Priced<WholeOrder>>,
    /// Paths of this API at which other services return the data that they keep.
    elsewhere: Vec<String>,
    /// Where the next page starts: the value for `cursor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

struct Forget;

#[async_trait]
impl Endpoint for Forget {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        let customer_id: CustomerId = request.parameter("id")?;
        request.owned_by(customer_id.as_str())?;
        let despite = request.query.get(DESPITE_ORDERS).map(String::as_str) == Some("true");
        // A repeated request gets the same response as the first, even if the customer has open
        // orders by now.
        if !despite && destroyed_at(kernel, &customer_id).await?.is_none() {
            refuse_while_under_way(kernel, &customer_id, request).await?;
        }
        let message = command(kernel, request, &Command { customer_id: customer_id.clone() })?;
        kernel.run(&ForgetCustomer, &message).await?;
        let forgotten_at = destroyed_at(kernel, &customer_id).await?;
        let came_back = || {
            let why = format!("customer {customer_id} was stored again after being forgotten");
            Problem::new(409, "conflict", why)
        };
        let forgotten = Forgotten {
            forgotten_at: forgotten_at.ok_or_else(came_back)?,
            customer_id: customer_id.clone(),
            left: LEFT.to_vec(),
        };
        Ok(Response::json(200, json!(forgotten)).of(customer_id))
    }
}

/// The time at which a customer's key was destroyed; `None` if the customer has a key or never had
/// one.
async fn destroyed_at(
    kernel: &Kernel,
    customer: &CustomerId,
) -> Result<Option<Timestamp>, Problem> {
    let key: Found<PersonKey> = load(&*kernel.store, customer.to_string()).await?;
    Ok(key.filter(|key| key.key.is_none()).map(|key| key.value.since))
}

async fn refuse_while_under_way(
    kernel: &Kernel,
    customer: &CustomerId,
    request: &Request,
) -> Result<(), Problem> {
    let asked = Asked::orders_of(customer.clone(), Some(Status::Open), request)?;
    let (orders, _) = asked.page(&*kernel.store).await?;
    let Some(order) = orders.first() else { return Ok(()) };
    let why = format!(
        "order {} of {customer} is under way, and could not be delivered without the customer's address: wait until it has \
         ended, cancel it, or ask with {DESPITE_ORDERS}=true",
        order.order_id
    );
    Err(Problem::new(409, "orders-under-way", why))
}

struct Export {
    currency: Currency,
}

#[async_trait]
impl Endpoint for Export {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        let customer_id: CustomerId = request.parameter("id")?;
        request.owned_by(customer_id.as_str())?;
        let asked = Asked::orders_of(customer_id.clone(), None, request)?;
        let (listed, next) = asked.page(&*kernel.store).await?;
        let mut orders = Vec::with_capacity(listed.len());
        let mut elsewhere = vec![format!("/customers/{customer_id}")];
        for OrderView { order_id, .. } in &listed {
            let order = find(kernel, order_id).await?;
            let steps = steps(&*kernel.store, &order).await?;
            let address = address(kernel, &customer_id, &order.shipping_address).await?;
            orders.push(Priced::new(WholeOrder::of(order, address, &steps), self.currency));
            elsewhere.push(EVENTS_PATH.replace("{id}", order_id.as_str()));
            elsewhere.push(format!("/payments/{order_id}"));
            elsewhere.push(format!("/deliveries/{order_id}"));
        }
        let kept = Kept { customer_id: customer_id.clone(), orders, elsewhere, next };
        Ok(Response::json(200, json!(kept)).of(customer_id))
    }
}
