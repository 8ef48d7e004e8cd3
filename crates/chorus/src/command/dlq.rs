//! `chorus dlq`: lists dead letters, and sends them to their original targets.

pub(crate) mod deployed;

use std::process::ExitCode;

use anyhow::Context;
use chorus_shop::audit::AuditEntry;
use chorus_shop::{DeadLetterView, RedriveRequest};
use clap::{Args, Subcommand};

use crate::client::{ApiRequest, Client};
use crate::location::ShopLocation;
use crate::screen::{BAD, BOLD, DIM, GOOD, called, line};
use crate::stack::Stack;

/// Look at dead letters, and send them to their targets again
#[derive(Debug, Args)]
pub(crate) struct Dlq {
    #[command(flatten)]
    shop: ShopLocation,
    #[command(flatten)]
    stack: Stack,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the dead letters
    List,
    /// Show one dead letter, with its event
    Show {
        /// The id in the first column of `dlq list`
        id: String,
    },
    /// Send dead letters to their original targets again, with their original idempotency keys
    Redrive {
        #[command(flatten)]
        which: Which,
        /// Send at most N dead letters per second
        #[arg(long, value_name = "N")]
        per_second: Option<u32>,
        /// Send (default: dry run)
        #[arg(long)]
        yes: bool,
    },
    /// List the actions of operators, such as redrives, replays and rebuilds, oldest first
    Audit,
}

/// Selects dead letters
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Which {
    /// Only dead letters with these ids
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// Only dead letters with this error code
    #[arg(long)]
    code: Option<String>,
    /// Only dead letters in this queue
    #[arg(long)]
    queue: Option<String>,
    /// At most N dead letters, oldest first
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl Which {
    /// Selects the dead letters with these ids; if `ids` is empty, selects all dead letters.
    pub(crate) fn of(ids: Vec<String>) -> Self {
        Self { ids, ..Self::default() }
    }

    const fn is_filter(&self) -> bool {
        !self.ids.is_empty() || self.code.is_some() || self.queue.is_some()
    }

    /// Prints that no dead letter matches. `all` is the number of all dead letters.
    fn print_no_match(&self, all: usize) {
        line!("None of the {all} dead letters matches. `{} dlq list` lists them.", called());
    }
}

pub(crate) async fn run(dlq: &Dlq) -> anyhow::Result<ExitCode> {
    if let Some(operator) = dlq.stack.operator() {
        return deployed::run(dlq, &operator).await;
    }
    let client = dlq.shop.client()?;
    match &dlq.verb {
        Verb::List => print(dlq, &letters(&client).await?),
        Verb::Show { id } => {
            let (letters, number) = (letters(&client).await?, number(id)?);
            let letter = letters.iter().find(|letter| letter.id == number);
            let letter = letter
                .with_context(|| format!("there is no dead letter {id}: `dlq list` shows all"))?;
            line!("{}", serde_json::to_string_pretty(letter)?);
            Ok(ExitCode::SUCCESS)
        }
        Verb::Redrive { which, per_second, yes } => {
            let ids: Result<Vec<u64>, _> = which.ids.iter().map(|id| number(id)).collect();
            let request = RedriveRequest {
                code: which.code.clone(),
                ids: Some(ids?).filter(|ids| !ids.is_empty()),
                queue: which.queue.clone(),
                limit: which.limit,
                per_second: *per_second,
                dry_run: !yes,
            };
            let body = serde_json::to_value(request)?;
            let path = "/operator/dead-letters/redrive";
            let went: Vec<DeadLetterView> = client.ask(ApiRequest::post(path, body)).await?;
            if went.is_empty() && which.is_filter() && !dlq.json {
                which.print_no_match(letters(&client).await?.len());
                return Ok(ExitCode::SUCCESS);
            }
            let done = print(dlq, &went)?;
            if !dlq.json && !yes && !went.is_empty() {
                line!("{DIM}Nothing was sent. Add --yes to send them.{DIM:#}");
            }
            Ok(done)
        }
        Verb::Audit => {
            let entries: Vec<AuditEntry> = client.ask(ApiRequest::get("/operator/audit")).await?;
            print_audit(dlq, &entries)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn number(id: &str) -> anyhow::Result<u64> {
    id.parse().with_context(|| {
        format!("the id of a dead letter must be a number, not {id}: `dlq list` shows the ids")
    })
}

fn print_audit(dlq: &Dlq, entries: &[AuditEntry]) -> anyhow::Result<()> {
    if dlq.json {
        line!("{}", serde_json::to_string_pretty(entries)?);
        return Ok(());
    }
    for AuditEntry { at, by, what, asked, outcome } in entries {
        let by = by.as_deref().unwrap_or("unknown");
        line!("{DIM}{at:.3}{DIM:#}  {BOLD}{what}{BOLD:#} by {by}  {asked}");
        match outcome {
            Some(outcome) => line!("  {outcome}"),
            None => line!("  {BAD}the action is running, or was interrupted{BAD:#}"),
        }
    }
    Ok(())
}

async fn letters(client: &Client) -> anyhow::Result<Vec<DeadLetterView>> {
    client.ask(ApiRequest::get("/operator/dead-letters")).await
}

fn print(dlq: &Dlq, letters: &[DeadLetterView]) -> anyhow::Result<ExitCode> {
    if dlq.json {
        line!("{}", serde_json::to_string_pretty(letters)?);
        return Ok(ExitCode::SUCCESS);
    }
    if letters.is_empty() {
        line!("{GOOD}No dead letters.{GOOD:#}");
    }
    for letter in letters {
        let DeadLetterView { id, rule, order_id, detail_type, attributes, .. } = letter;
        let text = |name: &str| attributes.get(name).cloned().unwrap_or_default();
        let (code, message) = (text("ERROR_CODE"), text("ERROR_MESSAGE"));
        line!("{BOLD}{id:>6}{BOLD:#}  {rule:<34}  {detail_type:<26}  {order_id}");
        line!("        {BAD}{code}{BAD:#} {DIM}{message}{DIM:#}");
    }
    Ok(ExitCode::SUCCESS)
}
