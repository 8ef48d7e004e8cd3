//! `chorus doctor`: what is wrong in a shop, and where to look.

use std::process::ExitCode;

use chorus_aws_operator::Operator;
use chorus_shop::doctor::{Checkup, DeployedRule, Depth, Stuck, drift, examine};
use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::replay::moment;
use crate::client::Ask;
use crate::location::ShopLocation;
use crate::screen::{BAD, BOLD, DIM, GOOD, line};
use crate::stack::Stack;

/// Name orders that wait for an event that never came, records that nobody published, dead
/// letters, and where the rules on the bus differ from the design table. Fails where anything is
/// wrong.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Only orders placed since: a time, or how long ago, such as 2h [default: 15 days ago]
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Timestamp>,
    #[command(flatten)]
    place: ShopLocation,
    #[command(flatten)]
    stack: Stack,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(doctor: &Doctor) -> anyhow::Result<ExitCode> {
    let checkup = match doctor.stack.operator() {
        Some(operator) => deployed(doctor, &operator).await?,
        None => embedded(doctor).await?,
    };
    if doctor.json {
        line!("{}", serde_json::to_string_pretty(&checkup)?);
    } else {
        print(&checkup);
    }
    Ok(if checkup.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn embedded(doctor: &Doctor) -> anyhow::Result<Checkup> {
    let client = doctor.place.client()?;
    let since = doctor.since.map(|since| format!("?since={since}")).unwrap_or_default();
    let checkup: Checkup = client.ask(Ask::get(&format!("/operator/doctor{since}"))).await?;
    let rules: Vec<DeployedRule> = client.ask(Ask::get("/operator/rules")).await?;
    Ok(Checkup { drift: drift(&rules, &chorus_events::table::TABLE.rules()), ..checkup })
}

/// The same of a stack: its tables are read, its queues and rules asked for.
async fn deployed(doctor: &Doctor, operator: &Operator) -> anyhow::Result<Checkup> {
    let now = Timestamp::now();
    let since = doctor.since.unwrap_or(now - SignedDuration::from_hours(24 * 15));
    let store = operator.store().await?;
    let checkup = examine(&store, now, since).await?;
    let queues = operator.dead_queues().await?.into_iter().filter(|queue| queue.letters > 0);
    let dead_letters =
        queues.map(|queue| Depth { queue: queue.name, letters: queue.letters }).collect();
    let rules = operator.rules().await?.into_iter();
    let rules: Vec<DeployedRule> =
        rules.map(|(name, pattern)| DeployedRule { name, pattern }).collect();
    let drift = drift(&rules, &chorus_events::table::TABLE.rules());
    Ok(Checkup { dead_letters, drift, ..checkup })
}

fn print(checkup: &Checkup) {
    let Checkup { orders, stuck, unpublished, dead_letters, drift } = checkup;
    verdict(stuck.len(), &format!("of {orders} orders wait for an event that is overdue"));
    stuck.iter().for_each(print_stuck);
    verdict(unpublished.len(), "records are not published");
    for record in unpublished {
        let (action, key, since) = (&record.action, &record.idempotency_key, &record.recorded_at);
        line!("    {BOLD}{action}{BOLD:#} on the message with the key {key}, since {since}");
    }
    verdict(dead_letters.iter().map(|depth| depth.letters).sum(), "dead letters");
    for depth in dead_letters {
        line!("    {BOLD}{}{BOLD:#}: {}; see `chorus dlq list`", depth.queue, depth.letters);
    }
    verdict(drift.len(), "rules differ from the design table");
    drift.iter().for_each(|line| line!("    {line}"));
}

fn verdict(count: usize, what: &str) {
    let style = if count == 0 { GOOD } else { BAD };
    let mark = if count == 0 { "✓" } else { "✗" };
    line!("{style}{mark}{style:#} {count} {what}");
}

fn print_stuck(stuck: &Stuck) {
    let Stuck { order_id, after, action, within_seconds, overdue_seconds, .. } = stuck;
    let expected = stuck.expected.join(" or ");
    line!("    {BOLD}{order_id}{BOLD:#}: {action} answers {after} with {expected}");
    line!("      within {within_seconds} s; it is {overdue_seconds} s late, since {}", stuck.since);
    if let Some(because) = &stuck.because {
        line!("      {DIM}{because}{DIM:#}");
    }
}
