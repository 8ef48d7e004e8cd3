//! `chorus replay`: redelivers archived events; a dry run unless `--yes`.

use std::process::ExitCode;

use anyhow::Context;
use chorus_aws_operator::{Operator, ReplayStarted};
use chorus_shop::audit::{self, Act};
use chorus_shop::{ReplayReport, ReplayRequest, Replayed};
use chorus_table::Replay as Policy;
use chorus_table::Rule;
use clap::Args;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde_json::json;

use crate::client::ApiRequest;
use crate::location::ShopLocation;
use crate::screen::{BOLD, DIM, GOOD, line};
use crate::stack::{Stack, user};

/// Redeliver archived events (dry run unless --yes)
///
/// Each consumer's row in the design table declares how the consumer handles replayed events: it
/// folds them into its view again, skips the events that it has processed, or ignores all replayed
/// events because it has external effects.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chorus replay --from 1h
  chorus replay --from 2026-11-20T10:00:00Z --to 2026-11-20T11:00:00Z --rule order-ProjectOrder --yes")]
pub(crate) struct Replay {
    /// The start of the range: a time such as 2026-11-20T10:00:00Z, a day, or how long ago, such as
    /// 90m or 20d
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    from: Timestamp,
    /// The end of the range, exclusive [default: now]
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    to: Option<Timestamp>,
    /// Deliver only to the target of this rule, such as order-ProjectOrder
    #[arg(long)]
    rule: Option<String>,
    /// Deliver (default: dry run)
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    shop: ShopLocation,
    #[command(flatten)]
    stack: Stack,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Reads a moment: a time, a day or a time without a zone (both in UTC), or a duration before now.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let wrong = "must be a time such as 2026-11-20T10:00:00Z, a day such as 2026-11-20, or how \
        long ago, such as 90m, 2h or 20d";
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    // A day means its first moment.
    if let Ok(at) = text.parse::<DateTime>() {
        return Ok(at.to_zoned(TimeZone::UTC).map_err(|error| error.to_string())?.timestamp());
    }
    let ago: Span = text.parse().map_err(|_| wrong)?;
    let then = Timestamp::now().to_zoned(TimeZone::UTC).checked_sub(ago);
    Ok(then.map_err(|error| error.to_string())?.timestamp())
}

pub(crate) async fn run(replay: &Replay) -> anyhow::Result<ExitCode> {
    let to = replay.to.unwrap_or_else(Timestamp::now);
    anyhow::ensure!(replay.from < to, "--from must be before --to");
    if let Some(operator) = replay.stack.operator() {
        return deployed(replay, &operator, to).await;
    }
    let client = replay.shop.client()?;
    let (rule, dry_run) = (replay.rule.clone(), !replay.yes);
    let request = ReplayRequest { from: replay.from, to, rule, dry_run };
    let body = serde_json::to_value(request)?;
    let report: ReplayReport = client
        .ask(ApiRequest::post("/operator/replay", body))
        .await
        .context("the events were not replayed")?;
    if replay.json {
        line!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print(&report);
    }
    Ok(ExitCode::SUCCESS)
}

