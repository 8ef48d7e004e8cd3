//! Dead letters of a stack on AWS, or on an emulator of AWS.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use chorus_aws_operator::{Operator, ReceivedDeadLetter, Target};
use chorus_shop::audit::{self, Act};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Dlq, Verb, Which, print_audit};
use crate::screen::{BAD, BOLD, DIM, GOOD, line};
use crate::stack::user;

pub(super) async fn run(dlq: &Dlq, operator: &Operator) -> anyhow::Result<ExitCode> {
    match &dlq.verb {
        Verb::List => {
            print(dlq, &look(operator, &Which::default()).await?)?;
        }
        Verb::Show { id } => {
            let which = Which { ids: vec![id.clone()], ..Which::default() };
            let letters = look(operator, &which).await?;
            let letter = letters
                .first()
                .with_context(|| format!("there is no dead letter {id}: `dlq list` shows all"))?;
            line!("{}", serde_json::to_string_pretty(&view(letter))?);
        }
        Verb::Redrive { which, per_second, yes: true } => {
            return redrive(dlq, operator, which, *per_second).await;
        }
        Verb::Redrive { which, .. } => {
            let letters = look(operator, which).await?;
            if letters.is_empty() && !dlq.json {
                print_why_none(operator, which).await?;
                return Ok(ExitCode::SUCCESS);
            }
            print(dlq, &letters)?;
            if !dlq.json {
                line!("{DIM}Nothing was sent. Add --yes to send them.{DIM:#}");
            }
        }
        Verb::Audit => print_audit(dlq, &audit::entries(&operator.store().await?).await?)?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn redrive(
    dlq: &Dlq,
    operator: &Operator,
    which: &Which,
    per_second: Option<u32>,
) -> anyhow::Result<ExitCode> {
    let sent = send_again(operator, which, per_second, |letter, refusal| match refusal {
        _ if dlq.json => {}
        None => line!("{GOOD}sent{GOOD:#} {} to {}", letter.id, target(letter)),
        Some(why) => line!("{BAD}kept{BAD:#} {}: {why}", letter.id),
    });
    let (went, kept) = sent.await?;
    if dlq.json {
        line!("{}", serde_json::to_string_pretty(&went)?);
    } else if went.is_empty() {
        print_why_none(operator, which).await?;
    }
    Ok(if kept == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Sends each selected dead letter to its original target, at most at the given rate, and records
/// the redrive in the audit log. Calls `report` for each dead letter, with the reason if the dead
/// letter could not be sent. Returns all selected dead letters, and the number of those that are
/// still in their queues.
pub(crate) async fn send_again(
    operator: &Operator,
    which: &Which,
    per_second: Option<u32>,
    mut report: impl FnMut(&ReceivedDeadLetter, Option<&str>),
) -> anyhow::Result<(Vec<Value>, usize)> {
    let Which { ids, code, queue, limit } = which;
    let asked = json!({
        "ids": ids, "code": code, "queue": queue, "limit": limit, "per-second": per_second,
    });
    let store = operator.store().await?;
    let act = Act { at: Timestamp::now(), by: &user(), what: "redrive", asked };
    let begun = audit::begin(&store, act).await?;
    let pause = per_second.map(|rate| Duration::from_secs(1) / rate.max(1));
    let (mut went, mut kept) = (Vec::new(), Vec::new());
    for letter in letters(operator, which).await? {
        let refusal = operator.redrive(&letter).await.err().map(|error| error.to_string());
        let to = target(&letter);
        went.push(json!({ "id": letter.id, "target": to, "refusal": refusal }));
        report(&letter, refusal.as_deref());
        if refusal.is_some() {
            kept.push(letter);
        }
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
    }
    operator.put_back(&kept).await?;
    let sent = went.len() - kept.len();
    let named = &went[..went.len().min(audit::MOST_NAMED)];
    begun.end(&store, json!({ "sent": sent, "kept": kept.len(), "letters": named })).await?;
    Ok((went, kept.len()))
}

/// Prints why no dead letter is selected: there are no dead letters, or the filter excludes all.
async fn print_why_none(operator: &Operator, which: &Which) -> anyhow::Result<()> {
    if which.is_filter() {
        which.print_no_match(look(operator, &Which::default()).await?.len());
    } else {
        line!("{GOOD}No dead letters.{GOOD:#}");
    }
    Ok(())
}

/// Returns the selected dead letters, and leaves them in their queues.
pub(crate) async fn look(
    operator: &Operator,
    which: &Which,
) -> anyhow::Result<Vec<ReceivedDeadLetter>> {
    let letters = letters(operator, which).await?;
    operator.put_back(&letters).await?;
    Ok(letters)
}

/// Receives the selected dead letters. This hides them from other receivers for half a minute.
async fn letters(operator: &Operator, which: &Which) -> anyhow::Result<Vec<ReceivedDeadLetter>> {
    let mut found = Vec::new();
    for queue in operator.dead_queues().await? {
        if which.queue.as_ref().is_none_or(|wanted| queue.name.contains(wanted.as_str())) {
            found.extend(operator.letters(&queue).await?);
        }
    }
    let (mut meant, mut others): (Vec<_>, Vec<_>) = found.into_iter().partition(|letter| {
        which.code.as_ref().is_none_or(|code| *code == letter.code)
            && (which.ids.is_empty() || which.ids.contains(&letter.id))
    });
    others.extend(meant.drain(which.limit.unwrap_or(meant.len()).min(meant.len())..));
    operator.put_back(&others).await?;
    Ok(meant)
}

fn print(dlq: &Dlq, letters: &[ReceivedDeadLetter]) -> anyhow::Result<()> {
    if dlq.json {
        let views: Vec<Value> = letters.iter().map(view).collect();
        line!("{}", serde_json::to_string_pretty(&views)?);
        return Ok(());
    }
    if letters.is_empty() {
        line!("{GOOD}No dead letters.{GOOD:#}");
    }
    for letter in letters {
        let (kind, about) = (letter.detail_type(), letter.about());
        line!("{BOLD}{}{BOLD:#}  {kind:<26}  {about}  for {}", letter.id, target(letter));
        line!("        {BAD}{}{BAD:#} {DIM}{}{DIM:#}", letter.code, letter.message);
    }
    Ok(())
}

pub(crate) fn target(letter: &ReceivedDeadLetter) -> &str {
    match &letter.target {
        Target::Function(arn)
        | Target::Queue(arn)
        | Target::EventBus(arn)
        | Target::OnlyTheBus(arn) => arn,
        Target::Unknown => "an unknown target",
    }
}

fn view(letter: &ReceivedDeadLetter) -> Value {
    let event: Value = serde_json::from_str(&letter.event).unwrap_or_default();
    json!({
        "id": letter.id, "queue": letter.queue_url, "rule": letter.rule, "order-id": letter.about(),
        "detail-type": letter.detail_type(), "target": target(letter), "code": letter.code,
        "message": letter.message, "event": event,
    })
}
