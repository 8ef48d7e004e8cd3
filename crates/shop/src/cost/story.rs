//! Runs an order whose cost is measured: sends the requests of the customer, the reviewer and the
//! carrier to the API.

use axum::body::Body;
use axum::http::Request;
use axum::http::request::Builder;
use chorus_delivery::CarrierCallback;
use chorus_events::OrderId;
use chorus_http::Caller;
use chorus_table::IdentifierError;
use chorus_webhook_signature::headers;
use serde_json::{Value, json};

use super::measured::MeasuredShop;
use super::{CostError, MeasuredOrder, Story};

const CUSTOMER: &str = "ana";

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// The price of an item, so low that an order with many lines needs no review.
const CHEAP: f64 = 4.5;

/// The price of an item, so high that an order with one line needs a review.
const DEAR: f64 = 1_250.0;

/// Adds the order's items and its customer to the shop; this is not part of an order's cost.
pub(super) async fn seed(shop: &MeasuredShop, order: MeasuredOrder) -> Result<(), CostError> {
    let price = if order.story == Story::Reviewed { DEAR } else { CHEAP };
    for line in 0..order.lines {
        let item = json!({ "name": "Chai", "price": price, "stock": 100 });
        let path = format!("/items/item-{line}");
        shop.request("PutItem", request(Request::put(path), &item)?).await?;
    }
    let customer = json!({ "name": "Ana", "email": "ana@example.com" });
    let path = format!("/customers/{CUSTOMER}");
    shop.request("PutCustomer", request(Request::put(path), &customer)?).await?;
    Ok(())
}

/// Places the order, runs the order to its end, and returns the order's id.
pub(super) async fn play(shop: &MeasuredShop, order: MeasuredOrder) -> Result<String, CostError> {
    let line = |line: u32| json!({ "sku": format!("item-{line}"), "quantity": 1 });
    let body = json!({
        "customer-id": CUSTOMER,
        "lines": (0..order.lines).map(line).collect::<Vec<_>>(),
        "shipping-address": {
            "name": "Ana Trujillo", "street": "Obere Str. 57", "city": "Berlin",
            "postal-code": "12209", "country": "DE",
        },
    });
    let placing = Request::post("/orders").header("idempotency-key", "a-measured-order");
    let mut placing = request(placing, &body)?;
    // A customer places the order, because the kernel counts the orders of a customer, and this
    // count is part of the cost.
    placing.extensions_mut().insert(Caller::customer(CUSTOMER));
    let placed = shop.request("CreateOrder", placing).await?;
    let order_id = placed["order-id"].as_str().unwrap_or_default().to_owned();
    match order.story {
        Story::Delivered => deliver(shop, &order_id).await?,
        Story::Canceled => cancel(shop, &order_id).await?,
        Story::Reviewed => {
            approve(shop, &order_id).await?;
            deliver(shop, &order_id).await?;
        }
    }
    ends_as_it_should(shop, &order_id, order.story).await?;
    Ok(order_id)
}

async fn deliver(shop: &MeasuredShop, order_id: &str) -> Result<(), CostError> {
    let order: OrderId = order_id.parse().map_err(|error: IdentifierError| {
        CostError::Unreadable("POST /orders".to_owned(), error.to_string())
    })?;
    let handle = CarrierCallback::handle(&order);
    let asked = json!({ "order-id": order_id, "handle": handle });
    let signed = |path, id, body: &Value| {
        let bytes = body.to_string().into_bytes();
        let headers = headers(&crate::shop::secret(), id, shop.now(), &bytes).into_iter();
        let signed = headers.fold(Request::post(path), |it, (name, value)| it.header(name, value));
        request(signed, body)
    };
    shop.request("ShowAddress", signed("/webhooks/address", "address", &asked)?).await?;
    for status in ["DeliveryStarted", "Delivered"] {
        let body = json!({ "order-id": order_id, "handle": handle, "status": status });
        shop.request("RelayLogistics", signed("/webhooks/logistics", status, &body)?).await?;
    }
    Ok(())
}

async fn cancel(shop: &MeasuredShop, order_id: &str) -> Result<(), CostError> {
    let canceling = Request::post(format!("/orders/{order_id}/cancel"));
    let body = json!({ "reason": "changed my mind" });
    shop.request("CancelOrder", request(canceling, &body)?).await?;
    Ok(())
}

async fn approve(shop: &MeasuredShop, order_id: &str) -> Result<(), CostError> {
    let path = format!("/reviews/{order_id}");
    let review = shop.ask(request(Request::get(&path), &Value::Null)?).await?;
    let verdict = json!({ "verdict": "approve", "handle": review["handle"] });
    shop.request("ReviewOrder", request(Request::post(path), &verdict)?).await?;
    Ok(())
}

/// Fails if the order's status is not the status with which its story ends.
async fn ends_as_it_should(
    shop: &MeasuredShop,
    order_id: &str,
    story: Story,
) -> Result<(), CostError> {
    let path = format!("/orders/{order_id}");
    let order = shop.ask(request(Request::get(path), &Value::Null)?).await?;
    let ends = if story == Story::Canceled { "Canceled" } else { "Delivered" };
    if order["status"] == ends {
        return Ok(());
    }
    Err(CostError::Unfinished { expected: ends, order: order.to_string() })
}

/// Builds a request with a trace header, because real callers send one. Every record and event of
/// the order stores the trace, and these bytes are part of the cost.
fn request(builder: Builder, body: &Value) -> Result<Request<Body>, CostError> {
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    Ok(builder.header("traceparent", TRACE).body(body)?)
}
