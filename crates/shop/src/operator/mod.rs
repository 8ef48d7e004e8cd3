//! What an operator asks of a running shop, over HTTP: dead letters, failed attempts, the books,
//! the projection. On a laptop they are beside the API; on AWS, the platform has its own.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chorus_local::{DeadLetter, Local, Selection};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Accounts, Partners};

/// A dead letter, for people.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DeadLetterView {
    /// Names it.
    pub id: u64,
    /// Where it lies.
    pub queue: String,
    /// The rule whose target did not take it.
    pub rule: String,
    /// The order that it is about.
    pub order_id: String,
    /// What the event is.
    pub detail_type: String,
    /// When the bus took it.
    pub at: Timestamp,
    /// EventBridge's attributes: the error, the attempts.
    pub attributes: std::collections::BTreeMap<String, String>,
    /// The event, whole.
    pub event: Value,
}

/// Which dead letters to send to their original targets.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct RedriveRequest {
    /// Only of this queue.
    pub queue: Option<String>,
    /// Only with this error code.
    pub code: Option<String>,
    /// Only these.
    pub ids: Option<Vec<u64>>,
    /// At most so many.
    pub limit: Option<usize>,
    /// So many in a second at most.
    pub per_second: Option<u32>,
    /// Only tells which they are.
    pub dry_run: bool,
}

/// Attempts to deliver an event that failed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Attempt {
    /// Of which event.
    pub event_id: String,
    /// To the target of which rule.
    pub rule: String,
    /// How many failed.
    pub failures: u32,
    /// How the last one failed.
    pub error: String,
}

#[derive(Clone)]
struct Desk {
    local: Arc<Local>,
    partners: Partners,
}

/// Why an operator gets no answer.
struct Refused(String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let problem = json!({ "status": 500, "title": "Internal Server Error", "detail": self.0 });
        (StatusCode::INTERNAL_SERVER_ERROR, Json(problem)).into_response()
    }
}

impl<E: std::error::Error> From<E> for Refused {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

pub(crate) fn router(local: Arc<Local>, partners: Partners) -> Router {
    Router::new()
        .route("/operator/dead-letters", get(dead_letters))
        .route("/operator/dead-letters/redrive", post(redrive))
        .route("/operator/attempts", get(attempts))
        .route("/operator/accounts", get(accounts))
        .route("/operator/load", get(load))
        .route("/operator/recent-events", get(recent_events))
        .route("/operator/projections/rebuild", post(rebuild))
        .with_state(Desk { local, partners })
}

fn view(letter: &DeadLetter) -> DeadLetterView {
    let attribute = |(name, value): (&&str, &String)| ((*name).to_owned(), value.clone());
    DeadLetterView {
        id: letter.id,
        queue: letter.queue.to_string(),
        rule: letter.rule.to_string(),
        order_id: letter.event.correlation_id.clone(),
        detail_type: letter.event.detail_type.clone(),
        at: letter.event.at,
        attributes: letter.attributes.iter().map(attribute).collect(),
        event: serde_json::from_str(&letter.event.json).unwrap_or_default(),
    }
}

async fn dead_letters(State(desk): State<Desk>) -> Json<Vec<DeadLetterView>> {
    Json(desk.local.dead_letters(&Selection::default()).iter().map(view).collect())
}

async fn redrive(
    State(desk): State<Desk>,
    Json(request): Json<RedriveRequest>,
) -> Result<Json<Vec<DeadLetterView>>, Refused> {
    let RedriveRequest { queue, code, ids, limit, per_second, dry_run } = request;
    let selection = Selection { queue, code, ids, limit, per_second };
    let letters = if dry_run {
        desk.local.dead_letters(&selection)
    } else {
        desk.local.redrive(&selection).await?
    };
    Ok(Json(letters.iter().map(view).collect()))
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct AttemptsOf {
    /// Event ids, separated by commas.
    event_ids: String,
}

async fn attempts(
    State(desk): State<Desk>,
    Query(asked): Query<AttemptsOf>,
) -> Result<Json<Vec<Attempt>>, Refused> {
    let mut attempts = Vec::new();
    for event_id in asked.event_ids.split(',').filter(|id| !id.is_empty()) {
        for note in desk.local.attempts(event_id).await? {
            attempts.push(Attempt {
                event_id: event_id.to_owned(),
                rule: note.rule,
                failures: note.failures,
                error: format!("{}: {}", note.code, note.message),
            });
        }
    }
    Ok(Json(attempts))
}

async fn accounts(State(desk): State<Desk>) -> Result<Json<Accounts>, Refused> {
    Ok(Json(Accounts::of(&desk.local, &desk.partners).await?))
}

async fn load(State(desk): State<Desk>) -> Json<Value> {
    let load = desk.local.bus().load();
    Json(json!({ "pending": load.pending, "in-flight": load.in_flight, "dead": load.dead }))
}

#[derive(Deserialize)]
struct Last {
    last: Option<usize>,
}

/// The newest events of the archive, oldest of them first.
async fn recent_events(
    State(desk): State<Desk>,
    Query(Last { last }): Query<Last>,
) -> Result<Json<Vec<Value>>, Refused> {
    let wanted = last.unwrap_or(20).clamp(1, 10_000);
    let mut newest = std::collections::VecDeque::with_capacity(wanted);
    let mut after = 0;
    loop {
        let page = desk.local.archive(Timestamp::MIN, Timestamp::MAX, after).await?;
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

/// Makes the list of orders anew, from nothing but the orders' own events.
async fn rebuild(State(desk): State<Desk>) -> Result<Json<Value>, Refused> {
    let removed = desk.local.store().clear(chorus_order::VIEW_TABLE.name)?;
    let folded = chorus_order::rebuild(desk.local.store().as_ref()).await?;
    Ok(Json(json!({ "removed": removed, "folded": folded })))
}
