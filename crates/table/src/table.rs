//! The design table of an application as a value, and the macro that declares one.

use crate::{Message, OutsideBus, Reader, RowSpec, Rule, Service, rules};

/// A design table, declared with [`design_table!`](crate::design_table). Rules, IAM, templates,
/// documents, checks and the embedded application derive from the table.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Every service of the application.
    pub services: &'static [Service],
    /// One row for each action.
    pub rows: &'static [RowSpec],
    /// The messages in the order in which the rows name them, one entry for each mention.
    #[doc(hidden)]
    pub mentioned: fn() -> Vec<Message>,
    /// For each row, in the order of the rows: the functions with which the row reads its messages.
    pub readers: fn() -> Vec<Reader>,
}

impl Table {
    /// Every message that a row names, once, in the order of the table.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        let mut once: Vec<Message> = Vec::new();
        for message in (self.mentioned)() {
            if !once.iter().any(|known| known.spec == message.spec) {
                once.push(message);
            }
        }
        once
    }

    /// The message whose detail type is `detail_type`; `None` if no row names this message.
    #[must_use]
    pub fn message(&self, detail_type: &str) -> Option<Message> {
        (self.mentioned)().into_iter().find(|message| message.spec.detail_type == detail_type)
    }

    /// The row whose action is `action`; `None` if the table has no such row.
    #[must_use]
    pub fn row(&self, action: &str) -> Option<&'static RowSpec> {
        self.rows.iter().find(|row| row.action == action)
    }

    /// The public events, each once, and each with the bus to which a row forwards the event. The
    /// bus belongs to another AWS account.
    #[must_use]
    pub fn public_events(&self) -> Vec<(OutsideBus, Message)> {
        let forwarding = |event: &Message| {
            let forwards = |row: &&RowSpec| row.on.contains(&event.spec);
            let mut rows = self.rows.iter().filter(|row| row.outside_bus().is_some());
            rows.find(forwards).and_then(RowSpec::outside_bus)
        };
        let messages = self.messages().into_iter();
        messages.filter_map(|message| Some((forwarding(&message)?, message))).collect()
    }

    /// The EventBridge rules that derive from the rows.
    #[must_use]
    pub fn rules(&self) -> Vec<Rule> {
        rules(self.rows)
    }
}

/// The type of a row's input: the row's own enum, or [`AnyEvent`](crate::AnyEvent) for a catch-all
/// row.
#[doc(hidden)]
#[macro_export]
macro_rules! input_type {
    ($own:ident) => {
        $own
    };
    ($own:ident everything) => {
        $crate::AnyEvent
    };
}

