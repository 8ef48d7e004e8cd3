//! A row of the design table, and the types of its columns.

use crate::{
    Breaker, Callers, Content, EventSpec, Inputs, Outputs, OutsideBus, Partner, Sender, Service,
};

/// What starts an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// The events of the row's `on` column, the commands of its `api` column, or both.
    Messages,
    /// Every event on the bus whose `source` begins with `source_prefix`: a catch-all rule.
    Every {
        /// The prefix that the sources of all services and partners have in common.
        source_prefix: &'static str,
    },
}

/// How events reach an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// The bus invokes the service's function.
    Function,
    /// Events go through a standard queue of the service to its function. The queue keeps no order
    /// and may deliver an event twice. A message that fails is received again, alone, after growing
    /// pauses for up to a day: see [`crate::policy::QUEUE`]. Rows that call a partner need the
    /// queue: without it, Lambda tries an event only three times within three minutes.
    Queue,
    /// The bus calls the HTTP endpoint of this partner; no code of ours runs. The events that the
    /// row emits are those that the partner's webhook causes later.
    ApiDestination(Partner),
    /// The bus forwards the event, unchanged, to this bus of another account; no code of ours runs.
    Bus(OutsideBus),
}

/// Whether an action changes state, and how the change is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The action changes no state; nothing needs to be undone.
    ReadOnly,
    /// The action changes state; if a later step fails, the named action compensates.
    UndoneBy(&'static str),
    /// The action undoes another action, or ends the flow.
    Final,
    /// The action writes a record (a view, a count, an email sent) that stays true whatever
    /// follows.
    Records,
}

/// What an action does with an event that is replayed from the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// The action folds events into a view: replaying rebuilds the view.
    Folds,
    /// The action handles a replayed event like any other: idempotency records let it skip events
    /// that it has handled before.
    Idempotent,
    /// The action makes external calls, so it ignores a replayed event: no call is made, and no
    /// idempotency record is written.
    Suppressed,
}

/// What a row, including its request handler and its external calls, does with people's encryption
/// keys. Only functions with a row that uses keys are granted access to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyUse {
    /// The row neither encrypts nor decrypts.
    None,
    /// The row decrypts text about people.
    Opens,
    /// The row encrypts text about people, and creates a key for a person who has none.
    Seals,
    /// The row destroys keys.
    Destroys,
}

/// The most that one message may cost a row. Tests fail if a row costs more, so that a higher cost
/// has to be entered in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Requests to DynamoDB per message.
    pub requests: u32,
    /// Write units of DynamoDB per message.
    pub write_units: u32,
}

/// One row of the design table as a value, from which rules, IAM, the template and documents
/// derive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowSpec {
    /// The action, verb first, such as `ReserveItem`.
    pub action: &'static str,
    /// The row's name in documents; the action's name unless the row sets another name.
    pub title: &'static str,
    /// One sentence on what the action does, from the row's documentation.
    pub meaning: &'static str,
    /// The service to which the action belongs.
    pub service: Service,
    /// What starts the action: the row's messages, or every event on the bus.
    pub trigger: Trigger,
    /// The commands that the service's API accepts for this action.
    pub api: &'static [EventSpec],
    /// The events that a rule delivers to the action.
    pub on: &'static [EventSpec],
    /// The events that a task of a state machine passes to the action, without a rule.
    pub tasks: &'static [EventSpec],
    /// The state machine of which this action is a task. A machine is named after the action that
    /// starts it.
    pub task_of: Option<&'static str>,
    /// Whether the action starts the state machine named after the action. The action may skip the
    /// start for events that do not need the machine.
    pub starts_machine: bool,
    /// The events that the action may emit: at most one for each message.
    pub emits: &'static [EventSpec],
    /// A content rule that selects which of the events in `on` start the action.
    pub when: Option<Content>,
    /// The action whose dead letters this action also consumes.
    pub dead_letters_of: Option<&'static str>,
    /// The row of the same service that handles a message which this row's queue has tried for as
    /// long as [`crate::policy::QUEUE`] allows. If `None`, the message becomes a dead letter.
    pub gives_up_to: Option<&'static str>,
    /// How events reach the action.
    pub via: Via,
    /// Whether the action changes state, and how the change is undone.
    pub effect: Effect,
    /// What the action does with a replayed event.
    pub replay: Replay,
    /// The action should emit an event within this many seconds after its input. If no event was
    /// emitted in this time, an operator should find out why.
    pub within_seconds: u32,
    /// The most that one message may cost; `None` if the cost is not measured.
    pub budget: Option<Budget>,
    /// The callers who may send the commands in `api`.
    pub callers: Callers,
    /// The partner whose AWS account may also send the commands in `api` through the bus; `None` if
    /// only the API accepts them.
    pub commands_from: Option<Sender>,
    /// Whether a deployment may disable the row. No other row waits for the events of such a row.
    pub optional: bool,
    /// The circuit breaker of the partner that the action's code calls; `None` without a breaker.
    pub breaker: Option<&'static Breaker>,
    /// What the action does with people's encryption keys.
    pub keys: KeyUse,
}

