//! The traits of events and commands, and of the two enums of an action: the messages that it
//! consumes, and the events that it emits.

use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::{Category, Owner};

/// The role of an event in its flow. A flow is the chain of events that one command causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Some row must consume the event.
    Step,
    /// A step has failed: some row must consume the event, and earlier steps must be undone.
    Failure,
    /// No row needs to consume the event, but other events may continue the flow.
    Terminal,
    /// The event ends the flow, as `OrderDelivered` does; no row needs to consume the event.
    End,
    /// The message is a request, not a fact.
    Command,
}

/// The properties of an event or a command that hold for all messages of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventSpec {
    /// The message's `detail-type`, such as `OrderCreated`.
    pub detail_type: &'static str,
    /// The service or partner that publishes the event, or the service that handles the command.
    pub owner: Owner,
    /// The role of the event in its flow.
    pub role: Role,
    /// The current version of the data's schema, from 1.
    pub version: u32,
    /// One sentence on what the message means, from its type's documentation.
    pub meaning: &'static str,
}

impl EventSpec {
    /// Whether messages of this type are commands or events: a matter of the role.
    #[must_use]
    pub const fn category(&self) -> Category {
        if matches!(self.role, Role::Command) { Category::Command } else { Category::Event }
    }
}

/// Why a message cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The action does not consume this detail type.
    #[error("this action consumes no message of the type {0}")]
    Unexpected(String),
    /// The data does not fit the type.
    #[error("the data of {detail_type} version {version} cannot be read")]
    Data {
        /// The message's detail type.
        detail_type: &'static str,
        /// The version that the sender wrote.
        version: u32,
        /// The field that cannot be read, and why.
        #[source]
        source: serde_json::Error,
    },
    /// The sender's version is newer than this consumer knows, or is older and has no conversion to
    /// the current version (no `upcast`).
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

impl ReadError {
    /// Whether the sender writes a newer version than this consumer knows: a later release of the
    /// consumer will read the message.
    #[must_use]
    pub const fn is_newer(&self) -> bool {
        matches!(self, Self::Version { version, known, .. } if *version > *known)
    }
}

/// An earlier version of `E`, declared in `before` of [`event!`](crate::event).
#[derive(Debug, Clone, Copy)]
pub struct Earlier<E> {
    /// The number of the earlier version.
    pub version: u32,
    /// Whether producers still publish this version, beside the current one, for consumers that
    /// cannot read the current one.
    pub published: bool,
    /// The JSON Schema of the data in this version.
    pub schema: fn() -> Schema,
    /// An example of the data in this version.
    pub sample: fn() -> serde_json::Result<Value>,
    /// Reads data of this version, and converts the data to the current version.
    pub upcast: fn(&RawValue) -> serde_json::Result<E>,
    /// Converts the current version to this version; `None` if this version cannot express the
    /// event.
    pub downcast: fn(&E) -> Option<serde_json::Result<Box<RawValue>>>,
}

/// The data of an event, written in an earlier version.
#[derive(Debug, Clone)]
pub struct EarlierData {
    /// The number of the earlier version.
    pub version: u32,
    /// The data as JSON text.
    pub data: Box<RawValue>,
}

/// The data of `event` in each earlier version that is still published.
#[doc(hidden)]
pub fn copies<E: Event>(event: &E) -> serde_json::Result<Vec<EarlierData>> {
    let published = E::EARLIER.iter().filter(|earlier| earlier.published);
    let copy = |earlier: &Earlier<E>| {
        let data = (earlier.downcast)(event)?;
        Some(data.map(|data| EarlierData { version: earlier.version, data }))
    };
    published.filter_map(copy).collect()
}

