//! `chorus projections`: rebuilds projections, such as the list of orders.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::client::ApiRequest;
use crate::location::ShopLocation;
use crate::screen::{DIM, GOOD, line};

/// Rebuild projections from the orders' stored events
#[derive(Debug, Args)]
pub(crate) struct Projections {
    #[command(flatten)]
    shop: ShopLocation,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Delete the list of orders, and build it again from the orders' stored events
    Rebuild {
        /// Rebuild (default: dry run)
        #[arg(long)]
        yes: bool,
    },
}

pub(crate) async fn run(projections: &Projections) -> anyhow::Result<ExitCode> {
    let Verb::Rebuild { yes } = projections.verb;
    if !yes {
        if projections.json {
            line!("{}", json!({ "dry-run": true }));
        } else {
            line!("The list of orders would be deleted, and rebuilt from their stored events.");
            line!("{DIM}Nothing was changed. Add --yes to do it.{DIM:#}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let client = projections.shop.client()?;
    let path = "/operator/projections/rebuild";
    let answer: Value = client.ask(ApiRequest::post(path, Value::Null)).await?;
    if projections.json {
        line!("{answer}");
    } else {
        let (removed, folded) = (&answer["removed"], &answer["folded"]);
        line!("{GOOD}Rebuilt.{GOOD:#} {removed} lines removed, {folded} events folded.");
    }
    Ok(ExitCode::SUCCESS)
}