impl RowSpec {
    /// A row with an action, its service and its meaning, and defaults in all other columns.
    #[must_use]
    pub const fn new(action: &'static str, service: Service, meaning: &'static str) -> Self {
        Self {
            action,
            title: action,
            meaning,
            service,
            trigger: Trigger::Messages,
            api: &[],
            on: &[],
            tasks: &[],
            task_of: None,
            starts_machine: false,
            emits: &[],
            when: None,
            dead_letters_of: None,
            gives_up_to: None,
            via: Via::Function,
            effect: Effect::ReadOnly,
            replay: Replay::Idempotent,
            within_seconds: 60,
            budget: None,
            callers: Callers::Nobody,
            commands_from: None,
            optional: false,
            breaker: None,
            keys: KeyUse::None,
        }
    }

    /// Fills in the commands, the events consumed and the events emitted.
    #[must_use]
    pub const fn messages(
        self,
        api: &'static [EventSpec],
        on: &'static [EventSpec],
        emits: &'static [EventSpec],
    ) -> Self {
        Self { api, on, emits, ..self }
    }

    /// Sets the state machine that runs this action as a task, and the events that the machine
    /// passes to the action.
    #[must_use]
    pub const fn tasks<M: Row>(self, _: &M, tasks: &'static [EventSpec]) -> Self {
        Self { task_of: Some(M::ACTION), tasks, ..self }
    }

    /// Makes the action start the state machine that has the action's name, once for each event
    /// that needs the machine. A replayed event does not start the machine, because the machine
    /// makes external calls.
    #[must_use]
    pub const fn starts_machine(self) -> Self {
        Self { starts_machine: true, replay: Replay::Suppressed, ..self }
    }

