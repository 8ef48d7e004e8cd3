//! What makes a type an event or a command, and the sets of them that an action reads and writes.

use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::{Category, Owner};

/// The role of an event in its flow: in everything that one command causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The story goes on from here: somebody must consume it.
    Step,
    /// A failed step: somebody must consume it, and what was done before must be undone.
    Failure,
    /// Nothing needs to follow.
    Terminal,
    /// Ends the story.
    End,
    /// A request, not a fact.
    Command,
}

/// One row of the event table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventSpec {
    /// The `detail-type`.
    pub detail_type: &'static str,
    /// Who says it.
    pub owner: Owner,
    /// Its part in the story.
    pub role: Role,
    /// The version of its data's schema.
    pub version: u32,
    /// What it means, in a sentence.
    pub meaning: &'static str,
}

impl EventSpec {
    /// The message category that the role implies.
    #[must_use]
    pub const fn category(&self) -> Category {
        if matches!(self.role, Role::Command) { Category::Command } else { Category::Event }
    }
}

/// Why a message cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The action does not consume this detail type.
    #[error("no input of this action is called {0}")]
    Unexpected(String),
    /// The data does not fit the type.
    #[error("the data of {detail_type} version {version} cannot be read")]
    Data {
        /// The message's detail type.
        detail_type: &'static str,
        /// The version that the sender wrote.
        version: u32,
        /// Which field, and why.
        #[source]
        source: serde_json::Error,
    },
    /// The sender's version is newer than this consumer knows, or has no upcaster.
    #[error("{detail_type} version {version} is unknown here; this consumer reads version {known}")]
    Version {
        /// The message's detail type.
        detail_type: &'static str,
        /// The version that the sender wrote.
        version: u32,
        /// The version that this consumer reads.
        known: u32,
    },
}

/// A message of the contract: its data, with its place in the event table.
pub trait Event:
    Serialize + DeserializeOwned + JsonSchema + Clone + PartialEq + std::fmt::Debug
{
    /// Its row in the event table.
    const SPEC: EventSpec;

    /// The id of what the story is about: its `correlation-id` derives from it.
    fn subject(&self) -> &str;

    /// An example, as documentation and tests use it.
    fn sample() -> Self;

    /// Examples that differ where rules look: the sample, and what else content rules tell apart.
    fn samples() -> Vec<Self> {
        vec![Self::sample()]
    }

    /// Turns the data of an older `version` into this one's. A version is never edited: an
    /// incompatible change is a new version, and this is how the old one is still understood.
    fn upcast(version: u32, data: Value) -> Option<Value> {
        (version == Self::SPEC.version).then_some(data)
    }

    /// Reads `data` that was written as `version`. Unknown fields are ignored, so an older
    /// consumer accepts a newer compatible event.
    fn read(version: u32, data: &RawValue) -> Result<Self, ReadError> {
        let detail_type = Self::SPEC.detail_type;
        let unreadable = |source| ReadError::Data { detail_type, version, source };
        if version == Self::SPEC.version {
            return serde_json::from_str(data.get()).map_err(unreadable);
        }
        let known = Self::SPEC.version;
        let old: Value = serde_json::from_str(data.get()).map_err(unreadable)?;
        let new = Self::upcast(version, old);
        let new = new.ok_or(ReadError::Version { detail_type, version, known })?;
        serde_json::from_value(new).map_err(unreadable)
    }

    /// The JSON Schema (draft 2020-12) of the data.
    fn schema() -> Schema {
        schemars::generate::SchemaSettings::draft2020_12()
            .into_generator()
            .into_root_schema_for::<Self>()
    }
}

/// The messages that an action consumes: an enum with a variant for each.
pub trait Inputs: Sized + Send + Sync {
    /// Their rows in the event table.
    const EVENTS: &'static [EventSpec];

    /// Reads the message called `detail_type`.
    fn read(detail_type: &str, version: u32, data: &RawValue) -> Result<Self, ReadError>;
}

/// The events that an action emits: an enum with a variant for each.
pub trait Outputs: Sized + Send + Sync {
    /// Their rows in the event table.
    const EVENTS: &'static [EventSpec];

    /// The row of this one.
    fn spec(&self) -> &'static EventSpec;

    /// What the story is about.
    fn subject(&self) -> &str;

    /// The data as JSON text.
    fn to_json(&self) -> serde_json::Result<Box<RawValue>>;
}

/// Any event at all: the input of the catch-all row.
#[derive(Debug, Clone)]
pub struct AnyEvent {
    /// What it is.
    pub detail_type: String,
    /// Its data, untouched.
    pub data: Box<RawValue>,
}

impl Inputs for AnyEvent {
    const EVENTS: &'static [EventSpec] = &[];

    fn read(detail_type: &str, _: u32, data: &RawValue) -> Result<Self, ReadError> {
        Ok(Self { detail_type: detail_type.to_owned(), data: data.to_owned() })
    }
}

/// Defines an event: its documentation, owner, role, subject, fields and a sample of each field.
#[macro_export]
macro_rules! event {
    ($(#[doc = $doc:literal])+
     $name:ident: $owner:expr, $role:ident, about $subject:ident, $(version $version:literal,)? {
        $($(#[$meta:meta])* $field:ident: $type:ty = $sample:expr),+ $(,)?
    } $(also [$({ $($other:ident: $value:expr),+ $(,)? }),+ $(,)?])?) => {
        $(#[doc = $doc])+
        #[derive(
            Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
        )]
        #[serde(rename_all = "kebab-case")]
        #[allow(missing_docs)]
        pub struct $name {
            $($(#[$meta])* pub $field: $type),+
        }

        impl $crate::Event for $name {
            const SPEC: $crate::EventSpec = $crate::EventSpec {
                detail_type: stringify!($name),
                owner: $owner,
                role: $crate::Role::$role,
                version: $crate::first_of(&[$($version,)? 1]),
                meaning: concat!($($doc),+).trim_ascii(),
            };

            fn subject(&self) -> &str {
                self.$subject.as_str()
            }

            fn sample() -> Self {
                Self { $($field: $sample),+ }
            }

            $(fn samples() -> Vec<Self> {
                vec![Self::sample(), $(Self { $($other: $value,)+ ..Self::sample() }),+]
            })?
        }
    };
}
