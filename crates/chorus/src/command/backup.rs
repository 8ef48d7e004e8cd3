//! `chorus backup`: copies a shop as of one moment, while orders run.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::client::ApiRequest;
use crate::location::ShopLocation;
use crate::screen::{GOOD, called, line};

/// Copy a shop as it is at one moment, whether or not it is running
///
/// While the command copies the files, requests to the shop wait.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The directory for the backup; it must be empty, or not exist yet
    to: PathBuf,
    #[command(flatten)]
    shop: ShopLocation,
}

pub(crate) async fn run(backup: &Backup) -> anyhow::Result<ExitCode> {
    let to = std::path::absolute(&backup.to)?;
    let client = backup.shop.client()?;
    let answer: Value =
        client.ask(ApiRequest::post("/operator/backup", json!({ "to": to }))).await?;
    tracing::debug!(%answer, "backed up");
    let (to, chorus) = (to.display(), called());
    line!("{GOOD}Backed up{GOOD:#} to {to}. `{chorus} restore {to} --data DIR` restores it.");
    Ok(ExitCode::SUCCESS)
}