/// Declares the design table of an application: a row for each action.
///
/// A row names, in this order: its action, its service, the commands of its API, after `on` the
/// events that it consumes, and after `=>` the events that it emits. Methods of [`RowSpec`] follow
/// for the remaining columns. A row that is `task_of` a state machine receives its events from the
/// machine, not from a rule. To name another row, write that row's type: `&CancelOrder`.
///
/// The names are looked up in three modules, which have to be in scope where the macro is called:
/// `services` (see [`services!`](crate::services)), `commands`, and `facts` with every event. The
/// macro generates the constant `TABLE` and a module `rows`, with a type for each row and the enums
/// of its inputs and outputs.
#[macro_export]
macro_rules! design_table {
    ($(
        $(#[doc = $doc:literal])+
        $action:ident: $service:ident
            $(api [$($command:ident),+])?
            $(on [$($event:ident),+])?
            $(or_dead [$($dead:ident),+])?
            $(task_of $machine:ident [$($task:ident),+])?
            $(listens_to $every:ident)?
            => [$($output:ident),*]
            $(.$aspect:ident($($value:expr),*))+;
    )+) => { $crate::pastey::paste! {
        /// Every row as a type, with the messages it reads and writes.
        pub mod rows {
            use super::*;

            $(
                $(#[doc = $doc])+
                #[derive(Debug, Clone, Copy)]
                pub struct $action;

                impl $crate::Row for $action {
                    const ACTION: &'static str = stringify!($action);
                    const SPEC: $crate::RowSpec = $crate::RowSpec::new(
                        stringify!($action),
                        super::services::$service,
                        concat!($($doc),+).trim_ascii(),
                    )
                    .messages(
                        &[$($(<super::commands::$command as $crate::Event>::SPEC),+)?],
                        &[$($(<super::facts::$event as $crate::Event>::SPEC),+)?],
                        &[$(<super::facts::$output as $crate::Event>::SPEC),*],
                    )
                    $(.tasks(
                        &$machine,
                        &[$(<super::facts::$task as $crate::Event>::SPEC),+],
                    ))?
                    $(.$aspect($($value),*))+;
                    type Input = $crate::input_type!([<$action Input>] $($every)?);
                    type Output = [<$action Output>];
                }

                #[doc = "What " $action " consumes."]
                #[derive(Debug, Clone)]
                #[allow(clippy::large_enum_variant)]
                pub enum [<$action Input>] {
                    $($(
                        #[doc = "The command."]
                        $command(super::commands::$command),
                    )+)?
                    $($(
                        #[doc = "The event."]
                        $event(super::facts::$event),
                    )+)?
                    $($(
                        #[doc = "The event, delivered again as a dead letter."]
                        $dead(super::facts::$dead),
                    )+)?
                    $($(
                        #[doc = "The event, passed by a state machine."]
                        $task(super::facts::$task),
                    )+)?
                }

                impl $crate::Inputs for [<$action Input>] {
                    const EVENTS: &'static [$crate::EventSpec] = &[
                        $($(<super::commands::$command as $crate::Event>::SPEC,)+)?
                        $($(<super::facts::$event as $crate::Event>::SPEC,)+)?
                        $($(<super::facts::$dead as $crate::Event>::SPEC,)+)?
                        $($(<super::facts::$task as $crate::Event>::SPEC,)+)?
                    ];

                    #[allow(unused_variables)]
                    fn read(
                        detail_type: &str,
                        version: u32,
                        data: &serde_json::value::RawValue,
                    ) -> Result<Self, $crate::ReadError> {
                        match detail_type {
                            $($(stringify!($command) =>
                                $crate::Event::read(version, data).map(Self::$command),)+)?
                            $($(stringify!($event) =>
                                $crate::Event::read(version, data).map(Self::$event),)+)?
                            $($(stringify!($dead) =>
                                $crate::Event::read(version, data).map(Self::$dead),)+)?
                            $($(stringify!($task) =>
                                $crate::Event::read(version, data).map(Self::$task),)+)?
                            other => Err($crate::ReadError::Unexpected(other.to_owned())),
                        }
                    }

                    #[allow(unused_variables)]
                    fn in_earliest(
                        detail_type: &str,
                        version: u32,
                        data: &serde_json::value::RawValue,
                    ) -> Option<Box<serde_json::value::RawValue>> {
                        match detail_type {
                            $($(stringify!($command) =>
                                $crate::in_earliest::<super::commands::$command>(version, data),)+)?
                            $($(stringify!($event) =>
                                $crate::in_earliest::<super::facts::$event>(version, data),)+)?
                            $($(stringify!($dead) =>
                                $crate::in_earliest::<super::facts::$dead>(version, data),)+)?
                            $($(stringify!($task) =>
                                $crate::in_earliest::<super::facts::$task>(version, data),)+)?
                            _ => None,
                        }
                    }
                }

                $($(
                    impl From<super::commands::$command> for [<$action Input>] {
                        fn from(command: super::commands::$command) -> Self {
                            Self::$command(command)
                        }
                    }
                )+)?
                $($(
                    impl From<super::facts::$event> for [<$action Input>] {
                        fn from(event: super::facts::$event) -> Self {
                            Self::$event(event)
                        }
                    }
                )+)?
                $($(
                    impl From<super::facts::$task> for [<$action Input>] {
                        fn from(event: super::facts::$task) -> Self {
                            Self::$task(event)
                        }
                    }
                )+)?

                #[doc = "What " $action " emits."]
                #[derive(Debug, Clone, PartialEq)]
                #[allow(clippy::large_enum_variant)]
                pub enum [<$action Output>] {
                    $(
                        #[doc = "The event."]
                        $output(super::facts::$output),
                    )*
                }

                impl $crate::Outputs for [<$action Output>] {
                    const EVENTS: &'static [$crate::EventSpec] =
                        &[$(<super::facts::$output as $crate::Event>::SPEC),*];

                    fn spec(&self) -> &'static $crate::EventSpec {
                        match *self {
                            $(Self::$output(_) =>
                                &<super::facts::$output as $crate::Event>::SPEC,)*
                        }
                    }

                    fn subject(&self) -> &str {
                        match *self {
                            $(Self::$output(ref event) => $crate::Event::subject(event),)*
                        }
                    }

                    fn to_json(
                        &self,
                    ) -> serde_json::Result<Box<serde_json::value::RawValue>> {
                        match *self {
                            $(Self::$output(ref event) =>
                                serde_json::value::to_raw_value(event),)*
                        }
                    }

                    fn copies(&self) -> serde_json::Result<Vec<$crate::EarlierData>> {
                        match *self {
                            $(Self::$output(ref event) => $crate::copies(event),)*
                        }
                    }
                }

                $(
                    impl From<super::facts::$output> for [<$action Output>] {
                        fn from(event: super::facts::$output) -> Self {
                            Self::$output(event)
                        }
                    }
                )*
            )+
        }

        /// The whole table as a value.
        pub const TABLE: $crate::Table = $crate::Table {
            services: &services::ALL,
            rows: &[$(<rows::$action as $crate::Row>::SPEC),+],
            mentioned: || vec![$(
                $($($crate::Message::of::<commands::$command>(),)+)?
                $($($crate::Message::of::<facts::$event>(),)+)?
                $($($crate::Message::of::<facts::$task>(),)+)?
                $($crate::Message::of::<facts::$output>(),)*
            )+],
            readers: || vec![$($crate::Reader::of::<rows::$action>()),+],
        };
    } };
}
