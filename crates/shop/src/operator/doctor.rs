//! The doctor of a running shop: examines the shop's records and the state of the engine.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Json;
use axum::extract::{Query, State};
use chorus_local::{EndedExecution, Local, Selection};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::{OperatorApi, Refused};
use crate::accounts::books;
use crate::doctor::{
    Checkup, DeployedRule, Depth, Discrepancy, FailedExecution, Redriven, Stuck, Unavailable,
    UnwritableFile, examine, has_ended,
};
use crate::{audit, on_standby, unrecorded};

/// How many days back the doctor looks for orders by default. Idempotency records are kept for just
/// as many days. Without them, the doctor cannot find out whether an older order is stuck.
const DAYS: i64 = 15;

/// How many calls to a partner for one event must fail before the doctor reports the partner.
const CALLS: u32 = 3;

/// The pause before the second read of data that the shop may be changing.
const LOOKS_AGAIN_AFTER: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Visit {
    since: Option<Timestamp>,
}

pub(super) async fn doctor(
    State(operator): State<OperatorApi>,
    Query(visit): Query<Visit>,
) -> Result<Json<Checkup>, Refused> {
    let local = &operator.local;
    let now = local.kernel().clock.now();
    let since = visit.since.unwrap_or(now - SignedDuration::from_hours(24 * DAYS));
    let mut checkup = examine(local.store().as_ref(), now, since).await?;
    if let Some(region) = &local.kernel().region {
        checkup.standby = on_standby(local.store().as_ref(), region.name()).await?;
    }
    let settled = audit::settled(local.store().as_ref()).await?.into_keys();
    let depth = |state: &chorus_local::QueueState| Depth {
        queue: state.name.to_string(),
        letters: state.depth,
    };
    let queues = local.queues();
    let without_consumer = queues.iter().filter(|queue| queue.has_no_consumer && queue.depth > 0);
    checkup.dead_letters = without_consumer.map(depth).collect();
    let redriven = local.redrives().into_iter().map(|redrive| Redriven {
        queue: redrive.queue.to_string(),
        events: redrive.events,
        since: Some(redrive.since),
    });
    checkup.redriven = redriven.collect();
    checkup.unavailable.extend(unanswered(local).await?);
    checkup.failed_executions = failed_executions(local, since).await?;
    checkup.unwritable = unwritable(&operator);
    let named: BTreeSet<String> =
        checkup.attention.iter().map(|it| it.order_id.clone()).chain(settled).collect();
    checkup.discrepancies.extend(disagreements(&operator, &named).await?);
    let (store, provider) = (local.store().as_ref(), operator.partners.provider());
    checkup.discrepancies.extend(unrecorded::findings(store, &*provider, since).await?);
    for stuck in &mut checkup.stuck {
        stuck.because = because(local, stuck).await?;
    }
    Ok(Json(checkup))
}

/// Returns the partners that do not answer the bus's calls. These partners have no circuit breaker:
/// the bus repeats each call.
async fn unanswered(local: &Local) -> Result<Vec<Unavailable>, Refused> {
    let mut found = Vec::new();
    for call in local.unanswered(CALLS) {
        let notes = local.attempts(&call.event_id).await?;
        let note = notes.into_iter().find(|note| *note.rule == *call.pending.rule);
        found.push(Unavailable {
            partner: call.partner.to_owned(),
            since: call.pending.since,
            reason: note.map(|it| format!("{}: {}", it.code, it.message)).unwrap_or_default(),
            probe_at: Some(call.pending.next),
        });
    }
    Ok(found)
}

/// Returns the files that cannot be written: those of the engine and of the simulated partners.
fn unwritable(operator: &OperatorApi) -> Vec<UnwritableFile> {
    let (_, partners) = operator.partners.kept();
    let files = operator.local.unwritable().into_iter().chain(partners.unwritable());
    let named = files.map(|it| UnwritableFile {
        file: it.file.display().to_string(),
        since: it.since,
        reason: it.reason,
    });
    named.collect()
}

/// Returns the failed executions whose order has not ended.
async fn failed_executions(
    local: &Local,
    since: Timestamp,
) -> Result<Vec<FailedExecution>, Refused> {
    let mut found = Vec::new();
    for ended in local.failed_executions(since)? {
        let EndedExecution { machine, name, correlation_id, status } = ended;
        if !has_ended(local.store().as_ref(), &correlation_id).await? {
            let (execution, order_id, status) = (name, correlation_id, status.to_owned());
            found.push(FailedExecution { machine, execution, order_id, status });
        }
    }
    Ok(found)
}

/// Returns where the provider's ledger or Inventory's counts differ from the services' records. The
/// orders in `named` are left out, because they are reported already. During a change, only one of
/// the two may have the new value, so everything is read twice, and only a difference in both reads
/// counts.
async fn disagreements(
    operator: &OperatorApi,
    named: &BTreeSet<String>,
) -> Result<Vec<Discrepancy>, Refused> {
    let first = books::disagreements(&operator.local, &operator.partners).await?;
    if first.iter().all(|it| named.contains(&it.about)) {
        return Ok(Vec::new());
    }
    operator.local.kernel().clock.sleep(LOOKS_AGAIN_AFTER).await;
    let mut second = books::disagreements(&operator.local, &operator.partners).await?;
    second.retain(|it| first.contains(it) && !named.contains(&it.about));
    Ok(second)
}

/// Returns why the action has not answered the event, as far as the engine knows.
async fn because(local: &Local, stuck: &Stuck) -> Result<Option<String>, Refused> {
    let letters = local.dead_letters(&Selection::default());
    let letter = letters
        .iter()
        .find(|letter| letter.event.event_id == stuck.event_id && *letter.rule == *stuck.rule);
    if let Some(letter) = letter {
        let (id, fault, queue) = (letter.id, &letter.cause.fault, &letter.queue);
        return Ok(Some(format!("dead letter {id} in {queue}: {fault}")));
    }
    let notes = local.attempts(&stuck.event_id).await?;
    let note = notes.into_iter().find(|note| note.rule == stuck.rule);
    Ok(note.map(|it| {
        format!("{} attempts failed, the last: {}: {}", it.failures, it.code, it.message)
    }))
}

/// Returns the rules of this shop's bus.
pub(super) async fn rules(State(operator): State<OperatorApi>) -> Json<Vec<DeployedRule>> {
    let routes = &operator.local.bus().topology().routes;
    let rule = |route: &chorus_local::Route| DeployedRule {
        name: route.rule.name.clone(),
        pattern: route.rule.pattern.clone(),
    };
    Json(routes.iter().map(rule).collect())
}
