//! `chorus restore`: restores a backup into a new directory, or repairs a stack whose tables were
//! restored.

mod deployed;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use chorus_local::RestoredKeys;
use clap::Args;
use jiff::Timestamp;

use super::replay::moment;
use crate::screen::{BAD, GOOD, called, line};

/// Restore a backup into a new directory, or repair a stack whose tables were restored
///
/// With a backup, every file of the backup is checked first. The orders that had not ended continue
/// when the shop is started.
///
/// With --stack, DynamoDB must have restored the stack's tables to one moment. DynamoDB restores
/// each table separately, so a transaction just before that moment may have been restored only in
/// part. The command finds and undoes such transactions, counts the stock again, and replays the
/// events that were archived before that moment. Without --yes, the command only prints what it
/// would do.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chorus restore BACKUP --data NEW-DIR
  chorus restore --stack chorus-prod --moment 2026-11-29T10:15:00Z
  chorus restore --stack chorus-prod --moment 2026-11-29T10:15:00Z --yes")]
pub(crate) struct Restore {
    /// The directory of the backup
    #[arg(required_unless_present = "stack", requires = "data")]
    from: Option<PathBuf>,
    /// The directory for the shop; it must be empty, or not exist yet
    #[arg(long, value_name = "DIR", requires = "from")]
    data: Option<PathBuf>,
    /// The stack whose tables DynamoDB has restored; it is on AWS, or at AWS_ENDPOINT_URL
    #[arg(long, value_name = "NAME", conflicts_with_all = ["from", "data"], requires = "moment")]
    stack: Option<String>,
    /// The time to which the stack's tables were restored
    #[arg(long, value_name = "WHEN", value_parser = moment, requires = "stack")]
    moment: Option<Timestamp>,
    /// Replay the events that were archived between this time and --moment [default: a day before
    /// --moment]
    #[arg(long, value_name = "WHEN", value_parser = moment, requires = "stack")]
    replay_from: Option<Timestamp>,
    /// Repair the stack (default: dry run)
    #[arg(long, requires = "stack")]
    yes: bool,
    /// Print JSON
    #[arg(long, requires = "stack")]
    json: bool,
}

pub(crate) async fn run(restore: &Restore) -> anyhow::Result<ExitCode> {
    match (&restore.stack, restore.moment, &restore.from, &restore.data) {
        (Some(stack), Some(moment), _, _) => deployed::mend(restore, stack, moment).await,
        (_, _, Some(from), Some(data)) => from_backup(from, data),
        _ => anyhow::bail!("name a backup and --data, or --stack and --moment"),
    }
}

/// The consequence for open orders if the customers' encryption keys are not restored: their
/// addresses cannot be decrypted.
const CONSEQUENCE: &str =
    "Orders that the carrier does not have yet will be canceled and refunded.";

fn from_backup(from: &Path, data: &Path) -> anyhow::Result<ExitCode> {
    let unrestored = || format!("{} is not restored", from.display());
    let keys = chorus_local::restore(from, data).with_context(unrestored)?;
    let (from, data, chorus) = (from.display(), data.display(), called());
    line!("{GOOD}Restored{GOOD:#} to {data}. `{chorus} up --data {data}` starts it.");
    match keys {
        RestoredKeys::Restored(0) => {}
        RestoredKeys::Restored(_) => line!(
            "The data of customers who were forgotten after the backup can be read again. Run `{chorus} forget` for each of them."
        ),
        RestoredKeys::TooOld => line!(
            "{BAD}Names and addresses stay unreadable{BAD:#}: the backup is more than \
             a day old, so its customers' keys are not restored. {CONSEQUENCE} To avoid that, copy \
             person-keys.json from a later backup into {from}, and restore again."
        ),
        RestoredKeys::Missing => line!(
            "{BAD}Names and addresses stay unreadable{BAD:#}: the backup has no person-keys.json. \
             {CONSEQUENCE}"
        ),
    }
    Ok(ExitCode::SUCCESS)
}
