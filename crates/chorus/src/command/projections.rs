//! `chorus projections`: what is derived, made anew.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::Value;

use crate::client::Ask;
use crate::location::ShopLocation;
use crate::screen::{GOOD, line};

/// Rebuild what is derived from the orders' own events.
#[derive(Debug, Args)]
pub(crate) struct Projections {
    #[command(flatten)]
    place: ShopLocation,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Delete the list of orders, and fold it anew from the orders' stored events
    Rebuild,
}

pub(crate) async fn run(projections: &Projections) -> anyhow::Result<ExitCode> {
    let Verb::Rebuild = projections.verb;
    let client = projections.place.client()?;
    let path = "/operator/projections/rebuild";
    let answer: Value = client.ask(Ask::post(path, Value::Null)).await?;
    if projections.json {
        line!("{answer}");
    } else {
        let (removed, folded) = (&answer["removed"], &answer["folded"]);
        line!("{GOOD}Rebuilt.{GOOD:#} {removed} lines removed, {folded} events folded.");
    }
    Ok(ExitCode::SUCCESS)
}
