//! `chorus restore`: restores a backup into a new directory.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use crate::screen::{GOOD, called, line};

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
    chorus_local::restore(from, data).with_context(unrestored)?;
    let (data, chorus) = (data.display(), called());
    line!("{GOOD}Restored{GOOD:#} to {data}. `{chorus} up --data {data}` goes on where it was.");
    Ok(ExitCode::SUCCESS)
}
