//! `chorus export`: prints the data of a customer, as one JSON document.

use std::process::ExitCode;

use chorus_events::CustomerId;
use clap::Args;
use serde_json::{Map, Value, json};

use crate::client::{ApiRequest, Client};
use crate::location::ShopLocation;
use crate::screen::line;

/// Print the data of a customer, as JSON
///
/// Prints the customer's name and email address, and for each of their orders the address, the
/// events, the payment and the delivery. Does not print emails that were sent, nor who reviewed an
/// order.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The customer's id
    customer: CustomerId,
    #[command(flatten)]
    shop: ShopLocation,
}

pub(crate) async fn run(export: &Export) -> anyhow::Result<ExitCode> {
    let client = export.shop.client()?;
    let customer = &export.customer;
    let (mut orders, mut elsewhere, mut cursor) = (Vec::new(), Map::new(), String::new());
    loop {
        let path = format!("/customers/{customer}/export?limit=100{cursor}");
        let page: Value = client.ask(ApiRequest::get(&path)).await?;
        orders.extend(page["orders"].as_array().cloned().unwrap_or_default());
        let paths = page["elsewhere"].as_array().cloned().unwrap_or_default();
        for path in paths.iter().filter_map(Value::as_str) {
            if !elsewhere.contains_key(path) {
                elsewhere.extend(found(&client, path).await?.map(|kept| (path.to_owned(), kept)));
            }
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let kept = json!({ "customer-id": customer, "orders": orders, "elsewhere": elsewhere });
    line!("{}", serde_json::to_string_pretty(&kept)?);
    Ok(ExitCode::SUCCESS)
}

/// Reads a path of the API. Returns `None` if the API answers 404.
async fn found(client: &Client, path: &str) -> anyhow::Result<Option<Value>> {
    let (status, kept) = client.send(ApiRequest::get(path)).await?;
    match status {
        404 => Ok(None),
        200 => Ok(Some(kept)),
        _ => anyhow::bail!("GET {path} answered {status}"),
    }
}
