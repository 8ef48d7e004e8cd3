//! `chorus restore`: restores a backup into a new directory, or mends a stack whose tables were
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
/// With a backup, every file of it is checked first. The orders that were under way continue when the
/// shop is started.
///
/// With --stack, DynamoDB must have restored the stack's tables to one moment. It restores each table
/// separately, so of a transaction just before that moment, only some items may be restored. The
/// command checks each record of that time against its items, undoes incomplete transactions, counts
/// the stock again, and replays the archive from before that moment. Without --yes, it only prints
/// what it would do.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chorus restore BACKUP --data NEW-DIR
  chorus restore --stack chorus-prod --moment 2026-11-29T10:15:00Z
  chorus restore --stack chorus-prod --moment 2026-11-29T10:15:00Z --yes")]
pub(crate) struct Restore {
    /// The backup
    #[arg(required_unless_present = "stack", requires = "data")]
    from: Option<PathBuf>,
    /// The directory of the shop; it must not exist, or be empty
    #[arg(long, value_name = "DIR", requires = "from")]
    data: Option<PathBuf>,
    /// The stack whose tables DynamoDB has restored: on AWS, or at AWS_ENDPOINT_URL
    #[arg(long, value_name = "NAME", conflicts_with_all = ["from", "data"], requires = "moment")]
    stack: Option<String>,
    /// The time to which its tables were restored
    #[arg(long, value_name = "WHEN", value_parser = moment, requires = "stack")]
    moment: Option<Timestamp>,
    /// The time from which on the archive is replayed, until the moment [default: a day before the
    /// moment]
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

/// The consequence for open orders if the customers' keys are not restored, so that addresses
/// cannot be decrypted.
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
            "The data of customers who were forgotten since the backup can be read again: `{chorus} forget` them again."
        ),
        RestoredKeys::TooOld => line!(
            "{BAD}Names and addresses stay unreadable{BAD:#}: the backup is more than \
             a day old, so its keys of people are not restored. {CONSEQUENCE} To avoid that, copy \
             person-keys.json from a later backup into {from}, and restore again."
        ),
        RestoredKeys::Missing => line!(
            "{BAD}Names and addresses stay unreadable{BAD:#}: the backup has no person-keys.json. \
             {CONSEQUENCE}"
        ),
    }
    Ok(ExitCode::SUCCESS)
}
