//! The HTTP routes with which an operator examines and repairs a running shop. On a laptop, the
//! API's server has these routes, too. On AWS, the operator's commands call AWS's APIs instead of
//! these routes.

mod dead_letters;
mod doctor;
mod replay;
mod tokens;
mod unrecorded;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use chorus_events::OrderId;
use chorus_events::callers::ONLY_OPERATORS;
use chorus_http::{Caller, TokenKey, restricted, without_query};
use chorus_local::{DirectoryError, DynoxideStore, ExecutionStory, Local, Pending, STORE_FILE};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::audit::{self, Act, AuditEntry};
use crate::cost::{CostOfOrder, MeasuredOrder, measure};
use crate::{Accounts, Partners};

pub use dead_letters::{DeadLetterView, RedriveRequest};
pub use replay::{ReplayReport, ReplayRequest, Replayed};
pub use tokens::{NotAToken, TokenRequest};

/// All failed attempts to deliver one event to one target.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Attempt {
    pub event_id: String,
    /// The rule whose target failed.
    pub rule: String,
    pub failures: u32,
    /// The error of the last attempt.
    pub error: String,
    /// When the delivery is retried; absent once the delivery has succeeded or was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<Wait>,
}

/// Since when the bus tries to deliver an event, when the next attempt is, and when the event
/// becomes a dead letter at the latest.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Wait {
    pub since: Timestamp,
    pub next: Timestamp,
    pub until: Timestamp,
}

#[derive(Clone)]
struct OperatorApi {
    local: Arc<Local>,
    partners: Partners,
    key: TokenKey,
    /// A cache of the costs of the orders that were measured before.
    costs: Arc<Mutex<BTreeMap<MeasuredOrder, CostOfOrder>>>,
}

impl OperatorApi {
    /// Records in the audit that an operator's action is about to start.
    async fn begin(
        &self,
        by: &Caller,
        what: &str,
        asked: Value,
    ) -> Result<audit::Begun, audit::AuditError> {
        let at = self.local.kernel().clock.now();
        let act = Act { at, by: name(by), what, asked };
        audit::begin(self.local.store().as_ref(), act).await
    }
}

/// Returns the operator's name for the audit. Callers without a name are refused before this
/// function is called.
fn name(operator: &Caller) -> &str {
    operator.name().unwrap_or("unknown")
}

/// The refusal of an operator's request: its status and the reason.
struct Refused(StatusCode, String);

impl Refused {
    /// Refuses a request that names something that does not exist.
    const fn unknown(what: String) -> Self {
        Self(StatusCode::NOT_FOUND, what)
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.1)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self(status, detail) = self;
        let title = status.canonical_reason().unwrap_or_default();
        let problem = json!({ "status": status.as_u16(), "title": title, "detail": detail });
        (status, Json(problem)).into_response()
    }
}

impl<E: std::error::Error> From<E> for Refused {
    fn from(error: E) -> Self {
        let causes = std::iter::successors(error.source(), |cause| cause.source());
        let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
        Self(StatusCode::INTERNAL_SERVER_ERROR, text)
    }
}

