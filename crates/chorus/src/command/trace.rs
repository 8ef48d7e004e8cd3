//! `chorus trace`: draws an order's events as a tree of causes.

use std::process::ExitCode;

use chorus_events::OrderId;
use clap::Args;

use crate::location::ShopLocation;
use crate::screen::line;
use crate::timeline::Timeline;

/// Draw an order's events as a tree of causes
///
/// The tree is drawn from the event log, with times, services, retries and the steps of the order's
/// state machines.
#[derive(Debug, Args)]
pub(crate) struct Trace {
    /// The order's id
    order: OrderId,
    #[command(flatten)]
    shop: ShopLocation,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(trace: &Trace) -> anyhow::Result<ExitCode> {
    let timeline = Timeline::read(&trace.shop.client()?, trace.order.as_str()).await?;
    if trace.json {
        let Timeline { events, attempts, executions, .. } = timeline;
        let printed = serde_json::json!({
            "events": events, "attempts": attempts, "executions": executions,
        });
        line!("{}", serde_json::to_string_pretty(&printed)?);
    } else {
        timeline.print_tree()?;
    }
    Ok(ExitCode::SUCCESS)
}