/// Converts the data to the earliest version that can express the event, and drops unknown fields.
/// `None` if only the current version can express the event, or if the data cannot be read. The
/// result does not depend on the version in which an event was sent. So two messages carry the same
/// event data if their results are equal.
#[doc(hidden)]
pub fn in_earliest<E: Event>(version: u32, data: &RawValue) -> Option<Box<RawValue>> {
    let mut before: Vec<&Earlier<E>> =
        E::EARLIER.iter().filter(|earlier| earlier.version <= version).collect();
    before.sort_unstable_by_key(|earlier| earlier.version);
    if before.is_empty() {
        return None;
    }
    let event = E::read(version, data).ok()?;
    before.iter().find_map(|earlier| (earlier.downcast)(&event)?.ok())
}

/// The data of an event or a command.
pub trait Event:
    Serialize + DeserializeOwned + JsonSchema + Clone + PartialEq + std::fmt::Debug + 'static
{
    /// The detail type, owner, role and version of the event or command.
    const SPEC: EventSpec;

    /// The id of what the message is about, such as an order's id. The message's `correlation-id`
    /// derives from this id.
    fn subject(&self) -> &str;

    /// An example, used by documentation and tests.
    fn sample() -> Self;

    /// The sample, and further examples that differ from the sample in the fields that rules filter
    /// by.
    fn samples() -> Vec<Self> {
        vec![Self::sample()]
    }

    /// The earlier versions that consumers still read. A published version is never edited: an
    /// incompatible change is a new version beside the old one.
    const EARLIER: &'static [Earlier<Self>] = &[];

    /// Reads `data` that was written as `version`. Unknown fields are ignored, so an older
    /// consumer accepts a newer compatible event.
    fn read(version: u32, data: &RawValue) -> Result<Self, ReadError> {
        let detail_type = Self::SPEC.detail_type;
        let unreadable = |source| ReadError::Data { detail_type, version, source };
        if version == Self::SPEC.version {
            return serde_json::from_str(data.get()).map_err(unreadable);
        }
        let known = Self::SPEC.version;
        let earlier = Self::EARLIER.iter().find(|earlier| earlier.version == version);
        let earlier = earlier.ok_or(ReadError::Version { detail_type, version, known })?;
        (earlier.upcast)(data).map_err(unreadable)
    }

    /// The JSON Schema (draft 2020-12) of the data.
    fn schema() -> Schema {
        schema_of::<Self>()
    }
}

/// The JSON Schema (draft 2020-12) of a type.
#[doc(hidden)]
#[must_use]
pub fn schema_of<T: JsonSchema>() -> Schema {
    schemars::generate::SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>()
}

/// Expands to `true` for the keyword `published` after the name of an earlier version. Any other
/// keyword does not compile.
#[doc(hidden)]
#[macro_export]
macro_rules! is_published {
    (published) => {
        true
    };
}

/// The messages that an action consumes: an enum with one variant for each message.
pub trait Inputs: Sized + Send + Sync {
    /// The detail types, owners, roles and versions of the messages.
    const EVENTS: &'static [EventSpec];

    /// Reads data of the given detail type and version.
    fn read(detail_type: &str, version: u32, data: &RawValue) -> Result<Self, ReadError>;

    /// Converts the data to the earliest version that can express the message. `None` if only the
    /// current version can express the message, or if the data cannot be read.
    fn in_earliest(detail_type: &str, version: u32, data: &RawValue) -> Option<Box<RawValue>>;
}

/// The events that an action emits: an enum with one variant for each event.
pub trait Outputs: Sized + Send + Sync {
    /// The detail types, owners, roles and versions of the events.
    const EVENTS: &'static [EventSpec];

    /// The detail type, owner, role and version of this event.
    fn spec(&self) -> &'static EventSpec;

    /// The id of what the event is about, such as an order's id.
    fn subject(&self) -> &str;

    /// The data as JSON text.
    fn to_json(&self) -> serde_json::Result<Box<RawValue>>;

    /// The data in each earlier version that is still published.
    fn copies(&self) -> serde_json::Result<Vec<EarlierData>>;
}

/// Any event on the bus: the input of a catch-all row, which every event starts.
#[derive(Debug, Clone)]
pub struct AnyEvent {
    /// The event's detail type.
    pub detail_type: String,
    /// The event's data, not parsed.
    pub data: Box<RawValue>,
}

