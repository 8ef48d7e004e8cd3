//! The services of an application, and its partners.

/// A service: on AWS, one Lambda function. Services never call each other. Declared with
/// [`services!`](crate::services).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Service {
    /// The name in kebab-case, after which the service's folder and function are named.
    pub name: &'static str,
    /// The name in documents, such as `Event log`.
    pub title: &'static str,
    /// The `source` of the service's events, such as `com.orders`.
    pub source: &'static str,
    /// One sentence on what the service is for.
    pub meaning: &'static str,
}

/// A party outside of the application. The bus calls an HTTP endpoint of the partner, or the
/// partner calls our webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partner {
    /// The name in kebab-case, such as `carrier`.
    pub name: &'static str,
    /// The `source` of the events that the partner causes through a webhook, such as
    /// `com.logistics`.
    pub source: &'static str,
    /// The part of an event that the bus sends to the partner's endpoint as the body of a call.
    pub body: CallBody,
}

/// The part of an event that the bus sends to a partner's endpoint as the body of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CallBody {
    /// The whole `detail`: `metadata` and `data`.
    Detail,
    /// The event's `data`, without its metadata.
    Data,
}

impl CallBody {
    /// The JSONPath of this part in an event.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Detail => "$.detail",
            Self::Data => "$.detail.data",
        }
    }
}

/// A bus of another AWS account. Rules forward public events to this bus, unchanged, if a
/// deployment sets the bus's ARN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OutsideBus {
    /// The name in kebab-case, such as `enterprise`.
    pub name: &'static str,
    /// The `source` of public events, such as `com.example.shop`. Only events with this `source`
    /// may be forwarded.
    pub source: &'static str,
    /// The types that identify a person, by their names in JSON Schemas. Public events must not
    /// contain a value of such a type.
    pub personal: &'static [&'static str],
}

/// A partner that sends commands from its own AWS account, through a bus in a third account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sender {
    /// The partner. The commands have the partner's `source`.
    pub partner: Partner,
    /// The bus that admits the partner's account, and forwards the commands.
    pub through: OutsideBus,
}

/// The publisher of an event, or the receiver of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A service of the application.
    Service(Service),
    /// A partner. No row has to emit the partner's events.
    Partner(Partner),
}

impl Owner {
    /// The `source` of the owner's events.
    #[must_use]
    pub const fn source(self) -> &'static str {
        match self {
            Self::Service(service) => service.source,
            Self::Partner(partner) => partner.source,
        }
    }
}

/// Declares the services of an application: a constant for each service, and the constant `ALL`
/// with all services in the order of their declaration.
///
/// ```
/// chorus_table::services! {
///     /// Takes orders.
///     ORDER: "order", "Order", "com.orders";
///     /// Stores every event.
///     EVENT_LOG: "event-log", "Event log", "com.event-log";
/// }
/// assert_eq!(ALL.map(|service| service.name), ["order", "event-log"]);
/// assert_eq!(ORDER.meaning, "Takes orders.");
/// ```
#[macro_export]
macro_rules! services {
    ($($(#[doc = $meaning:literal])+ $name:ident: $kebab:literal, $title:literal, $source:literal;)+) => {
        $(
            $(#[doc = $meaning])+
            pub const $name: $crate::Service = $crate::Service {
                name: $kebab,
                title: $title,
                source: $source,
                meaning: concat!($($meaning),+).trim_ascii(),
            };
        )+

        /// All services, in the order of their declaration.
        pub const ALL: [$crate::Service; [$($kebab),+].len()] = [$($name),+];
    };
}
