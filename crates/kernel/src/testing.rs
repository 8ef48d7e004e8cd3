//! Given this state, when that message comes, then this is decided: for tests of decisions.

use chorus_events::{Category, Metadata, Row, samples};
use uuid::Uuid;

use crate::{Action, Decision, Given, Loaded, Refusal};

/// Metadata of a message at the moment of the samples.
#[must_use]
pub fn metadata() -> Metadata {
    Metadata {
        idempotency_key: "a-key".to_owned(),
        event_id: Uuid::from_u128(1),
        correlation_id: samples::order_id().to_string(),
        causation_id: None,
        occurred_at: samples::moment(),
        version: 1,
        ttl_seconds: 60,
        category: Category::Event,
        traceparent: None,
        replay_name: None,
    }
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
    let (input, metadata) = (input.into(), metadata());
    action.decide(&Given { input: &input, metadata: &metadata }, loaded)
}
