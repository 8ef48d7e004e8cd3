//! Given this state, when that message comes, then this is decided: for tests of decisions.

use chorus_table::{Category, Metadata, Row, sample_time};
use uuid::Uuid;

use crate::{Action, Decision, Given, Loaded, Message, Refusal, Task};

/// Metadata of a message at the moment of the samples.
#[must_use]
pub fn metadata() -> Metadata {
    Metadata {
        idempotency_key: "a-key".to_owned(),
        event_id: Uuid::from_u128(1),
        correlation_id: "1073459984".to_owned(),
        causation_id: None,
        occurred_at: sample_time(),
        version: 1,
        ttl_seconds: 60,
        category: Category::Event,
        traceparent: None,
        replay_name: None,
    }
}

/// A message with the sample's metadata; what it says is for a decision to be handed apart.
#[must_use]
pub fn message() -> Message {
    let data = serde_json::value::RawValue::NULL.to_owned();
    let (detail_type, source) = (String::new(), String::new());
    Message { detail_type, metadata: metadata(), data, source, task: None }
}

/// The same, handed over by a task of a state machine that waits with this token.
#[must_use]
pub fn waiting(token: &str) -> Message {
    let task = Task { token: Some(token.to_owned()), ..Task::default() };
    Message { task: Some(task), ..message() }
}

/// What `action` decides on `input`, given what is `loaded`.
///
/// # Errors
/// Where it refuses to decide.
pub fn decide<A: Action>(
    action: &A,
    input: impl Into<<A::Row as Row>::Input>,
    loaded: &Loaded,
) -> Result<Decision<<A::Row as Row>::Output>, Refusal> {
    decide_on(action, input, &message(), loaded)
}

/// The same, on a message of a test's own.
///
/// # Errors
/// Where it refuses to decide.
pub fn decide_on<A: Action>(
    action: &A,
    input: impl Into<<A::Row as Row>::Input>,
    message: &Message,
    loaded: &Loaded,
) -> Result<Decision<<A::Row as Row>::Output>, Refusal> {
    action.decide(&Given { input: &input.into(), message }, loaded)
}
