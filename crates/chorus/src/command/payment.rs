//! `chorus payment`: shows an order's payment, retries a refused refund, and refunds a charge that
//! the shop has not recorded.

use std::process::ExitCode;
use std::sync::Arc;

use chorus_aws_operator::Operator;
use chorus_events::OrderId;
use chorus_kernel::Store;
use chorus_shop::audit::{self, Act};
use chorus_shop::unrecorded::{self, RefundedCharge};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::client::{ApiRequest, Client};
use crate::location::ShopLocation;
use crate::provider::provider_of;
use crate::screen::{BAD, BOLD, GOOD, line};
use crate::stack::{Stack, user};

/// Show a payment, retry a refused refund, or refund a charge that the shop has not recorded
///
/// Show an order's payment, ask the payment provider again for a refund that it refused, or make
/// the provider refund a charge that the shop has not recorded.
#[derive(Debug, Args)]
pub(crate) struct Payment {
    #[command(flatten)]
    shop: ShopLocation,
    #[command(flatten)]
    stack: Stack,
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
    /// Ask the payment provider again for a refund that it refused; exit 1 if the provider refuses
    /// again
    RetryRefund {
        /// The order's id
        order: OrderId,
        /// The request's idempotency key: a request with the same key makes no second retry
        #[arg(long, value_name = "KEY")]
        idempotency_key: Option<String>,
    },
    /// Make the payment provider refund an order's charges that the shop has not recorded
    RefundUnrecorded {
        /// The order's id
        order: OrderId,
    },
}

pub(crate) async fn run(payment: &Payment) -> anyhow::Result<ExitCode> {
    let operator = payment.stack.operator();
    let answer: Value = match (&payment.verb, &operator) {
        (Verb::RefundUnrecorded { order }, operator) => {
            let refunds = match operator {
                Some(operator) => refund_on_stack(operator, order).await?,
                None => refund_in_shop(&payment.shop.client()?, order).await?,
            };
            return conclude(&refunds, payment.json);
        }
        (_, Some(_)) => anyhow::bail!(
            "--stack works only with refund-unrecorded; for this command, name the stack's API with --url"
        ),
        (Verb::Show { order }, None) => {
            let path = format!("/payments/{order}");
            payment.shop.client()?.ask(ApiRequest::get(&path)).await?
        }
        (Verb::RetryRefund { order, idempotency_key }, None) => {
            let fresh = format!("cli-{}", Timestamp::now().as_nanosecond());
            let key = idempotency_key.as_deref().unwrap_or(&fresh);
            let path = format!("/payments/{order}/refund");
            let asked = ApiRequest::post(&path, json!({})).with_key(key);
            payment.shop.client()?.ask(asked).await?
        }
    };
    if payment.json {
        line!("{}", serde_json::to_string_pretty(&answer)?);
    } else {
        print(&answer);
    }
    Ok(if answer["status"] == "refund-refused" { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn refund_in_shop(client: &Client, order: &OrderId) -> anyhow::Result<Vec<RefundedCharge>> {
    let asked = ApiRequest::post("/operator/refund-unrecorded", json!({ "order-id": order }));
    client.ask(asked).await
}

/// Asks the stack's payment provider to refund the charges that the shop has not recorded, and
/// records the request and its result in the audit log.
async fn refund_on_stack(
    operator: &Operator,
    order: &OrderId,
) -> anyhow::Result<Vec<RefundedCharge>> {
    let store = Arc::new(operator.store().await?);
    let provider = provider_of(operator, Arc::clone(&store) as Arc<dyn Store>).await?;
    let intents = unrecorded::intents_of(&*store, &*provider, order).await??;
    let none = "nothing to refund: the shop has recorded every charge that the provider made for this order";
    anyhow::ensure!(!intents.is_empty(), none);
    let asked = json!({ "order-id": order });
    let act = Act { at: Timestamp::now(), by: &user(), what: "refund-unrecorded", asked };
    let begun = audit::begin(&*store, act).await?;
    let refunds = unrecorded::refund(&*provider, &intents).await.map_err(anyhow::Error::from);
    begun.end_with(&*store, refunds, |refunds| json!(refunds)).await
}

fn conclude(refunds: &[RefundedCharge], json: bool) -> anyhow::Result<ExitCode> {
    if json {
        line!("{}", serde_json::to_string_pretty(refunds)?);
    } else {
        for RefundedCharge { intent, refunded, refused } in refunds {
            match refused {
                None => line!("{BOLD}{intent}{BOLD:#}  {GOOD}{refunded} refunded{GOOD:#}"),
                Some(why) => line!("{BOLD}{intent}{BOLD:#}  {BAD}refused{BAD:#} ({why})"),
            }
        }
    }
    let refused = refunds.iter().any(|it| it.refused.is_some());
    Ok(if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
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
