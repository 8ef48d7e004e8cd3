//! `chorus doctor`: what is wrong in a shop, and where to look.

use std::process::ExitCode;

use chorus_shop::doctor::{Checkup, DeployedRule, Stuck, drift};
use clap::Args;
use jiff::Timestamp;

use super::replay::moment;
use crate::client::Ask;
use crate::place::Place;
use crate::screen::{BAD, BOLD, DIM, GOOD, line};

/// Name orders that wait for an event that never came, records that nobody published, dead
/// letters, and where the rules on the bus differ from the design table. Fails where anything is
/// wrong.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Only orders placed since: a time, or how long ago, such as 2h [default: 15 days ago]
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Timestamp>,
    #[command(flatten)]
    place: Place,
    /// For machines
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(doctor: &Doctor) -> anyhow::Result<ExitCode> {
    let client = doctor.place.client()?;
    let since = doctor.since.map(|since| format!("?since={since}")).unwrap_or_default();
    let mut checkup: Checkup = client.ask(Ask::get(&format!("/operator/doctor{since}"))).await?;
    let deployed: Vec<DeployedRule> = client.ask(Ask::get("/operator/rules")).await?;
    checkup.drift = drift(&deployed, &chorus_events::rules::all()?);
    if doctor.json {
        line!("{}", serde_json::to_string_pretty(&checkup)?);
    } else {
        print(&checkup);
    }
    Ok(if checkup.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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