pub(crate) fn router(local: Arc<Local>, partners: Partners, key: TokenKey) -> Router {
    let with_query = Router::new()
        .route("/operator/doctor", get(doctor::doctor))
        .route("/operator/attempts", get(attempts))
        .route("/operator/executions", get(executions))
        .route("/operator/cost", get(cost))
        .route("/operator/recent-events", get(recent_events));
    let router = Router::new()
        .route("/operator/dead-letters", get(dead_letters::list))
        .route("/operator/dead-letters/redrive", post(dead_letters::redrive))
        .route("/operator/replay", post(replay::replay))
        .route("/operator/rules", get(doctor::rules))
        .route("/operator/audit", get(entries))
        .route("/operator/settle", post(settle))
        .route("/operator/backup", post(backup))
        .route("/operator/accounts", get(accounts))
        .route("/operator/refund-unrecorded", post(unrecorded::refund))
        .route("/operator/load", get(load))
        .route("/operator/projections/rebuild", post(rebuild))
        .route("/operator/tokens", post(tokens::mint));
    let router = without_query(router).merge(with_query);
    restricted(
        router.with_state(OperatorApi { local, partners, key, costs: Arc::default() }),
        ONLY_OPERATORS,
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct AttemptsOf {
    /// Event ids, separated by commas.
    event_ids: String,
}

async fn attempts(
    State(operator): State<OperatorApi>,
    Query(asked): Query<AttemptsOf>,
) -> Result<Json<Vec<Attempt>>, Refused> {
    let mut attempts = Vec::new();
    for event_id in asked.event_ids.split(',').filter(|id| !id.is_empty()) {
        let notes = operator.local.attempts(event_id).await?;
        let pending = operator.local.pending(event_id, &notes);
        for note in notes {
            let waiting = pending.iter().find(|one| *one.rule == *note.rule);
            let waits =
                waiting.map(|&Pending { since, next, until, .. }| Wait { since, next, until });
            attempts.push(Attempt {
                waits,
                event_id: event_id.to_owned(),
                rule: note.rule,
                failures: note.failures,
                error: format!("{}: {}", note.code, note.message),
            });
        }
    }
    Ok(Json(attempts))
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ExecutionsOf {
    order_id: String,
}

/// Returns what happened in the state machines of an order.
async fn executions(
    State(operator): State<OperatorApi>,
    Query(ExecutionsOf { order_id }): Query<ExecutionsOf>,
) -> Result<Json<Vec<ExecutionStory>>, Refused> {
    Ok(Json(operator.local.executions(&order_id).await?))
}

async fn accounts(State(operator): State<OperatorApi>) -> Result<Json<Accounts>, Refused> {
    Ok(Json(Accounts::of(&operator.local, &operator.partners).await?))
}

/// Returns what an order of this kind costs on AWS, as measured on a separate shop in memory.
async fn cost(
    State(operator): State<OperatorApi>,
    Query(order): Query<MeasuredOrder>,
) -> Result<Json<CostOfOrder>, Refused> {
    let mut known = operator.costs.lock().await;
    if let Some(cost) = known.get(&order) {
        return Ok(Json(cost.clone()));
    }
    let cost = measure(order).await?;
    known.insert(order, cost.clone());
    Ok(Json(cost))
}

async fn load(State(operator): State<OperatorApi>) -> Json<Value> {
    let load = operator.local.bus().load();
    Json(json!({ "pending": load.pending, "in-flight": load.in_flight, "dead": load.dead }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Last {
    last: Option<usize>,
}

/// Returns the newest events of the archive. The oldest of these events comes first.
async fn recent_events(
    State(operator): State<OperatorApi>,
    Query(Last { last }): Query<Last>,
) -> Result<Json<Vec<Value>>, Refused> {
    let wanted = last.unwrap_or(20).clamp(1, 10_000);
    let mut newest = std::collections::VecDeque::with_capacity(wanted);
    let mut after = 0;
    loop {
        let page = operator.local.archive(Timestamp::MIN, Timestamp::MAX, after).await?;
        let Some(last) = page.last() else { break };
        after = last.sequence;
        for event in page {
            if newest.len() == wanted {
                newest.pop_front();
            }
            newest.push_back(event.json);
        }
    }
    let events: Result<Vec<Value>, _> =
        newest.iter().map(|json| serde_json::from_str(json)).collect();
    Ok(Json(events?))
}

/// Deletes the projection that lists the orders, and rebuilds it from the orders' events.
async fn rebuild(
    State(operator): State<OperatorApi>,
    Extension(by): Extension<Caller>,
) -> Result<Json<Value>, Refused> {
    let begun = operator.begin(&by, "rebuild", Value::Null).await?;
    let rebuilt = rebuild_view(operator.local.store()).await;
    let store = operator.local.store().as_ref();
    Ok(Json(begun.end_with(store, rebuilt, Value::clone).await?))
}

async fn rebuild_view(store: &DynoxideStore) -> Result<Value, Refused> {
    let removed = store.clear(chorus_order::VIEW_TABLE.name)?;
    let folded = chorus_order::rebuild(store).await?;
    Ok(json!({ "removed": removed, "folded": folded }))
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Settlement {
    order_id: OrderId,
    reason: String,
}

/// Marks the doctor's findings about an order as handled by the operator.
async fn settle(
    State(operator): State<OperatorApi>,
    Extension(by): Extension<Caller>,
    Json(Settlement { order_id, reason }): Json<Settlement>,
) -> Result<Json<Value>, Refused> {
    let now = operator.local.kernel().clock.now();
    let settled =
        audit::settle(operator.local.store().as_ref(), name(&by), now, order_id.as_str(), &reason);
    match settled.await {
        Ok(()) => Ok(Json(json!({ "settled": order_id }))),
        Err(unknown @ audit::AuditError::UnknownOrder(_)) => {
            Err(Refused::unknown(unknown.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize)]
struct BackupTo {
    /// A directory on the machine that the shop runs on.
    to: std::path::PathBuf,
}

/// Copies the shop's data as of one moment, while the shop works.
async fn backup(
    State(operator): State<OperatorApi>,
    Extension(by): Extension<Caller>,
    Json(BackupTo { to }): Json<BackupTo>,
) -> Result<Json<Value>, Refused> {
    let plain = |part| !matches!(part, std::path::Component::ParentDir);
    if !to.is_absolute() || !to.components().all(plain) {
        let detail = "`to` must be an absolute path without `..`".to_owned();
        return Err(Refused(StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    let begun = operator.begin(&by, "backup", json!({ "to": to })).await?;
    let made = make_backup(&operator, &begun, &to).await;
    begun.end_with(operator.local.store().as_ref(), made, |()| json!("made")).await?;
    Ok(Json(json!({ "backup": to })))
}

/// Makes the backup. The audit in the copied store says that the backup has begun, but not yet that
/// the backup was made. So this outcome is added to the copied audit afterwards. If adding it
/// fails, the backup is complete nevertheless, so the failure is only logged.
async fn make_backup(
    operator: &OperatorApi,
    begun: &audit::Begun,
    to: &Path,
) -> Result<(), Refused> {
    let made = operator.local.backup(to, vec![operator.partners.kept()]).await;
    made.map_err(|error| match error {
        chorus_local::Error::Directory(DirectoryError::Occupied(_)) => {
            Refused(StatusCode::CONFLICT, error.to_string())
        }
        error => error.into(),
    })?;
    if let Err(Refused(_, error)) = end_in_copy(begun, to).await {
        tracing::warn!(%error, "a backup was made, but its copy of the audit does not record the outcome");
    }
    Ok(())
}

async fn end_in_copy(begun: &audit::Begun, backup: &Path) -> Result<(), Refused> {
    let copy = DynoxideStore::open(&backup.join(STORE_FILE), &[])?;
    Ok(begun.end_in_copy(&copy, json!("made")).await?)
}

/// Returns the operators' actions, oldest first.
async fn entries(State(operator): State<OperatorApi>) -> Result<Json<Vec<AuditEntry>>, Refused> {
    Ok(Json(audit::entries(operator.local.store().as_ref()).await?))
}
