//! `chorus upgrade --check`: how this release would treat another release's open orders.

use std::path::PathBuf;
use std::process::ExitCode;

use chorus_shop::upgrade::{Problem, ProblemKind, Rehearsal, rehearse};
use clap::Args;
use jiff::{SignedDuration, Timestamp};

use crate::screen::{BAD, BOLD, DIM, GOOD, called, line};

/// Check, on a copy, how this release would treat another release's open orders
///
/// Check, on a copy of a data directory, how this release would treat the open orders: which orders
/// would get stuck, and which steps would be repeated or refused. The copy runs on virtual time,
/// with simulated partners and without reviewers, until nothing more happens. The directory itself
/// is not changed. Exit 1 if there is a problem. To upgrade, run `up` of the new release.
#[derive(Debug, Args)]
pub(crate) struct Upgrade {
    /// The directory of a shop that is stopped, or a backup of a shop that runs
    #[arg(long, value_name = "DIR", required = true)]
    check: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(upgrade: &Upgrade) -> anyhow::Result<ExitCode> {
    let rehearsal = rehearse(&upgrade.check, Timestamp::now()).await?;
    if upgrade.json {
        line!("{}", serde_json::to_string_pretty(&rehearsal)?);
    } else {
        print(&rehearsal, upgrade);
    }
    let is_safe = rehearsal.problems.is_empty();
    Ok(if is_safe { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(rehearsal: &Rehearsal, upgrade: &Upgrade) {
    let Rehearsal { orders, under_way, delivered, canceled, seconds, problems } = rehearsal;
    let took = SignedDuration::from_secs(*seconds);
    line!(
        "{orders} orders, of which {under_way} are under way: {delivered} would be delivered, \
         {canceled} canceled, within {took:#}"
    );
    for Problem { kind, order_id, what } in problems {
        let about = order_id.as_deref().unwrap_or("the shop");
        line!("{BAD}✗{BAD:#} {BOLD}{about}{BOLD:#} {}: {what}", predicate(*kind));
    }
    let (directory, chorus) = (upgrade.check.display(), called());
    if problems.is_empty() {
        line!("{GOOD}✓{GOOD:#} Nothing would go wrong. `{chorus} up --data {directory}` upgrades.");
    } else {
        line!(
            "{DIM}Nothing in {directory} was changed: the earlier release can still run it.{DIM:#}"
        );
    }
}

const fn predicate(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::Unreadable => "cannot be read",
        ProblemKind::Refused => "is refused",
        ProblemKind::Stuck => "gets stuck",
        ProblemKind::Repeated => "is repeated",
        ProblemKind::Inconsistent => "does not add up",
    }
}
