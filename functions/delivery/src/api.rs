//! The route by which callers read an order's delivery.

use async_trait::async_trait;
use chorus_events::callers::OWNER_OR_SHOP;
use chorus_events::inventory::DescribedLine;
use chorus_events::{CustomerId, OrderId};
use chorus_http::{Endpoint, Problem, Request, Response, Route};
use chorus_kernel::Kernel;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Delivery, Status};

/// `GET /deliveries/{order-id}`.
pub(crate) fn get_delivery() -> Route {
    Route::read("/deliveries/{order-id}", OWNER_OR_SHOP, Get)
        .summary("An order's delivery: how far it is, and when it should arrive", 200)
        .answers::<ShownDelivery<'_>>()
}

/// A delivery in a response. The address is not part of it: `GET /orders/{id}` returns the address.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Delivery")]
struct ShownDelivery<'a> {
    /// The order's id.
    order_id: &'a OrderId,
    /// The delivery's status.
    status: Status,
    /// The customer who receives the parcel. Absent, like `lines` and `deliver-by`, if the order
    /// was canceled before the delivery was planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<&'a CustomerId>,
    /// The items in the parcel.
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<&'a [DescribedLine]>,
    /// When the parcel should arrive.
    #[serde(skip_serializing_if = "Option::is_none")]
    deliver_by: Option<Timestamp>,
    /// Why the delivery was canceled; otherwise absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl<'a> ShownDelivery<'a> {
    fn of(delivery: &'a Delivery) -> Self {
        let plan = delivery.plan.as_ref();
        Self {
            order_id: &delivery.order_id,
            status: delivery.status,
            customer_id: plan.map(|plan| &plan.customer_id),
            lines: plan.map(|plan| plan.lines.as_slice()),
            deliver_by: plan.map(|plan| plan.deliver_by),
            reason: delivery.reason.as_deref(),
        }
    }
}

struct Get;

#[async_trait]
impl Endpoint for Get {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        let order_id: OrderId = request.parameter("order-id")?;
        let found = kernel.find::<Delivery>(&order_id).await?;
        let missing =
            || Problem::new(404, "not-found", format!("no delivery of order {order_id} is known"));
        let delivery = found.ok_or_else(missing)?.value;
        if let Some(plan) = &delivery.plan {
            request.owned_by(plan.customer_id.as_str())?;
        }
        let response = Response::json(200, serde_json::json!(ShownDelivery::of(&delivery)));
        // A delivery that was never planned names no customer, so the response has no owner. The
        // router sends such a response only to callers with a role, not to customers.
        let Some(plan) = delivery.plan else { return Ok(response) };
        Ok(response.of(plan.customer_id))
    }
}
