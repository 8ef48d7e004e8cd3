//! A shop's stock and money, order by order and item by item: read from the shop's operator route
//! or, if the shop has none, computed from the orders and items that the shop's API shows.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use chorus_events::{Money, OrderId, Sku};
use chorus_order::Status;
use chorus_shop::{Accounts, ItemAccount, OrderAccount};
use serde::Deserialize;

use super::northwind::Northwind;
use crate::client::{ApiRequest, Client};

/// An item, as `GET /items/{sku}` shows it.
#[derive(Debug, Deserialize)]
struct Item {
    sku: Sku,
    available: u64,
    reserved: u64,
    sold: u64,
}

/// An order, as `GET /orders/{id}` shows it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Order {
    order_id: OrderId,
    status: Status,
    total: Money,
    reason: Option<String>,
    lines: Vec<Line>,
}

#[derive(Debug, Deserialize)]
struct Line {
    sku: Sku,
    quantity: u64,
}

/// A payment, as `GET /payments/{order-id}` shows it.
#[derive(Debug, Default, Deserialize)]
struct Payment {
    charged: Money,
    refunded: Money,
}

pub(crate) async fn read(
    client: &Client,
    northwind: &Northwind,
    orders: &[String],
) -> anyhow::Result<Accounts> {
    let (status, answer) = client.send(ApiRequest::get("/operator/accounts")).await?;
    match status {
        200 => serde_json::from_value(answer)
            .context("the response to GET /operator/accounts cannot be parsed"),
        404 => piece_by_piece(client, northwind, orders).await,
        _ => bail!("the shop's accounts cannot be read: the shop answered {status}: {answer}"),
    }
}

async fn piece_by_piece(
    client: &Client,
    northwind: &Northwind,
    orders: &[String],
) -> anyhow::Result<Accounts> {
    let mut items = Vec::new();
    for product in &northwind.products {
        let path = format!("/items/{}", product.sku());
        let Item { sku, available, reserved, sold } = client.ask(ApiRequest::get(&path)).await?;
        let received = available + reserved + sold;
        items.push(ItemAccount { sku, received, available, reserved, sold });
    }
    items.sort_by(|a, b| a.sku.cmp(&b.sku));
    let (mut accounts, mut delivered) = (Vec::new(), BTreeMap::new());
    for id in orders {
        let order: Order = client.ask(ApiRequest::get(&format!("/orders/{id}"))).await?;
        if order.status == Status::Delivered {
            for Line { sku, quantity } in &order.lines {
                *delivered.entry(sku.clone()).or_default() += quantity;
            }
        }
        accounts.push(account(order, &payment(client, id).await?));
    }
    Ok(Accounts::reconciled(items, accounts, &delivered))
}

/// Reads the order's payment. If the order was canceled before it had a payment, returns a payment
/// with zero amounts.
async fn payment(client: &Client, order: &str) -> anyhow::Result<Payment> {
    let (status, answer) = client.send(ApiRequest::get(&format!("/payments/{order}"))).await?;
    match status {
        200 => serde_json::from_value::<Payment>(answer)
            .with_context(|| format!("the payment of {order} cannot be parsed")),
        404 => Ok(Payment::default()),
        _ => bail!("the payment of {order} cannot be read: the shop answered {status}: {answer}"),
    }
}

/// Returns an order with the money that was moved for it. In the result, `charges` is 1 if the
/// order was charged, and otherwise 0: only the payment provider's ledger, not the API, shows how
/// many times an order was charged.
fn account(order: Order, payment: &Payment) -> OrderAccount {
    let Order { order_id, status, total, reason, .. } = order;
    let Payment { charged, refunded } = *payment;
    let charges = usize::from(charged > Money::ZERO);
    OrderAccount { order_id, status, total, reason, charged, charges, refunded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_the_api_are_read_as_they_are() {
        let order = serde_json::json!({
            "order-id": "1073459984", "customer-id": "456", "status": "Canceled", "total": 4.5,
            "lines": [{ "sku": "chai", "quantity": 2, "unit-price": 2.25 }],
            "reason": "not in stock: chai", "placed-at": "2026-11-20T10:47:00Z",
        });
        let order: Order = serde_json::from_value(order).unwrap();
        let paid = serde_json::json!({ "charged": 4.5, "refunded": 4.5, "status": "x" });
        let account = account(order, &serde_json::from_value(paid).unwrap());
        assert_eq!((account.status, account.charges), (Status::Canceled, 1));
        assert_eq!(account.charged, account.refunded);
    }
}
