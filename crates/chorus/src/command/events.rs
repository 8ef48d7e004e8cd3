//! `chorus events`: lists the events of one order, or the newest events of all orders.

use std::process::ExitCode;

use chorus_events::OrderId;
use clap::Args;
use jiff::Timestamp;
use serde_json::Value;

use crate::client::ApiRequest;
use crate::location::ShopLocation;
use crate::screen::{BOLD, DIM, line};
use crate::timeline::Timeline;

/// List the events of an order, or the newest events of all orders
#[derive(Debug, Args)]
pub(crate) struct Events {
    /// Only events of this order
    #[arg(long, value_name = "ORDER")]
    order: Option<OrderId>,
    /// How many of the newest events to list
    #[arg(long, value_name = "N", default_value_t = 20, conflicts_with = "order")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=10_000))]
    last: u64,
    #[command(flatten)]
    shop: ShopLocation,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(events: &Events) -> anyhow::Result<ExitCode> {
    let client = events.shop.client()?;
    if let Some(order) = &events.order {
        let timeline = Timeline::read(&client, order.as_str()).await?;
        if events.json {
            line!("{}", serde_json::to_string_pretty(&timeline.events)?);
        } else {
            timeline.print_lines()?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let path = format!("/operator/recent-events?last={}", events.last);
    let newest: Vec<Value> = client.ask(ApiRequest::get(&path)).await?;
    if events.json {
        line!("{}", serde_json::to_string_pretty(&newest)?);
        return Ok(ExitCode::SUCCESS);
    }
    for event in &newest {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let occurred = &event["detail"]["metadata"]["occurred-at"];
        let time: Timestamp = serde_json::from_value(occurred.clone())?;
        let kind = text(&event["detail-type"]);
        let (source, order) =
            (text(&event["source"]), text(&event["detail"]["metadata"]["correlation-id"]));
        line!("{DIM}{time:.3}{DIM:#}  {source:<18}  {BOLD}{kind:<26}{BOLD:#}  {order}");
    }
    Ok(ExitCode::SUCCESS)
}
