//! The envelope: an EventBridge event whose `detail` separates metadata from data.
//!
//! Source: <https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html>.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// What kind of message this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// A fact, in the past tense.
    Event,
    /// A request to do something; it expires after its `ttl-seconds`.
    Command,
    /// A question to a service.
    Query,
    /// The answer to a query.
    Response,
}

/// The path of the tenant in an event. Rules use the tenant as the message group in their queues,
/// so that one tenant's backlog does not hold up the others.
pub const TENANT_PATH: &str = "$.detail.metadata.tenant";

/// A message's metadata: everything but its data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Metadata {
    /// The sender's key: a receiver acts once for each key.
    pub idempotency_key: String,
    /// The id of this message. It is derived, so that a step that runs again gives the same id.
    pub event_id: Uuid,
    /// What the flow is about, such as an order: the same in every message that one command causes.
    pub correlation_id: String,
    /// The `event-id` of the message that caused this one; absent if a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<Uuid>,
    /// When it happened (RFC 3339, UTC).
    pub occurred_at: Timestamp,
    /// The version of the data's schema, from 1.
    pub version: u32,
    /// Set on a copy of an event in an earlier version, for consumers that know no other: the
    /// number of the current version. Event and copy have the same idempotency key, so a consumer
    /// that reads both acts once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_of: Option<u32>,
    /// For how long, in seconds after `occurred-at`, a command may be acted on.
    pub ttl_seconds: u32,
    /// Event, command, query or response.
    pub category: Category,
    /// Who gave the command, or the command that led to this event: the name in the caller's token.
    /// Absent if no person gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The region that acts on the message; absent if the deployment has one region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_region: Option<String>,
    /// The tenant on whose behalf the message is handled, such as a customer: the same on every
    /// message that one command causes. One tenant's messages do not hold up another's. Messages of
    /// releases before this field have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// W3C Trace Context, carried from the request that caused the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Set by a replay from the archive: consumers with policy `Suppressed` ignore the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay_name: Option<String>,
}

impl Metadata {
    /// Whether the message is an expired command, on which a consumer must not act.
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> bool {
        let age = now.duration_since(self.occurred_at);
        self.category == Category::Command && age.as_secs() >= i64::from(self.ttl_seconds)
    }
}

/// An event's `detail`: metadata and data apart. `D` is the data's type, or raw JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Detail<D> {
    /// Ids, times, category and version of the message.
    pub metadata: Metadata,
    /// The message's data.
    pub data: D,
}

/// An entry of a PutEvents request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entry {
    /// The publisher's source, such as `com.orders`.
    pub source: String,
    /// The message's detail type, such as `OrderCreated`.
    pub detail_type: String,
    /// A [`Detail`] as JSON text, stored and published byte for byte.
    pub detail: String,
}

impl Entry {
    /// The size in bytes for which EventBridge charges, and which it limits: source, detail type
    /// and detail in UTF-8.
    #[must_use]
    pub fn size(&self) -> usize {
        self.source.len() + self.detail_type.len() + self.detail.len()
    }
}

/// A whole event as the bus delivers it, with its detail as raw JSON.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct WireEvent {
    /// Always `0`, EventBridge's own version.
    #[serde(default)]
    pub version: String,
    /// The id that the bus gave the event.
    pub id: String,
    /// The event's detail type.
    #[serde(rename = "detail-type")]
    pub detail_type: String,
    /// The publisher's source.
    pub source: String,
    /// The account of the bus; empty where the event names none.
    #[serde(default)]
    pub account: String,
    /// When the bus accepted the event.
    pub time: Timestamp,
    /// The region of the bus.
    #[serde(default)]
    pub region: String,
    /// ARNs of resources that the event concerns; the application sets none.
    #[serde(default)]
    pub resources: Vec<String>,
    /// The name of the replay, if the bus replays the event from an archive.
    #[serde(rename = "replay-name", default, skip_serializing_if = "Option::is_none")]
    pub replay_name: Option<String>,
    /// A [`Detail`] as JSON text.
    pub detail: Box<RawValue>,
}
