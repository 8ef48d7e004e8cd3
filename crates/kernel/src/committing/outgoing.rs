//! Outgoing events. Their ids are derived from the message that caused them, so that an action that
//! handles the same message again emits events with the same ids.

use std::time::Duration;

use chorus_table::{Category, Detail, EarlierData, Entry, Metadata, Outputs};
use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Failure, Message};

/// The namespace of all derived ids: a random UUID that never changes.
const NAMESPACE: Uuid = Uuid::from_u128(0x6d1c_9d53_4f0e_4c4b_9c1d_37c1_52f0_a5e1);

/// The time to live of commands and events, in seconds. No action acts on a command after this
/// time.
pub(crate) const TTL_SECONDS: u32 = 86_400;

/// An id derived from an action, the idempotency key of the message that the action handles, and a
/// number that distinguishes several ids of the same action and key.
#[must_use]
pub fn derived_id(action: &str, idempotency_key: &str, ordinal: usize) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{action}\n{idempotency_key}\n{ordinal}").as_bytes())
}

/// A pause with full jitter, of at most `longest`, so that invocations that collided do not collide
/// again. The pause is derived from the action, the key and the attempt, so that a simulation is
/// reproducible.
pub(crate) fn pause(longest: Duration, action: &str, key: &str, attempt: u32) -> Duration {
    let drawn = derived_id(action, key, attempt as usize).as_u128();
    Duration::from_micros((drawn % longest.as_micros()) as u64)
}

/// Makes the PutEvents entries that publish `events`, which `action` emits for the message `cause`
/// at the time `now`.
pub(crate) fn entries<O: Outputs>(
    action: &str,
    cause: &Message,
    events: &[O],
    now: Timestamp,
) -> Result<Vec<Entry>, Failure> {
    let mut all = Vec::new();
    for (ordinal, event) in events.iter().enumerate() {
        let current = entry(action, cause, event, ordinal, now)?;
        let copies = copies(event, &current)?;
        all.push(current);
        all.extend(copies);
    }
    Ok(all)
}

/// Copies of `event`, one for each earlier schema version that is still published. `current` is the
/// event's entry in the current version. All copies have the idempotency key of `current`, so a
/// consumer that reads several versions acts only on the first copy that arrives.
fn copies<O: Outputs>(event: &O, current: &Entry) -> Result<Vec<Entry>, Failure> {
    let unwritable = |error| Failure::unwritable("event", &error);
    let mut copies = Vec::new();
    for EarlierData { version, data } in event.copies().map_err(unwritable)? {
        let mut detail: Detail<Box<RawValue>> =
            serde_json::from_str(&current.detail).map_err(unwritable)?;
        detail.metadata.copy_of = Some(detail.metadata.version);
        detail.metadata.version = version;
        detail.data = data;
        let detail = serde_json::to_string(&detail).map_err(unwritable)?;
        copies.push(Entry { detail, ..current.clone() });
    }
    Ok(copies)
}

pub(crate) fn entry<O: Outputs>(
    action: &str,
    cause: &Message,
    event: &O,
    ordinal: usize,
    now: Timestamp,
) -> Result<Entry, Failure> {
    let id = derived_id(action, &cause.metadata.idempotency_key, ordinal);
    let spec = event.spec();
    let by_command = cause.metadata.category == Category::Command;
    let correlation = if by_command { event.subject() } else { &cause.metadata.correlation_id };
    let metadata = Metadata {
        idempotency_key: id.simple().to_string(),
        event_id: id,
        correlation_id: correlation.to_owned(),
        causation_id: Some(cause.metadata.event_id),
        occurred_at: now,
        version: spec.version,
        copy_of: None,
        ttl_seconds: TTL_SECONDS,
        category: spec.category(),
        traceparent: cause.metadata.traceparent.clone(),
        replay_name: None,
        actor: cause.metadata.actor.clone().filter(|_| by_command),
        home_region: cause.metadata.home_region.clone(),
        // Every event has a tenant, because rules use the tenant as the message group in a
        // function's queue. If the cause has no tenant, the correlation id is the tenant.
        tenant: cause.metadata.tenant.clone().or_else(|| Some(correlation.to_owned())),
    };
    let unwritable = |error| Failure::unwritable("event", &error);
    let data = event.to_json().map_err(unwritable)?;
    let detail = serde_json::to_string(&Detail { metadata, data }).map_err(unwritable)?;
    let (source, detail_type) = (spec.owner.source().to_owned(), spec.detail_type.to_owned());
    Ok(Entry { source, detail_type, detail })
}

/// Converts an entry to the JSON event that a state machine receives and publishes.
pub(crate) fn to_event(entry: &Entry) -> Result<Value, Failure> {
    let detail: Value =
        serde_json::from_str(&entry.detail).map_err(|error| Failure::corrupt("event", &error))?;
    Ok(json!({ "source": entry.source, "detail-type": entry.detail_type, "detail": detail }))
}