/// Replays on AWS. EventBridge replays its archive, and each consumer handles the events as its row
/// of the design table declares.
async fn deployed(replay: &Replay, operator: &Operator, to: Timestamp) -> anyhow::Result<ExitCode> {
    let rules = chorus_events::table::TABLE.rules();
    let meant = |rule: &&Rule| replay.rule.as_ref().is_none_or(|only| *only == rule.name);
    let meant: Vec<&Rule> = rules.iter().filter(meant).collect();
    anyhow::ensure!(
        !meant.is_empty(),
        "--rule: the design table has no rule {}; docs/DESIGN-TABLE.md lists the rules",
        replay.rule.as_deref().unwrap_or("")
    );
    let archived = operator.archived().await?;
    if !replay.json {
        line!("{BOLD}About {archived} events{BOLD:#} are archived. For those in the range:");
        for rule in &meant {
            line!("  {BOLD}{:<32}{BOLD:#} {}", rule.name, policy(rule));
        }
    }
    let started = if replay.yes { Some(start(replay, operator, to).await?) } else { None };
    if replay.json {
        let rules = meant.iter().map(|it| json!({ "rule": it.name, "effect": policy(it) }));
        let (name, arn) = started.map(|it| (it.name, it.arn)).unzip();
        let report = json!({
            "archived": archived, "rules": rules.collect::<Vec<_>>(), "name": name, "arn": arn,
            "dry-run": !replay.yes,
        });
        line!("{}", serde_json::to_string_pretty(&report)?);
        return Ok(ExitCode::SUCCESS);
    }
    match started {
        Some(ReplayStarted { name, arn }) => line!("{GOOD}Under way{GOOD:#} as {name} ({arn})"),
        None => line!("{DIM}Nothing was delivered. Add --yes to deliver them.{DIM:#}"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Starts EventBridge's replay, and records the replay in the audit log.
async fn start(
    replay: &Replay,
    operator: &Operator,
    to: Timestamp,
) -> anyhow::Result<ReplayStarted> {
    let Replay { from, rule, .. } = replay;
    let store = operator.store().await?;
    let asked = json!({ "from": from, "to": to, "rule": rule });
    let act = Act { at: Timestamp::now(), by: &user(), what: "replay", asked };
    let begun = audit::begin(&store, act).await?;
    let started = operator.replay(*from, to, rule.as_deref()).await?;
    begun.end(&store, json!({ "name": started.name, "arn": started.arn })).await?;
    Ok(started)
}

/// Returns how the target of a rule handles replayed events.
const fn policy(rule: &Rule) -> &'static str {
    match rule.row.replay {
        Policy::Folds => "folds the events into its view again",
        Policy::Idempotent => "skips events that it has processed, and processes the others",
        Policy::Suppressed => "ignores replayed events, because it has external effects",
    }
}

fn print(report: &ReplayReport) {
    let ReplayReport { name, events, rules, dry_run } = report;
    let verb = if *dry_run { "would be replayed" } else { "are replayed" };
    line!("{BOLD}{events} events{BOLD:#} {verb}, to {} consumers:", rules.len());
    for rule in rules {
        line!("  {BOLD}{:<32}{BOLD:#} {:>7}  {}", rule.rule, rule.deliveries, effect(rule));
    }
    if *dry_run {
        line!("{DIM}Nothing was delivered. Add --yes to deliver them.{DIM:#}");
    } else {
        line!("{GOOD}Under way{GOOD:#} as {name}; `chorus dlq audit` lists who started it.");
    }
}

fn effect(rule: &Replayed) -> String {
    let Replayed { absorbed, acts, too_old, folds, suppressed, .. } = rule;
    let effect = match (folds, suppressed) {
        (1.., _) => return format!("{folds} are folded into its view again"),
        (_, 1..) => return format!("{suppressed} are ignored, because it has external effects"),
        _ if *acts == 0 => format!("{absorbed} were processed before, and are skipped"),
        _ => format!("{absorbed} were processed before, and are skipped; {acts} are processed"),
    };
    match too_old {
        0 => effect,
        _ => format!("{effect}; {too_old} are older than its records, and are ignored"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_how_long_ago() {
        let at: Timestamp = "2026-11-20T10:00:00Z".parse().unwrap();
        assert_eq!(moment("2026-11-20T10:00:00Z").unwrap(), at);
        let then = moment("90m").unwrap();
        let ago = Timestamp::now().duration_since(then);
        assert_eq!(ago.as_mins(), 90);
        let then = moment("20d").unwrap();
        let ago = Timestamp::now().duration_since(then);
        assert_eq!(ago.as_hours(), 20 * 24);
        let midnight: Timestamp = "2026-11-28T00:00:00Z".parse().unwrap();
        assert_eq!(moment("2026-11-28").unwrap(), midnight);
        assert_eq!(moment("2026-11-28T00:00").unwrap(), midnight);
        assert!(moment("yesterday").unwrap_err().starts_with("must be a time"));
    }
}
