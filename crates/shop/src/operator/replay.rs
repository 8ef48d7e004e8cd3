//! Replays archived events. A dry run only predicts the effects of the replay on each consumer.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::{Extension, Json};
use chorus_http::Caller;
use chorus_kernel::{Store, is_older_than_records, record_key};
use chorus_local::{Local, Replay, Replayed as ReplayOutcome};
use chorus_table::Replay as Policy;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{OperatorApi, Refused};

/// The events to replay.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReplayRequest {
    /// The start of the range, inclusive: the bus accepted the events at this time or later.
    pub from: Timestamp,
    /// The end of the range, exclusive.
    pub to: Timestamp,
    /// If present, only this rule's target gets the events. If absent, the targets of all matching
    /// rules get the events.
    #[serde(default)]
    pub rule: Option<String>,
    /// Whether this is a dry run, which only reports what would happen.
    #[serde(default)]
    pub dry_run: bool,
}

/// The effects of a replay on one consumer; for a dry run, the predicted effects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Replayed {
    pub rule: String,
    /// The consumer's replay policy in the design table: `folds`, `idempotent` or `suppressed`.
    pub policy: String,
    /// How many events match the rule.
    pub deliveries: usize,
    /// How many deliveries are duplicates: an idempotency record shows that the consumer has
    /// handled the event.
    pub absorbed: usize,
    /// How many deliveries are new to the consumer, which acts on them now.
    pub acts: usize,
    /// How many deliveries the consumer ignores, because the events are older than the idempotency
    /// records: the consumer cannot know whether it has acted on such an event.
    #[serde(default)]
    pub too_old: usize,
    /// How many deliveries the consumer folds into its view again.
    pub folds: usize,
    /// How many deliveries the consumer ignores, because it makes external calls, which must not be
    /// repeated.
    pub suppressed: usize,
}

/// The effects of a replay; for a dry run, the predicted effects.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReplayReport {
    /// The replay's name, which the replayed events carry.
    pub name: String,
    /// How many archived events are in the range.
    pub events: usize,
    pub rules: Vec<Replayed>,
    /// Whether this report is the result of a dry run.
    pub dry_run: bool,
}

pub(super) async fn replay(
    State(operator): State<OperatorApi>,
    Extension(by): Extension<Caller>,
    Json(request): Json<ReplayRequest>,
) -> Result<Json<ReplayReport>, Refused> {
    let now = operator.local.kernel().clock.now();
    let name = format!("replay-{}", now.as_millisecond());
    let mut report = foresee(&operator.local, &request).await?;
    (report.name, report.dry_run) = (name.clone(), request.dry_run);
    if !request.dry_run {
        let begun = operator.begin(&by, "replay", serde_json::to_value(&request)?).await?;
        let ReplayRequest { from, to, rule, .. } = request;
        let replayed = Replay { name, from, to, rule, dry_run: false };
        let result = operator.local.replay(&replayed).await.map_err(Refused::from);
        let store = operator.local.store().as_ref();
        let outcome =
            |done: &ReplayOutcome| json!({ "name": replayed.name, "events": done.events });
        begun.end_with(store, result, outcome).await?;
    }
    Ok(Json(report))
}

/// Predicts what the replay will do, from the design table's policies and the idempotency records.
async fn foresee(local: &Local, request: &ReplayRequest) -> Result<ReplayReport, Refused> {
    let mut rules: BTreeMap<String, Replayed> = BTreeMap::new();
    let (mut events, mut after) = (0, 0);
    let now = local.kernel().clock.now();
    if let Some(rule) = &request.rule
        && local.bus().topology().route(rule).is_none()
    {
        return Err(Refused::unknown(format!("there is no rule {rule}")));
    }
    loop {
        let page = local.archive(request.from, request.to, after).await?;
        let Some(last) = page.last() else { break };
        after = last.sequence;
        for event in &page {
            events += 1;
            let detail: Value = serde_json::from_str(&event.json)?;
            let metadata = &detail["detail"]["metadata"];
            let key = metadata["idempotency-key"].as_str().unwrap_or_default();
            let occurred_at: Option<Timestamp> =
                metadata["occurred-at"].as_str().and_then(|at| at.parse().ok());
            let too_old = occurred_at.is_some_and(|at| is_older_than_records(at, now));
            for route in local.bus().matching(&event.json) {
                let rule = &local.bus().topology().routes[route].rule;
                if request.rule.as_ref().is_some_and(|only| *only != rule.name) {
                    continue;
                }
                let counts = rules.entry(rule.name.clone()).or_insert_with(|| Replayed {
                    rule: rule.name.clone(),
                    policy: policy(rule.row.replay).to_owned(),
                    ..Replayed::default()
                });
                counts.deliveries += 1;
                match rule.row.replay {
                    Policy::Folds => counts.folds += 1,
                    Policy::Suppressed => counts.suppressed += 1,
                    Policy::Idempotent if too_old => counts.too_old += 1,
                    Policy::Idempotent if seen(local, key, rule.row.action).await? => {
                        counts.absorbed += 1;
                    }
                    Policy::Idempotent => counts.acts += 1,
                }
                debug_assert!(rule.row.partner().is_none() || counts.acts == 0);
            }
        }
    }
    let rules = rules.into_values().collect();
    Ok(ReplayReport { name: String::new(), events, rules, dry_run: true })
}

const fn policy(policy: Policy) -> &'static str {
    match policy {
        Policy::Folds => "folds",
        Policy::Idempotent => "idempotent",
        Policy::Suppressed => "suppressed",
    }
}

/// Whether a record shows that the action has handled the message with this idempotency key.
async fn seen(local: &Local, key: &str, action: &str) -> Result<bool, Refused> {
    Ok(local.store().get(&record_key(action, key)).await?.is_some())
}
