//! What callers may ask of a delivery.

use async_trait::async_trait;
use chorus_events::OrderId;
use chorus_events::callers::OWNER_OR_SHOP;
use chorus_http::{Endpoint, Problem, Request, Response, Route};
use chorus_kernel::Kernel;

use crate::Delivery;

/// `GET /deliveries/{order-id}`.
pub(crate) fn get_delivery() -> Route {
    Route::read("/deliveries/{order-id}", OWNER_OR_SHOP, Get)
        .summary("An order's delivery: how far it is, and when it should arrive", 200)
        .answers::<Delivery>()
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
        let response = Response::json(200, serde_json::json!(delivery));
        // A delivery that was never planned has no owner.
        let Some(plan) = delivery.plan else { return Ok(response) };
        Ok(response.of(plan.customer_id))
    }
}
