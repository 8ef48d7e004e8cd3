//! `chorus review`: lists the orders of high value that wait for a reviewer, and approves or
//! declines them.

use std::process::ExitCode;

use chorus_events::OrderId;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::client::{ApiRequest, Client};
use crate::location::ShopLocation;
use crate::screen::{BOLD, DIM, GOOD, line};

/// List the orders that wait for a reviewer, and approve or decline them
#[derive(Debug, Args)]
pub(crate) struct Review {
    #[command(flatten)]
    shop: ShopLocation,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the reviews that are not decided
    List,
    /// Approve an order: it is charged
    Approve(Decision),
    /// Decline an order: it is canceled
    Decline(Decision),
    /// Report that you have begun the review of an order: its payment waits longer for the decision
    Take(Decision),
}

#[derive(Debug, Args)]
struct Decision {
    /// The order's id
    order: OrderId,
    /// A note that is stored with the review; for `decline`, the reason that the customer gets
    #[arg(long)]
    reason: Option<String>,
}

pub(crate) async fn run(review: &Review) -> anyhow::Result<ExitCode> {
    let client = review.shop.client()?;
    let answer = match &review.verb {
        Verb::List => list(&client).await?,
        Verb::Approve(decision) => decide(&client, "approve", decision).await?,
        Verb::Decline(decision) => decide(&client, "decline", decision).await?,
        Verb::Take(decision) => decide(&client, "take", decision).await?,
    };
    if review.json {
        line!("{}", serde_json::to_string_pretty(&answer)?);
        return Ok(ExitCode::SUCCESS);
    }
    let reviews = answer["reviews"].as_array().map_or(std::slice::from_ref(&answer), Vec::as_slice);
    if reviews.is_empty() {
        line!("{GOOD}No review waits for a decision.{GOOD:#}");
    }
    reviews.iter().for_each(print);
    Ok(ExitCode::SUCCESS)
}

/// Reads all pages of pending reviews into one list.
async fn list(client: &Client) -> anyhow::Result<Value> {
    let (mut reviews, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/reviews?limit=100{cursor}");
        let page: Value = client.ask(ApiRequest::get(&path)).await?;
        reviews.extend(page["reviews"].as_array().cloned().unwrap_or_default());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(json!({ "reviews": reviews })),
        }
    }
}

/// Decides the review. Reads the review's current handle first, because the request has to contain
/// it.
async fn decide(client: &Client, verdict: &str, decision: &Decision) -> anyhow::Result<Value> {
    let Decision { order, reason } = decision;
    let path = format!("/reviews/{order}");
    let review: Value = client.ask(ApiRequest::get(&path)).await?;
    let handle = review["handle"].as_str();
    let handle = handle.ok_or_else(|| {
        anyhow::anyhow!("the payment of order {order} does not wait for a review yet: try again in a few seconds")
    })?;
    let body = json!({ "verdict": verdict, "handle": handle, "reason": reason });
    let key = format!("cli-{}", Timestamp::now().as_nanosecond());
    client.ask(ApiRequest::post(&path, body).with_key(&key)).await
}

fn print(review: &Value) {
    let text = |field: &str| review[field].as_str().unwrap_or_default().to_owned();
    let (order, customer) = (text("order-id"), text("customer-id"));
    let placed: Option<Timestamp> = text("placed-at").parse().ok();
    let since = placed.map(|at| format!("since {at:.0}")).unwrap_or_default();
    let state = match (review["verdict"].as_str(), review["reviewer"].as_str()) {
        (Some(verdict), Some(reviewer)) => format!("{verdict} by {reviewer}"),
        (None, Some(reviewer)) => format!("taken up by {reviewer}"),
        _ if review["closed"] == true => "closed: the order was canceled".to_owned(),
        _ if review["handle"].is_null() => {
            "the payment does not wait for the review yet".to_owned()
        }
        _ => "waits".to_owned(),
    };
    line!("{BOLD}{order}{BOLD:#}  {}  {customer}  {state}  {DIM}{since}{DIM:#}", review["total"]);
}
