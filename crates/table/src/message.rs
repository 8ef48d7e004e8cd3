//! A message type with its schema and samples, for documents and tests.

use jiff::Timestamp;
use schemars::Schema;
use serde_json::{Value, json};

use crate::{Category, Detail, Earlier, Event, EventSpec, Metadata, Owner, Partner};

/// The time of every sample event: 2026-11-20T10:47:00Z.
#[must_use]
pub fn sample_time() -> Timestamp {
    Timestamp::from_second(1_795_171_620).expect("the moment is between the years -9999 and 9999")
}

/// A message type as a value, so that documents and tests can list all message types.
#[derive(Debug, Clone, Copy)]
pub struct Message {
    /// The message's detail type, owner, role and version.
    pub spec: EventSpec,
    /// The JSON Schema of the message's data.
    pub schema: fn() -> Schema,
    /// The earlier versions of the message that consumers still read.
    pub earlier: fn() -> Vec<EarlierMessage>,
    samples: fn() -> serde_json::Result<Vec<(String, Value)>>,
}

/// An earlier version of a message.
#[derive(Debug, Clone, Copy)]
pub struct EarlierMessage {
    /// The number of the earlier version.
    pub version: u32,
    /// Whether producers still publish this version, beside the current one.
    pub published: bool,
    /// The JSON Schema of the data in this version.
    pub schema: fn() -> Schema,
    /// An example of the data in this version.
    pub sample: fn() -> serde_json::Result<Value>,
}

impl Message {
    /// Returns the message type `E` as a value.
    #[must_use]
    pub fn of<E: Event>() -> Self {
        let samples = || {
            let sample = |event: &E| Ok((event.subject().to_owned(), serde_json::to_value(event)?));
            E::samples().iter().map(sample).collect()
        };
        let earlier = || {
            let untyped = |it: &Earlier<E>| EarlierMessage {
                version: it.version,
                published: it.published,
                schema: it.schema,
                sample: it.sample,
            };
            E::EARLIER.iter().map(untyped).collect()
        };
        Self { spec: E::SPEC, schema: E::schema, earlier, samples }
    }

    /// Returns this message type as this partner sends it: with the partner's `source`.
    #[must_use]
    pub fn sent_by(self, partner: Partner) -> Self {
        let spec = EventSpec { owner: Owner::Partner(partner), ..self.spec };
        Self { spec, ..self }
    }

    /// The versions that are published on the bus, the current one first, each with the schema of
    /// its data.
    #[must_use]
    pub fn published(&self) -> Vec<(u32, fn() -> Schema)> {
        let earlier = (self.earlier)().into_iter().filter(|earlier| earlier.published);
        let current = (self.spec.version, self.schema);
        std::iter::once(current).chain(earlier.map(|it| (it.version, it.schema))).collect()
    }

    /// Whole events as the bus delivers them, usable with `cargo lambda invoke` and `sam local
    /// invoke`. Documents show the first sample. The other samples differ from the first in the
    /// fields that rules filter by.
    ///
    /// # Errors
    /// If a sample cannot be written as JSON.
    pub fn samples(&self) -> serde_json::Result<Vec<Value>> {
        let samples = (self.samples)()?;
        let delivered =
            |(index, (correlation_id, data))| self.delivered(index, correlation_id, data);
        Ok(samples.into_iter().enumerate().map(delivered).collect())
    }

    fn delivered(&self, index: usize, correlation_id: String, data: Value) -> Value {
        let id = match index {
            0 => sample_id(self.spec.detail_type),
            more => sample_id(&format!("{}-{}", self.spec.detail_type, more + 1)),
        };
        let category = self.spec.category();
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let metadata = Metadata {
            idempotency_key: id.simple().to_string(),
            event_id: id,
            correlation_id,
            causation_id: Some(sample_id("cause")),
            occurred_at: sample_time(),
            version: self.spec.version,
            copy_of: None,
            ttl_seconds: if category == Category::Command { SAMPLE_TTL } else { 86_400 },
            category,
            traceparent: Some(trace.to_owned()),
            replay_name: None,
            actor: None,
            home_region: None,
            tenant: None,
        };
        json!({
            "version": "0",
            "id": id,
            "detail-type": self.spec.detail_type,
            "source": self.spec.owner.source(),
            "account": "123456789012",
            "time": sample_time(),
            "region": "eu-central-1",
            "resources": [],
            "detail": Detail { metadata, data },
        })
    }
}

/// The time to live of a sample command: a hundred years, in seconds, so that it does not expire.
const SAMPLE_TTL: u32 = 100 * 365 * 86_400;

/// Derives the id of a sample from its name, so that every run writes the same sample.
fn sample_id(name: &str) -> uuid::Uuid {
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_DNS, name.as_bytes())
}
