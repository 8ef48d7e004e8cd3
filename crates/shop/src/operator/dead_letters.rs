//! Dead letters: listing them, and sending them back to their original targets.

use axum::extract::State;
use axum::{Extension, Json};
use chorus_http::Caller;
use chorus_local::{DeadLetter, Selection};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{OperatorApi, Refused};
use crate::audit::MOST_NAMED;

/// A dead letter, as the operator's API returns it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DeadLetterView {
    pub id: u64,
    pub queue: String,
    /// The rule whose target failed to handle the event.
    pub rule: String,
    /// The order that the event is about.
    pub order_id: String,
    pub detail_type: String,
    /// When the bus accepted the event.
    pub at: Timestamp,
    /// EventBridge's attributes of a dead letter, such as the error and the number of attempts.
    pub attributes: std::collections::BTreeMap<String, String>,
    /// The whole event as the bus delivered it, including the envelope.
    pub event: Value,
}

/// Selects the dead letters that are sent back to their original targets.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct RedriveRequest {
    pub queue: Option<String>,
    /// Selects only dead letters with this error code.
    pub code: Option<String>,
    pub ids: Option<Vec<u64>>,
    pub limit: Option<usize>,
    /// How many dead letters are sent per second at most; if absent, there is no limit.
    pub per_second: Option<u32>,
    /// Whether this is a dry run, which only lists the dead letters.
    pub dry_run: bool,
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

pub(super) async fn list(State(operator): State<OperatorApi>) -> Json<Vec<DeadLetterView>> {
    Json(operator.local.dead_letters(&Selection::default()).iter().map(view).collect())
}

pub(super) async fn redrive(
    State(operator): State<OperatorApi>,
    Extension(by): Extension<Caller>,
    Json(request): Json<RedriveRequest>,
) -> Result<Json<Vec<DeadLetterView>>, Refused> {
    let asked = serde_json::to_value(&request)?;
    let RedriveRequest { queue, code, ids, limit, per_second, dry_run } = request;
    let selection = Selection { queue, code, ids, limit, per_second };
    let letters = if dry_run {
        operator.local.dead_letters(&selection)
    } else {
        let begun = operator.begin(&by, "redrive", asked).await?;
        let redriven = operator.local.redrive(&selection).await.map_err(Refused::from);
        let store = operator.local.store().as_ref();
        begun.end_with(store, redriven, |letters| outcome(letters)).await?
    };
    Ok(Json(letters.iter().map(view).collect()))
}

/// Returns what the audit stores about a redrive.
fn outcome(letters: &[DeadLetter]) -> Value {
    let named = letters.iter().take(MOST_NAMED).map(|letter| {
        json!({ "id": letter.id, "rule": *letter.rule, "event-id": letter.event.event_id })
    });
    json!({ "sent": letters.len(), "letters": named.collect::<Vec<_>>() })
}