impl Inputs for AnyEvent {
    const EVENTS: &'static [EventSpec] = &[];

    fn read(detail_type: &str, _: u32, data: &RawValue) -> Result<Self, ReadError> {
        Ok(Self { detail_type: detail_type.to_owned(), data: data.to_owned() })
    }

    fn in_earliest(_: &str, _: u32, _: &RawValue) -> Option<Box<RawValue>> {
        None
    }
}

/// Defines an event: its documentation, owner, role, subject, and fields, each with a sample value.
/// The earlier versions follow in `before`: each is a separate type, with conversions to the
/// current version (`upcast`) and back (`downcast`). Beside the current version, producers still
/// publish the earlier versions that are marked `published`.
///
/// ```
/// use chorus_table::{Event, Owner, Service, event};
/// # const DESK: Service = Service { name: "desk", title: "Desk", source: "com.desk", meaning: "" };
/// event! {
///     /// A parcel was weighed.
///     ParcelWeighed: Owner::Service(DESK), Terminal, about parcel, version 2, {
///         parcel: String = "p".to_owned(),
///         grams: u32 = 1_500,
///     }
///     before {
///         /// Weights were whole kilograms.
///         1 as ParcelWeighedV1 published {
///             parcel: String = "p".to_owned(),
///             kilograms: u32 = 2,
///         }
///         upcast |old| ParcelWeighed { parcel: old.parcel, grams: old.kilograms * 1_000 };
///         downcast |new| Some(ParcelWeighedV1 {
///             parcel: new.parcel.clone(),
///             kilograms: new.grams.div_ceil(1_000),
///         });
///     }
/// }
/// let old = serde_json::value::to_raw_value(&ParcelWeighedV1::sample()).unwrap();
/// assert_eq!(ParcelWeighed::read(1, &old).unwrap().grams, 2_000);
/// assert!(ParcelWeighed::read(3, &old).unwrap_err().is_newer());
/// ```
#[macro_export]
macro_rules! event {
    ($(#[doc = $doc:literal])+
     $name:ident: $owner:expr, $role:ident, about $subject:ident, $(version $version:literal,)? {
        $($(#[$meta:meta])* $field:ident: $type:ty = $sample:expr),+ $(,)?
    } $(also [$({ $($other:ident: $value:expr),+ $(,)? }),+ $(,)?])?
    $(before { $(
        $(#[doc = $before_doc:literal])+
        $number:literal as $before:ident $($published:ident)? {
            $($(#[$old_meta:meta])* $old_field:ident: $old_type:ty = $old_sample:expr),+ $(,)?
        }
        upcast |$old:ident| $up:expr;
        downcast |$new:ident| $down:expr;
    )+ })?) => {
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

            $(const EARLIER: &'static [$crate::Earlier<Self>] = &[$($crate::Earlier {
                version: $number,
                published: $crate::first_of(&[$($crate::is_published!($published),)? false]),
                schema: $crate::schema_of::<$before>,
                sample: || serde_json::to_value($before::sample()),
                upcast: |data| {
                    let $old: $before = serde_json::from_str(data.get())?;
                    Ok($up)
                },
                downcast: |$new| {
                    let old: Option<$before> = $down;
                    old.map(|old| serde_json::value::to_raw_value(&old))
                },
            }),+];)?
        }

        $($(
            $(#[doc = $before_doc])+
            #[derive(
                Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
            )]
            #[serde(rename_all = "kebab-case")]
            #[schemars(title = stringify!($name))]
            #[allow(missing_docs)]
            pub struct $before {
                $($(#[$old_meta])* pub $old_field: $old_type),+
            }

            impl $before {
                /// An example, used by documentation and tests.
                #[must_use]
                pub fn sample() -> Self {
                    Self { $($old_field: $old_sample),+ }
                }
            }
        )+)?
    };
}
