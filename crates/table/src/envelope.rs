//! The envelope: an EventBridge event whose `detail` separates metadata from data.
//!
//! Source: <https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html>.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// The kind of a message.
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

/// The path of the tenant in an event. EventBridge rules use the tenant as the message group of the
/// messages that they send to queues, so that one tenant's backlog does not delay other tenants.
pub const TENANT_PATH: &str = "$.detail.metadata.tenant";

/// A message's metadata, such as its ids, its time and its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Metadata {
    /// The sender's key: a receiver acts once for each key.
    pub idempotency_key: String,
    /// The id of this message. It derives from the action and the message that caused this one, so
    /// that a retry gives the same id.
    pub event_id: Uuid,
    /// The id of the message's subject, such as an order's id: the same in every message that one
    /// command causes.
    pub correlation_id: String,
    /// The `event-id` of the message that caused this one; absent if no message caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<Uuid>,
    /// When the event happened, or when the command was given (RFC 3339, UTC).
    pub occurred_at: Timestamp,
    /// The version of the data's schema, from 1.
    pub version: u32,
    /// The number of the current version; set only if this message is an event's copy in an earlier
    /// version. Copies are for consumers that cannot read the current version. Event and copy have
    /// the same idempotency key, so a consumer that reads both acts once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_of: Option<u32>,
    /// For how long, in seconds after `occurred-at`, a command may be acted on.
    pub ttl_seconds: u32,
    /// Event, command, query or response.
    pub category: Category,
    /// The person who gave the command: the name in the caller's token. The command is this
    /// message, or the command that led to this event. Absent if no person gave the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The region that acts on the message; absent if the deployment has one region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_region: Option<String>,
    /// The tenant on whose behalf the message is handled, such as a customer: the same in every
    /// message that one command causes. One tenant's messages do not delay another tenant's. Absent
    /// in messages of earlier releases, which did not have this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// W3C Trace Context, carried from the request that caused the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The name of the replay, if the event is replayed from the archive. Actions that make
    /// external calls (`Replay::Suppressed`) make no call for a replayed event.
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

/// An event's `detail`: its metadata and its data. `D` is the data's type, or raw JSON.
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
    /// The size in bytes that EventBridge limits and charges for: source, detail type and detail in
    /// UTF-8.
    #[must_use]
    pub fn size(&self) -> usize {
        self.source.len() + self.detail_type.len() + self.detail.len()
    }
}

/// A whole event as the bus delivers it, with its detail as raw JSON.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct WireEvent {
    /// The version of EventBridge's event format: always `0`.
    #[serde(default)]
    pub version: String,
    /// The id that the bus gave the event.
    pub id: String,
    /// The event's detail type.
    #[serde(rename = "detail-type")]
    pub detail_type: String,
    /// The publisher's source.
    pub source: String,
    /// The AWS account of the bus; empty if the event names no account.
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
