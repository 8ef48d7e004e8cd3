//! Dead letters of a stack on AWS, or on an emulator of it.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use chorus_aws_operator::{Letter, Operator, Target};
use serde_json::{Value, json};

use super::{Dlq, Verb, Which};
use crate::screen::{BAD, BOLD, DIM, GOOD, line};

pub(super) async fn run(dlq: &Dlq, operator: &Operator) -> anyhow::Result<ExitCode> {
    match &dlq.verb {
        Verb::List => print(dlq, &letters(operator, &Which::default()).await?),
        Verb::Show { id } => {
            let which = Which { ids: vec![id.clone()], ..Which::default() };
            let letters = letters(operator, &which).await?;
            let letter =
                letters.first().with_context(|| format!("there is no dead letter {id}"))?;
            line!("{}", serde_json::to_string_pretty(&view(letter))?);
            Ok(ExitCode::SUCCESS)
        }
        Verb::Redrive { which, per_second, yes } => {
            let found = letters(operator, which).await?;
            let done = print(dlq, &found)?;
            if *yes {
                return send(operator, &found, *per_second).await;
            }
            if !dlq.json && !found.is_empty() {
                line!("{DIM}Nothing was sent. Add --yes to send them.{DIM:#}");
            }
            Ok(done)
        }
        Verb::Audit => anyhow::bail!("on AWS, CloudTrail keeps who invoked and sent what"),
    }
}

/// Sends each to its own target, at the pace that was asked for.
async fn send(
    operator: &Operator,
    letters: &[Letter],
    per_second: Option<u32>,
) -> anyhow::Result<ExitCode> {
    let pause = per_second.map(|rate| Duration::from_secs(1) / rate.max(1));
    let mut failed = 0;
    for letter in letters {
        match operator.redrive(letter).await {
            Ok(()) => line!("{GOOD}sent{GOOD:#} {} to {}", letter.id, target(letter)),
            Err(error) => {
                failed += 1;
                line!("{BAD}kept{BAD:#} {}: {error}", letter.id);
            }
        }
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn letters(operator: &Operator, which: &Which) -> anyhow::Result<Vec<Letter>> {
    let mut found = Vec::new();
    for queue in operator.dead_queues().await? {
        if which.queue.as_ref().is_none_or(|wanted| queue.name.contains(wanted.as_str())) {
            found.extend(operator.letters(&queue).await?);
        }
    }
    found.retain(|letter| which.code.as_ref().is_none_or(|code| *code == letter.code));
    found.retain(|letter| which.ids.is_empty() || which.ids.contains(&letter.id));
    found.truncate(which.limit.unwrap_or(usize::MAX));
    Ok(found)
}

fn print(dlq: &Dlq, letters: &[Letter]) -> anyhow::Result<ExitCode> {
    if dlq.json {
        let views: Vec<Value> = letters.iter().map(view).collect();
        line!("{}", serde_json::to_string_pretty(&views)?);
        return Ok(ExitCode::SUCCESS);
    }
    if letters.is_empty() {
        line!("{GOOD}No dead letters.{GOOD:#}");
    }
    for letter in letters {
        let (kind, about) = (letter.detail_type(), letter.about());
        line!("{BOLD}{}{BOLD:#}  {kind:<26}  {about}  for {}", letter.id, target(letter));
        line!("        {BAD}{}{BAD:#} {DIM}{}{DIM:#}", letter.code, letter.message);
    }
    Ok(ExitCode::SUCCESS)
}

fn target(letter: &Letter) -> &str {
    match &letter.target {
        Target::Function(arn) | Target::Queue(arn) | Target::OnlyTheBus(arn) => arn,
        Target::Unknown => "nobody knows whom",
    }
}

fn view(letter: &Letter) -> Value {
    let event: Value = serde_json::from_str(&letter.event).unwrap_or_default();
    json!({
        "id": letter.id, "queue": letter.queue_url, "rule": letter.rule, "order-id": letter.about(),
        "detail-type": letter.detail_type(), "target": target(letter), "code": letter.code,
        "message": letter.message, "event": event,
    })
}
