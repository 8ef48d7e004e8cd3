//! `chorus payment`: shows an order's payment, and retries a refused refund.

use std::process::ExitCode;

use chorus_events::OrderId;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::client::ApiRequest;
use crate::location::ShopLocation;
use crate::screen::{BAD, BOLD, GOOD, line};

/// Show a payment, and have a refused refund tried again
///
/// Show an order's payment, or ask the payment provider again for a refund that it refused.
#[derive(Debug, Args)]
pub(crate) struct Payment {
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
    /// Show what was charged and refunded for an order
    Show {
        /// The order's id
        order: OrderId,
    },
    /// Ask the payment provider again for a refund that it refused; fails if it refuses again
    RetryRefund {
        /// The order's id
        order: OrderId,
        /// The request's idempotency key: a request with the same key makes no second retry
        #[arg(long, value_name = "KEY")]
        idempotency_key: Option<String>,
    },
}

pub(crate) async fn run(payment: &Payment) -> anyhow::Result<ExitCode> {
    let client = payment.shop.client()?;
    let answer: Value = match &payment.verb {
        Verb::Show { order } => client.ask(ApiRequest::get(&format!("/payments/{order}"))).await?,
        Verb::RetryRefund { order, idempotency_key } => {
            let fresh = format!("cli-{}", Timestamp::now().as_nanosecond());
            let key = idempotency_key.as_deref().unwrap_or(&fresh);
            let path = format!("/payments/{order}/refund");
            client.ask(ApiRequest::post(&path, json!({})).with_key(key)).await?
        }
    };
    if payment.json {
        line!("{}", serde_json::to_string_pretty(&answer)?);
    } else {
        print(&answer);
    }
    Ok(if answer["status"] == "refund-refused" { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print(answer: &Value) {
    let text = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
    let (order, status) = (text("order-id"), text("status"));
    let refused = status == "refund-refused";
    let colour = if refused { BAD } else { GOOD };
    let (charged, refunded) = (&answer["charged"], &answer["refunded"]);
    let reason = if refused { format!("  ({})", text("reason")) } else { String::new() };
    line!(
        "{BOLD}{order}{BOLD:#}  {colour}{status}{colour:#}  {charged} charged, {refunded} refunded{reason}"
    );
}
