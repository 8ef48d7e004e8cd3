//! A message with its schema and its samples: what documents and tests need of it.

use jiff::Timestamp;
use schemars::Schema;
use serde_json::{Value, json};

use crate::{Category, Detail, Earlier, Event, EventSpec, Metadata};

/// The moment at which every sample happened: 2026-11-20T10:47:00Z.
#[must_use]
pub fn sample_time() -> Timestamp {
    Timestamp::from_second(1_795_171_620).expect("the moment is between the years -9999 and 9999")
}

/// A message with what documents and tests need of it.
#[derive(Debug, Clone, Copy)]
pub struct Message {
    /// Its row in the event table.
    pub spec: EventSpec,
    /// The JSON Schema of its data.
    pub schema: fn() -> Schema,
    /// The versions that it had earlier, and that consumers read still.
    pub earlier: fn() -> Vec<EarlierMessage>,
    samples: fn() -> serde_json::Result<Vec<(String, Value)>>,
}

/// An earlier version of a message.
#[derive(Debug, Clone, Copy)]
pub struct EarlierMessage {
    /// Its number.
    pub version: u32,
    /// Whether producers publish it still, beside the current one.
    pub published: bool,
    /// The JSON Schema of its data.
    pub schema: fn() -> Schema,
    /// An example of its data.
    pub sample: fn() -> serde_json::Result<Value>,
}

impl Message {
    /// The message that `E` is.
    #[must_use]
    pub fn of<E: Event>() -> Self {
        let samples = || {
            let told = |event: &E| Ok((event.subject().to_owned(), serde_json::to_value(event)?));
            E::samples().iter().map(told).collect()
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

    /// The versions that are on the bus, the current one first, each with the schema of its data.
    #[must_use]
    pub fn published(&self) -> Vec<(u32, fn() -> Schema)> {
        let earlier = (self.earlier)().into_iter().filter(|earlier| earlier.published);
        let current = (self.spec.version, self.schema);
        std::iter::once(current).chain(earlier.map(|it| (it.version, it.schema))).collect()
    }

    /// Samples: whole events as the bus delivers them, usable with `cargo lambda invoke` and
    /// `sam local invoke`. The first is the one that documents show; the others are further events,
    /// which differ where content rules look.
    ///
    /// # Errors
    /// Where a sample cannot be written as JSON.
    pub fn samples(&self) -> serde_json::Result<Vec<Value>> {
        let samples = (self.samples)()?;
        let delivered = |(index, sample)| self.delivered(index, sample);
        Ok(samples.into_iter().enumerate().map(delivered).collect())
    }

    fn delivered(&self, index: usize, (correlation_id, data): (String, Value)) -> Value {
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

/// How long a sample of a command may be acted on: a hundred years, in seconds.
const SAMPLE_TTL: u32 = 100 * 365 * 86_400;

/// The id of a sample: derived from its name, so that every run writes the same file.
fn sample_id(name: &str) -> uuid::Uuid {
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_DNS, name.as_bytes())
}
