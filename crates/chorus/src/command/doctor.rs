//! `chorus doctor`: problems of a shop, with the command that fixes each.

mod print;

use std::process::ExitCode;

use chorus_aws_operator::{EndedExecution, Operator};
use chorus_shop::doctor::{
    Checkup, DeployedRule, Depth, FailedExecution, Redriven, drift, examine, has_ended,
};
use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::replay::moment;
use crate::client::ApiRequest;
use crate::location::ShopLocation;
use crate::screen::line;
use crate::stack::Stack;

/// Report problems, with the command that fixes each
///
/// Report orders that wait for an event that is overdue, errors that an operator must look at,
/// money and stock that do not add up, failed executions, unpublished records, partners that do not answer, events
/// that are tried again, dead letters, and rules on the bus that differ from the design table; with the command that fixes each. Exit 1 if
/// there is a problem.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Only orders placed since: a time, or how long ago, such as 2h [default: 15 days ago]
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Timestamp>,
    #[command(flatten)]
    shop: ShopLocation,
    #[command(flatten)]
    stack: Stack,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(doctor: &Doctor) -> anyhow::Result<ExitCode> {
    let checkup = match doctor.stack.operator() {
        Some(operator) => deployed(doctor.since, &operator).await?,
        None => embedded(doctor).await?,
    };
    if doctor.json {
        line!("{}", serde_json::to_string_pretty(&checkup)?);
    } else {
        print::print(&checkup);
    }
    Ok(if checkup.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn embedded(doctor: &Doctor) -> anyhow::Result<Checkup> {
    let client = doctor.shop.client()?;
    let since = doctor.since.map(|since| format!("?since={since}")).unwrap_or_default();
    let checkup: Checkup = client.ask(ApiRequest::get(&format!("/operator/doctor{since}"))).await?;
    let rules: Vec<DeployedRule> = client.ask(ApiRequest::get("/operator/rules")).await?;
    Ok(Checkup { drift: drift(&rules, &chorus_events::table::TABLE.rules()), ..checkup })
}

/// Examines a stack: its tables, queues, executions and rules on AWS.
pub(crate) async fn deployed(
    since: Option<Timestamp>,
    operator: &Operator,
) -> anyhow::Result<Checkup> {
    let now = Timestamp::now();
    let since = since.unwrap_or(now - SignedDuration::from_hours(24 * 15));
    let store = operator.store().await?;
    let checkup = examine(&store, now, since).await?;
    let queues = operator.dead_queues().await?.into_iter().filter(|queue| queue.letters > 0);
    let dead_letters =
        queues.map(|queue| Depth { queue: queue.name, letters: queue.letters }).collect();
    let redriven = operator.redrive_queues().await?.into_iter().filter(|queue| queue.letters > 0);
    let redriven =
        redriven.map(|queue| Redriven { queue: queue.name, events: queue.letters, since: None });
    let redriven = redriven.collect();
    let mut failed_executions = Vec::new();
    for ended in operator.failed_executions(since).await? {
        let EndedExecution { machine, name, correlation_id, status } = ended;
        if !has_ended(&store, &correlation_id).await? {
            let (execution, order_id) = (name, correlation_id);
            failed_executions.push(FailedExecution { machine, execution, order_id, status });
        }
    }
    let rules = operator.rules().await?.into_iter();
    let rules: Vec<DeployedRule> =
        rules.map(|(name, pattern)| DeployedRule { name, pattern }).collect();
    let drift = drift(&rules, &chorus_events::table::TABLE.rules());
    Ok(Checkup { redriven, dead_letters, failed_executions, drift, ..checkup })
}
