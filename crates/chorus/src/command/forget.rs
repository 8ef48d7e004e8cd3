//! `chorus forget`: makes a customer's personal data unreadable everywhere.

use std::process::ExitCode;

use chorus_events::CustomerId;
use clap::Args;
use serde_json::{Value, json};

use crate::client::{ApiRequest, Client};
use crate::location::ShopLocation;
use crate::screen::{BAD, BOLD, DIM, GOOD, called, line};

/// Forget a customer: make their personal data unreadable everywhere
///
/// Destroys the key under which their name, address and email are encrypted in every event, record,
/// log and archive. Without --yes, print what would happen, and change nothing.
#[derive(Debug, Args)]
pub(crate) struct Forget {
    /// The customer's id
    customer: CustomerId,
    /// Forget the customer (default: dry run)
    #[arg(long)]
    yes: bool,
    /// Forget the customer despite their open orders, which then cannot be delivered
    #[arg(long)]
    despite_orders_under_way: bool,
    #[command(flatten)]
    shop: ShopLocation,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(forget: &Forget) -> anyhow::Result<ExitCode> {
    let client = forget.shop.client()?;
    let customer = &forget.customer;
    if !forget.yes {
        let preview = preview(&client, customer).await?;
        if forget.json {
            line!("{}", serde_json::to_string_pretty(&preview)?);
        } else {
            print_preview(&preview);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let despite = forget.despite_orders_under_way;
    let path = format!("/customers/{customer}?despite-orders-under-way={despite}");
    let answer: Value = client.ask(ApiRequest::delete(&path)).await?;
    if forget.json {
        line!("{}", serde_json::to_string_pretty(&answer)?);
        return Ok(ExitCode::SUCCESS);
    }
    let at = answer["forgotten-at"].as_str().unwrap_or_default();
    line!("{GOOD}Forgotten{GOOD:#}: {BOLD}{customer}{BOLD:#}  {DIM}{at}{DIM:#}");
    print_left(&answer["left"]);
    Ok(ExitCode::SUCCESS)
}

/// Returns whether the customer is known, and which of their orders are open.
async fn preview(client: &Client, customer: &CustomerId) -> anyhow::Result<Value> {
    let (status, known) = client.send(ApiRequest::get(&format!("/customers/{customer}"))).await?;
    let path = format!("/orders?customer-id={customer}&status=Open&limit=100");
    let open: Value = client.ask(ApiRequest::get(&path)).await?;
    let orders = open["orders"].as_array().map_or(&[][..], Vec::as_slice);
    let under_way: Vec<&Value> = orders.iter().map(|order| &order["order-id"]).collect();
    Ok(json!({
        "customer-id": customer,
        "is-known": status == 200,
        "revision": known["revision"],
        "orders-under-way": under_way,
    }))
}

fn print_preview(preview: &Value) {
    let customer = preview["customer-id"].as_str().unwrap_or_default();
    let known =
        if preview["is-known"] == true { "is known" } else { "is not known, or was forgotten" };
    line!("{BOLD}{customer}{BOLD:#} {known}.");
    let under_way = preview["orders-under-way"].as_array().map_or(&[][..], Vec::as_slice);
    for order in under_way {
        let order = order.as_str().unwrap_or_default();
        line!(
            "{BAD}order {order} is under way{BAD:#}: once the customer is forgotten, it cannot be delivered"
        );
    }
    let despite = if under_way.is_empty() { "" } else { " --despite-orders-under-way" };
    line!(
        "Nothing was changed. `{} forget {customer} --yes{despite}` destroys the key under which \
         everything about {customer} is encrypted. This cannot be undone.",
        called()
    );
}

fn print_left(left: &Value) {
    for what in left.as_array().map_or(&[][..], Vec::as_slice) {
        line!("  left: {}", what.as_str().unwrap_or_default());
    }
}
