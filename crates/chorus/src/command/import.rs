//! `chorus import`: imports Northwind's items, customers and orders, through the API.

mod books;
mod idle_check;
mod northwind;
mod summary;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use chorus_shop::{Shop, ShopConfig};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::client::{ApiRequest, Client};
use crate::location::{running_in, url};
use idle_check::IdleCheck;
use northwind::{Northwind, PlacedOrder};

/// How long one order may take before the import fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// Fill a shop with Northwind's items and customers, and place its 830 orders
///
/// Imports Northwind's 77 products and 91 customers first, then places its orders by date. Each
/// order ends before the next order is placed. A second import changes nothing.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("shop").required(true))]
pub(crate) struct Import {
    /// The folder with products.csv, customers.csv, orders.csv and order_details.csv
    folder: PathBuf,
    /// The shop's directory; it is created if it does not exist
    #[arg(long, value_name = "DIR", group = "shop")]
    data: Option<PathBuf>,
    /// The address of a shop that is running
    #[arg(long, value_name = "URL", group = "shop", value_parser = url)]
    url: Option<String>,
    /// The token for the shop's API, as `chorus token` prints it. It must have the role staff. To
    /// read the shop's accounts of items and money, it must also have the role operator
    #[arg(long, value_name = "TOKEN", env = "CHORUS_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// The token of a reviewer, who approves orders of high value. The caller who places an order
    /// may not approve it
    #[arg(long, value_name = "TOKEN", env = "CHORUS_REVIEWER_TOKEN", hide_env_values = true)]
    reviewer_token: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The shop to import into. The shop runs already, or is started for the import.
struct Target {
    client: Client,
    /// The client that calls as the reviewer.
    reviewer: Client,
    own: Option<Shop>,
}

pub(crate) async fn run(import: &Import) -> anyhow::Result<ExitCode> {
    let northwind = Northwind::read(&import.folder)?;
    let target = target(import).await?;
    let orders = fill(&target, &northwind, import.json).await?;
    let accounts = books::read(&target.client, &northwind, &orders).await?;
    if let Some(shop) = target.own {
        shop.stop().await?;
    }
    summary::print(&northwind, &accounts, import.json)?;
    Ok(if accounts.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn target(import: &Import) -> anyhow::Result<Target> {
    let remote = |url: &str| {
        let client = Client::remote(url).with_token(import.token.clone());
        let reviewer = import.reviewer_token.as_ref().or(import.token.as_ref());
        let reviewer = Client::remote(url).with_token(reviewer.cloned());
        Target { client, reviewer, own: None }
    };
    if let Some(url) = &import.url {
        return Ok(remote(url));
    }
    let data = import.data.clone().context("name the shop by --data or --url")?;
    if let Some(url) = running_in(&data) {
        return Ok(remote(&url));
    }
    let config = ShopConfig {
        data: Some(data),
        pickup_after: Duration::ZERO,
        delivery_after: Duration::ZERO,
        ..ShopConfig::default()
    };
    let shop = Shop::start(&config).await?;
    let url = shop.url().context("the shop's API is not running")?;
    let (client, reviewer) = (Client::remote(&url), Client::remote(&url));
    Ok(Target { client, reviewer, own: Some(shop) })
}

/// Imports the items, the customers and the orders; returns the ids of the orders.
async fn fill(target: &Target, shop: &Northwind, quiet: bool) -> anyhow::Result<Vec<String>> {
    let client = &target.client;
    let (progress, idle_check) = (progress(shop, quiet)?, IdleCheck::of(client).await?);
    progress.set_message("products");
    for product in &shop.products {
        let body = json!({
            "name": product.name, "price": product.price, "stock": product.stock,
            "discontinued": product.discontinued,
        });
        let key = format!("northwind-product-{}", product.id);
        let path = format!("/items/{}", product.sku());
        client.ask::<Value>(ApiRequest::put(&path, body).with_key(&key)).await?;
        progress.inc(1);
    }
    progress.set_message("customers");
    for customer in &shop.customers {
        // Northwind has no email addresses, so each customer gets an invented address.
        let email = format!("{}@northwind.example", customer.id.to_lowercase());
        let body = json!({ "name": customer.company, "email": email });
        let key = format!("northwind-customer-{}", customer.id);
        let path = format!("/customers/{}", customer.id);
        client.ask::<Value>(ApiRequest::put(&path, body).with_key(&key)).await?;
        progress.inc(1);
    }
    progress.set_message("settling");
    idle_check.wait_until_idle(client, &[]).await?;
    progress.set_message("orders");
    let mut ids = Vec::new();
    for order in &shop.orders {
        let placed = carry_out(target, idle_check, order).await;
        ids.push(placed.with_context(|| format!("order {} was not imported", order.id))?);
        progress.inc(1);
    }
    idle_check.wait_until_idle(client, &[]).await?;
    progress.finish_and_clear();
    Ok(ids)
}

/// Places one order, and waits until the order has ended, so that scarce stock goes to the earliest
/// orders.
async fn carry_out(
    target: &Target,
    idle_check: IdleCheck,
    order: &PlacedOrder,
) -> anyhow::Result<String> {
    let client = &target.client;
    let key = format!("northwind-order-{}", order.id);
    let placed =
        idle_check.place(client, &ApiRequest::post("/orders", order.body()).with_key(&key)).await?;
    let id = placed["order-id"]
        .as_str()
        .context("the response to POST /orders must have an order-id")?
        .to_owned();
    let ending = async {
        loop {
            let now: Value = client.ask(ApiRequest::get(&format!("/orders/{id}"))).await?;
            if now["status"] != "Open" {
                return anyhow::Ok(());
            }
            if now["payment"]["status"] == "in-review" {
                approve(&target.reviewer, &id).await?;
            }
            tokio::time::sleep(idle_check.pause()).await;
        }
    };
    tokio::time::timeout(PATIENCE, ending)
        .await
        .with_context(|| format!("order {id} did not end within {} s", PATIENCE.as_secs()))??;
    // If the order was canceled, waits until its reserved pieces are available again, because the
    // next order may need them.
    idle_check.wait_until_idle(client, &order.skus()).await?;
    Ok(id)
}

/// Approves the order if it waits for a review.
async fn approve(client: &Client, order_id: &str) -> anyhow::Result<()> {
    let path = format!("/reviews/{order_id}");
    let (_, review) = client.send(ApiRequest::get(&path)).await?;
    let Some(handle) = review["handle"].as_str() else {
        return Ok(()); // The payment has not requested the review yet.
    };
    let body = json!({ "verdict": "approve", "handle": handle });
    let (status, answer) = client.send(ApiRequest::post(&path, body)).await?;
    match status {
        // 404: the Fraud service has not received the order yet.
        200..=299 | 404 => Ok(()),
        _ => bail!("POST /reviews answered {status}: {answer}"),
    }
}

fn progress(northwind: &Northwind, quiet: bool) -> anyhow::Result<ProgressBar> {
    if quiet {
        return Ok(ProgressBar::hidden());
    }
    let steps = northwind.products.len() + northwind.customers.len() + northwind.orders.len();
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg} {per_sec} {eta}")?;
    Ok(ProgressBar::new(steps as u64).with_style(style))
}
