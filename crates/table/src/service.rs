//! Who stands in a design table: the services of an application, and its partners outside.

/// A service: on AWS, one Lambda function; none ever calls another. Declared with
/// [`services!`](crate::services).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Service {
    /// In kebab-case: its folder, its function and its table are called so.
    pub name: &'static str,
    /// As people read it, such as `Event log`.
    pub title: &'static str,
    /// The `source` of its events, such as `com.orders`.
    pub source: &'static str,
    /// What it is for, in a sentence.
    pub meaning: &'static str,
}

/// A party outside of the application whose HTTP endpoint the bus calls, or whose webhooks come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partner {
    /// In kebab-case, such as `carrier`.
    pub name: &'static str,
    /// The `source` of the events that it causes through a webhook, such as `com.logistics`.
    pub source: &'static str,
    /// What of an event its endpoint is sent.
    pub body: CallBody,
}

/// What of an event a call of a partner's endpoint has as its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CallBody {
    /// The whole `detail`: `metadata` and `data`.
    Detail,
    /// The event's own `data`, and nothing of its envelope.
    Data,
}

impl CallBody {
    /// The JSONPath to it in an event.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Detail => "$.detail",
            Self::Data => "$.detail.data",
        }
    }
}

/// Who publishes an event, or answers a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A service of the application.
    Service(Service),
    /// A partner: no row has to produce its events.
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

/// Declares the services of an application, once: a constant for each, and `ALL`, the list of them in
/// this order.
///
/// ```
/// chorus_table::services! {
///     /// Takes orders.
///     ORDER: "order", "Order", "com.orders";
///     /// Remembers every event.
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

        /// Every service, in the order of their declaration.
        pub const ALL: [$crate::Service; [$($kebab),+].len()] = [$($name),+];
    };
}
