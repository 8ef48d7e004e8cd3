//! `chorus settle`: records that an operator has handled the doctor's findings about an order.

use std::process::ExitCode;

use chorus_events::OrderId;
use chorus_shop::audit;
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::client::ApiRequest;
use crate::location::ShopLocation;
use crate::screen::{GOOD, line};
use crate::stack::{Stack, user};

/// Record that an operator has handled what `chorus doctor` reported about an order
///
/// From then on, `chorus doctor` does not report the errors that the order had until now. The order
/// itself is not changed.
#[derive(Debug, Args)]
pub(crate) struct Settle {
    /// The order's id
    order: OrderId,
    /// How the finding was handled, for the audit log
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    shop: ShopLocation,
    #[command(flatten)]
    stack: Stack,
}

pub(crate) async fn run(settle: &Settle) -> anyhow::Result<ExitCode> {
    let Settle { order, reason, .. } = settle;
    if let Some(operator) = settle.stack.operator() {
        let store = operator.store().await?;
        audit::settle(&store, &user(), Timestamp::now(), order.as_str(), reason).await?;
    } else {
        let body = json!({ "order-id": order, "reason": reason });
        let answer: Value =
            settle.shop.client()?.ask(ApiRequest::post("/operator/settle", body)).await?;
        tracing::debug!(%answer, "settled");
    }
    line!("{GOOD}Settled.{GOOD:#} `chorus dlq audit` lists this settlement.");
    Ok(ExitCode::SUCCESS)
}
