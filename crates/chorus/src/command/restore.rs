//! `chorus restore`: restores a backup into a new directory.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use chorus_local::RestoredKeys;
use clap::Args;

use crate::screen::{BAD, GOOD, called, line};

/// Restore a backup into a new directory
///
/// Every file of the backup is checked first. The orders that were under way go on when the shop is
/// started.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup
    from: PathBuf,
    /// The directory of the shop; it must not exist, or be empty
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

pub(crate) fn run(restore: &Restore) -> anyhow::Result<ExitCode> {
    let Restore { from, data } = restore;
    let unrestored = || format!("{} is not restored", from.display());
    let keys = chorus_local::restore(from, data).with_context(unrestored)?;
    let (from, data, chorus) = (from.display(), data.display(), called());
    line!("{GOOD}Restored{GOOD:#} to {data}. `{chorus} up --data {data}` goes on where it was.");
    match keys {
        RestoredKeys::Restored(_) => {}
        RestoredKeys::TooOld => line!(
            "{BAD}Names and addresses stay unreadable{BAD:#}: keys of people count for a day. Copy \
             person-keys.json of a backup that is younger into {from}, and restore again."
        ),
        RestoredKeys::Missing => line!(
            "{BAD}Names and addresses stay unreadable{BAD:#}: the backup has no person-keys.json."
        ),
    }
    Ok(ExitCode::SUCCESS)
}