    /// Every event that a rule or a state machine delivers to the action.
    pub fn consumes(&self) -> impl Iterator<Item = &'static EventSpec> {
        self.on.iter().chain(self.tasks)
    }

    /// Sets the row's name in documents.
    #[must_use]
    pub const fn title(self, title: &'static str) -> Self {
        Self { title, ..self }
    }

    /// Marks a row that changes no state and needs no compensation.
    #[must_use]
    pub const fn read_only(self) -> Self {
        Self { effect: Effect::ReadOnly, ..self }
    }

    /// Names the row that compensates this one when a later step fails.
    #[must_use]
    pub const fn undone_by<C: Row>(self, _: &C) -> Self {
        Self { effect: Effect::UndoneBy(C::ACTION), ..self }
    }

    /// Marks a row that undoes another action, or ends the flow.
    #[must_use]
    pub const fn final_step(self) -> Self {
        Self { effect: Effect::Final, ..self }
    }

    /// Marks a row that writes a record which stays true whatever follows.
    #[must_use]
    pub const fn records(self) -> Self {
        Self { effect: Effect::Records, ..self }
    }

    /// Marks a row whose view is rebuilt by replaying its events.
    #[must_use]
    pub const fn folds(self) -> Self {
        Self { replay: Replay::Folds, ..self }
    }

    /// Marks a row that makes external calls, which a replay must not repeat.
    #[must_use]
    pub const fn outside(self) -> Self {
        Self { replay: Replay::Suppressed, ..self }
    }

    /// Puts a queue of the service between the bus and the function; the queue keeps no order.
    #[must_use]
    pub const fn queued(self) -> Self {
        Self { via: Via::Queue, ..self }
    }

    /// Makes the bus call this partner's HTTP endpoint; a replay does not call the endpoint.
    #[must_use]
    pub const fn calls(self, partner: Partner) -> Self {
        Self { via: Via::ApiDestination(partner), replay: Replay::Suppressed, ..self }
    }

    /// Makes the bus forward the row's events to this bus of another AWS account, so the events
    /// become public. A replay does not forward the events again.
    #[must_use]
    pub const fn forwards_to(self, bus: OutsideBus) -> Self {
        Self { via: Via::Bus(bus), replay: Replay::Suppressed, ..self }
    }

    /// Names the circuit breaker of the partner that the action's code calls. While the breaker is
    /// open, no call is made except for the breaker's probes.
    #[must_use]
    pub const fn guarded_by(self, breaker: &'static Breaker) -> Self {
        Self { breaker: Some(breaker), ..self }
    }

    /// The events that the row's function publishes: the events it emits, and the events of its
    /// partner's breaker.
    pub fn publishes(&self) -> impl Iterator<Item = &'static EventSpec> {
        self.emits.iter().chain(self.breaker_events())
    }

    /// The events of the row's circuit breaker; empty without a breaker.
    pub fn breaker_events(&self) -> impl Iterator<Item = &'static EventSpec> {
        self.breaker.into_iter().flat_map(|breaker| [breaker.unavailable, breaker.recovered])
    }

    /// Starts the action on every event on the bus whose `source` begins with `source_prefix`.
    #[must_use]
    pub const fn every(self, source_prefix: &'static str) -> Self {
        Self { trigger: Trigger::Every { source_prefix }, ..self }
    }

    /// Starts the action only on events whose data meets this condition.
    #[must_use]
    pub const fn when(self, content: Content) -> Self {
        Self { when: Some(content), ..self }
    }

    /// Whether every event on the bus starts the action.
    #[must_use]
    pub const fn is_catch_all(&self) -> bool {
        matches!(self.trigger, Trigger::Every { .. })
    }

    /// The partner whose endpoint the bus calls for this row; `None` if the bus calls no partner.
    #[must_use]
    pub const fn partner(&self) -> Option<Partner> {
        match self.via {
            Via::ApiDestination(partner) => Some(partner),
            Via::Function | Via::Queue | Via::Bus(_) => None,
        }
    }

    /// The bus of another account to which the row's events are forwarded; `None` if they are not
    /// forwarded.
    #[must_use]
    pub const fn outside_bus(&self) -> Option<OutsideBus> {
        match self.via {
            Via::Bus(bus) => Some(bus),
            Via::Function | Via::Queue | Via::ApiDestination(_) => None,
        }
    }

    /// Whether a function handles the row's messages. Otherwise the bus itself calls a partner or
    /// forwards the events.
    #[must_use]
    pub const fn has_code(&self) -> bool {
        matches!(self.via, Via::Function | Via::Queue)
    }

    /// Makes the action also consume the dead letters of the row `D`.
    #[must_use]
    pub const fn dead_letters_of<D: Row>(self, _: &D) -> Self {
        Self { dead_letters_of: Some(D::ACTION), ..self }
    }

    /// Names the row that handles a message when this row's queue has used up its attempts. The named
    /// row may also be run by a state machine, as a task.
    #[must_use]
    pub const fn gives_up_to<S: Row>(self, _: &S) -> Self {
        Self { gives_up_to: Some(S::ACTION), ..self }
    }

    /// Sets how soon, in seconds after its input, the action should emit an event.
    #[must_use]
    pub const fn within(self, seconds: u32) -> Self {
        Self { within_seconds: seconds, ..self }
    }

    /// Sets how many requests to DynamoDB, and how many write units, one message may cost at most.
    #[must_use]
    pub const fn budget(self, requests: u32, write_units: u32) -> Self {
        Self { budget: Some(Budget { requests, write_units }), ..self }
    }

    /// Lets a deployment disable the row's rule.
    #[must_use]
    pub const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    /// Marks a row that decrypts text about people.
    #[must_use]
    pub const fn opens(self) -> Self {
        Self { keys: KeyUse::Opens, ..self }
    }

    /// Marks a row that encrypts text about people, and decrypts it for callers who may see it.
    #[must_use]
    pub const fn seals(self) -> Self {
        Self { keys: KeyUse::Seals, ..self }
    }

    /// Marks a row that destroys people's keys.
    #[must_use]
    pub const fn destroys_keys(self) -> Self {
        Self { keys: KeyUse::Destroys, ..self }
    }

    /// Lets this partner's AWS account send the row's commands through `bus`: a rule delivers them
    /// to the action.
    #[must_use]
    pub const fn commands_from(self, partner: Partner, bus: OutsideBus) -> Self {
        Self { commands_from: Some(Sender { partner, through: bus }), ..self }
    }

    /// Sets the callers who may send the row's commands; the API rejects all others.
    #[must_use]
    pub const fn callers(self, callers: Callers) -> Self {
        Self { callers, ..self }
    }
}

/// A row as a type, which ties an action's code to its row in the table.
pub trait Row: Send + Sync + 'static {
    /// The action's name, such as `ReserveItem`.
    const ACTION: &'static str;
    /// The row as a value.
    const SPEC: RowSpec;
    /// The commands and events that the action consumes.
    type Input: Inputs;
    /// The events that the action emits.
    type Output: Outputs;
}
