//! A message on its way into an action.

use chorus_events::{Detail, Metadata, WireEvent};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::Failure;

/// A message as an action receives it: an event from the bus, or a command from the API.
#[derive(Debug, Clone)]
pub struct Message {
    /// What it is.
    pub detail_type: String,
    /// What is known of it.
    pub metadata: Metadata,
    /// What it says, as JSON text.
    pub data: Box<RawValue>,
    /// Who said it.
    pub source: String,
}

impl Message {
    /// Reads an event as the bus delivers it.
    ///
    /// # Errors
    /// Terminal, where the text is no event of ours: trying again would not help.
    pub fn from_event(json: &str) -> Result<Self, Failure> {
        let malformed = |error: serde_json::Error| Failure::Terminal {
            code: "MalformedEvent",
            message: format!("this is no event of the contract: {error}"),
        };
        let event: WireEvent = serde_json::from_str(json).map_err(malformed)?;
        let detail: Detail<Box<RawValue>> =
            serde_json::from_str(event.detail.get()).map_err(malformed)?;
        let mut metadata = detail.metadata;
        metadata.replay_name = event.replay_name.or(metadata.replay_name);
        let (detail_type, source) = (event.detail_type, event.source);
        Ok(Self { detail_type, metadata, data: detail.data, source })
    }

    /// A fingerprint of what the message says. The order of keys and white space do not matter.
    ///
    /// # Errors
    /// Terminal, where the data is no JSON.
    pub fn fingerprint(&self) -> Result<String, Failure> {
        let data: serde_json::Value =
            serde_json::from_str(self.data.get()).map_err(|error| Failure::Terminal {
                code: "MalformedEvent",
                message: format!("the data is no JSON: {error}"),
            })?;
        let mut hasher = Sha256::new();
        hasher.update(self.detail_type.as_bytes());
        hash_sorted(&mut hasher, &data);
        let digest = hasher.finalize();
        Ok(digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
    }
}

/// Hashes a value with the keys of every object in sorted order.
fn hash_sorted(hasher: &mut Sha256, value: &serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by_key(|(name, _)| name.as_str());
            hasher.update(b"{");
            for (name, value) in sorted {
                hasher.update(name.len().to_le_bytes());
                hasher.update(name.as_bytes());
                hash_sorted(hasher, value);
            }
            hasher.update(b"}");
        }
        serde_json::Value::Array(values) => {
            hasher.update(b"[");
            for value in values {
                hash_sorted(hasher, value);
            }
            hasher.update(b"]");
        }
        scalar => {
            let text = scalar.to_string();
            hasher.update(text.len().to_le_bytes());
            hasher.update(text.as_bytes());
        }
    }
}
