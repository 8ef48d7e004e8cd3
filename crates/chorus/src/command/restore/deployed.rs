//! Repairs a stack whose tables DynamoDB has restored to one moment.

use std::process::ExitCode;

use chorus_aws_operator::Operator;
use chorus_kernel::Store;
use chorus_shop::audit::{self, Act};
use chorus_shop::restored::{Damage, Next, Recount, checked_since, correct, recount};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Restore;
use crate::screen::{BAD, BOLD, DIM, GOOD, line};
use crate::stack::user;

/// By default, the replay of the archive starts this long before the moment to which the tables
/// were restored. At that moment, queues were still retrying messages that were up to a day old.
const REPLAYED: SignedDuration = SignedDuration::from_hours(24);

pub(super) async fn mend(
    restore: &Restore,
    stack: &str,
    moment: Timestamp,
) -> anyhow::Result<ExitCode> {
    let from = restore.replay_from.unwrap_or(moment - REPLAYED);
    anyhow::ensure!(from < moment, "--replay-from must be before --moment");
    anyhow::ensure!(moment <= Timestamp::now(), "--moment must be in the past");
    let operator = Operator::new(&chorus_aws::sdk_config(), stack);
    let store = operator.store().await?;
    let records = operator.records_since(checked_since(moment)).await?;
    let inventory = operator.items(chorus_shop::restored::INVENTORY).await?;
    let damage = Damage::of(&store, &records, &inventory).await?;
    let archived = operator.archived().await?;
    if !restore.json {
        print(&damage, archived, from, moment);
    }
    let done =
        if restore.yes { Some(carry_out(&operator, &damage, from, moment).await?) } else { None };
    if restore.json {
        let report = json!({
            "dry-run": !restore.yes, "damage": damage, "archived": archived,
            "replay-from": from, "moment": moment, "done": done,
        });
        line!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        conclude(done.as_ref());
    }
    let by_hand = damage.torn.iter().any(|torn| torn.next != Next::Replayed);
    let all_done = restore.yes && !by_hand && damage.unreadable.is_empty();
    Ok(if damage.is_none() || all_done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Undoes the transactions that were restored only in part, corrects the counts of the stock, and
/// starts the replay. Records these steps in the audit.
async fn carry_out(
    operator: &Operator,
    damage: &Damage,
    from: Timestamp,
    moment: Timestamp,
) -> anyhow::Result<Value> {
    let store = operator.store().await?;
    let torn = &damage.torn[..damage.torn.len().min(audit::MOST_NAMED)];
    let asked = json!({ "moment": moment, "from": from, "torn": torn });
    let act = Act { at: Timestamp::now(), by: &user(), what: "restore", asked };
    let begun = audit::begin(&store, act).await?;
    damage.undo(&store).await?;
    let corrected = correct_stock(operator, &store).await?;
    // EventBridge's times are whole seconds. The replay ends a second after the restored moment, so
    // that it includes the last event before that moment.
    let replay = operator.replay(from, moment + SignedDuration::from_secs(1), None).await?;
    let done = json!({ "corrected": corrected, "replay": replay.name, "arn": replay.arn });
    begun.end(&store, done.clone()).await?;
    Ok(done)
}

async fn correct_stock(operator: &Operator, store: &dyn Store) -> anyhow::Result<Vec<Recount>> {
    let table = chorus_shop::restored::INVENTORY;
    let first = recount(&operator.items(table).await?)?;
    if first.is_empty() {
        return Ok(first);
    }
    let second = recount(&operator.items(table).await?)?;
    Ok(correct(store, &first, &second).await?)
}

fn print(damage: &Damage, archived: i64, from: Timestamp, moment: Timestamp) {
    let Damage { records, torn, unreadable, unconfirmed, stock, .. } = damage;
    let since = checked_since(moment);
    line!(
        "{BOLD}{records} records{BOLD:#} since {since} were checked; {} of them belong to transactions that were restored only in part.",
        torn.len()
    );
    for torn in torn {
        line!("  {BAD}{}{BAD:#} of {}", torn.action, torn.idempotency_key);
        for item in &torn.missing {
            line!("      missing: {item}");
        }
        for item in &torn.present {
            line!("      {DIM}restored: {item}{DIM:#}");
        }
        line!("      {}", next(torn.next));
    }
    for record in unreadable {
        line!("  {BAD}cannot be checked{BAD:#}: {record}");
    }
    line!(
        "{BOLD}{unconfirmed} records{BOLD:#} may have unpublished events: the sweeper publishes them again."
    );
    line!(
        "{BOLD}{} items{BOLD:#} have counts that their reservations do not explain.",
        stock.len()
    );
    for count in stock {
        let ((reserved, sold), (right, removed)) = (count.has, count.should_have);
        line!(
            "  {BAD}{}{BAD:#}: {reserved} reserved and {sold} sold by the item's counts, {right} \
             reserved and {removed} sold by the orders",
            count.sku
        );
    }
    line!(
        "{BOLD}About {archived} events{BOLD:#} are archived; those from {from} to {moment} are replayed."
    );
}

const fn next(next: Next) -> &'static str {
    match next {
        Next::Replayed => "the transaction is undone, and the replay delivers its event again",
        Next::ReachesOutside => {
            "the transaction is undone; the replay does not repeat external effects: `chorus doctor` names \
             the order once it is overdue"
        }
        Next::Repeated => "the transaction is undone; its sender may send the request again",
        Next::Kept => {
            "the transaction is not undone, because the earlier value of an item is not known: correct the item by hand"
        }
    }
}

fn conclude(done: Option<&Value>) {
    match done {
        None => line!("{DIM}Nothing was changed. Add --yes to do it.{DIM:#}"),
        Some(done) => {
            let corrected = done["corrected"].as_array().map_or(0, Vec::len);
            let replay = done["replay"].as_str().unwrap_or_default();
            line!(
                "{GOOD}Repaired.{GOOD:#} {corrected} counts corrected; the replay {replay} is under way."
            );
        }
    }
}
