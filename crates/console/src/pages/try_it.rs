//! The page to try the shop: add an item, place an order as a customer whose orders fail in a
//! known way, and watch what happens.

use askama::Template;
use axum::Form;
use axum::extract::Query;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::work::key;
use crate::api::{ApiRequest, find, read};
use crate::page::{Done, ErrorPage, Frame, render};
use crate::{Console, show};

/// Customers whose ids select how the simulated partners behave, with the resulting behavior.
const CUSTOMERS: [(&str, &str); 8] = [
    ("ana", "everything goes well"),
    ("declined-dora", "the card is declined"),
    ("carrier-slow-carl", "the carrier takes its time"),
    ("carrier-cancels-cleo", "the carrier gives up"),
    ("carrier-down-cora", "the carrier cannot be reached"),
    ("carrier-silent-sam", "the carrier never calls back"),
    (
        "carrier-refuses-recall-rita",
        "if the order is canceled, the carrier refuses the recall, which becomes a dead letter",
    ),
    ("refund-refused-carrier-cancels-rolf", "the carrier gives up, and the refund is refused"),
];

#[derive(Template)]
#[template(path = "try.html")]
struct TryPage {
    frame: Frame,
    customers: [(&'static str, &'static str); 8],
    key: String,
}

pub(crate) async fn page(
    console: Console,
    Query(Done { done }): Query<Done>,
) -> Result<Response, ErrorPage> {
    let frame = Frame::of(&console, "try", "").with_done(done.as_deref());
    Ok(render(&TryPage { frame, customers: CUSTOMERS, key: key(&console)? }))
}

#[derive(Deserialize)]
pub(crate) struct NewItem {
    token: String,
    sku: String,
    name: String,
    price: String,
    stock: String,
}

/// Converts the text of a form field to a JSON number. Text that is not a number becomes a JSON
/// string, which the API then rejects.
fn number(typed: &str) -> Value {
    serde_json::from_str(typed).unwrap_or_else(|_| json!(typed))
}

pub(crate) async fn put_item(
    console: Console,
    headers: HeaderMap,
    Form(sent): Form<NewItem>,
) -> Result<Response, ErrorPage> {
    console.check_form(&headers, &sent.token)?;
    let NewItem { sku, name, price, stock, .. } = sent;
    let body = json!({ "name": name, "price": number(&price), "stock": number(&stock) });
    let ask = ApiRequest::put(format!("/items/{}", show::in_path(&sku)), body);
    let _: Value = read(console.api(), ask).await.map_err(ErrorPage::of(&console))?;
    Ok(super::work::done("/console/try", "item"))
}

#[derive(Deserialize)]
pub(crate) struct NewOrder {
    token: String,
    key: String,
    customer: String,
    sku: String,
    quantity: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Created {
    order_id: String,
}

/// Places an order for a customer; if the customer does not exist, creates the customer first.
pub(crate) async fn place(
    console: Console,
    headers: HeaderMap,
    Form(sent): Form<NewOrder>,
) -> Result<Response, ErrorPage> {
    console.check_form(&headers, &sent.token)?;
    let NewOrder { key, customer, sku, quantity, .. } = sent;
    let at = format!("/customers/{}", show::in_path(&customer));
    let known: Option<Value> =
        find(console.api(), ApiRequest::get(&at)).await.map_err(ErrorPage::of(&console))?;
    if known.is_none() {
        let email = format!("{customer}@example.com");
        let ask = ApiRequest::put(&at, json!({ "name": customer, "email": email }));
        let _: Value = read(console.api(), ask).await.map_err(ErrorPage::of(&console))?;
    }
    let body = json!({
        "customer-id": customer,
        "lines": [{ "sku": sku, "quantity": number(&quantity) }],
        "shipping-address": {
            "name": customer, "street": "Hauptstr. 1", "city": "Berlin", "country": "DE",
        },
    });
    let ask = ApiRequest::post("/orders", &key, body);
    let Created { order_id } = read(console.api(), ask).await.map_err(ErrorPage::of(&console))?;
    let path = format!("/console/orders/{}?done=placed", show::in_path(&order_id));
    Ok(Redirect::to(&path).into_response())
}
