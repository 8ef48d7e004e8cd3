//! One row of the design table, and the types of its columns.

use crate::{Breaker, Callers, Content, EventSpec, Inputs, Outputs, Partner, Service};

/// What starts an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// The events of the row's `on` column, the commands of its `api` column, or both.
    Messages,
    /// Every event on the bus whose `source` begins like this: a catch-all rule.
    Every {
        /// What the sources of all services and partners begin with.
        source_prefix: &'static str,
    },
}

/// How an action's events reach it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// The bus invokes the service's function.
    Function,
    /// A queue of the service stands between the bus and its function: a standard one, which keeps no
    /// order and may deliver twice. A message that fails is received again, alone, and with growing
    /// pauses for a day: [`crate::policy::QUEUE`]. A row that calls a partner asks for it, because
    /// Lambda tries an event three times within three minutes.
    Queue,
    /// The bus calls the HTTP endpoint of this partner; no code of ours runs. The row's events are
    /// what the partner answers through a webhook, later.
    ApiDestination(Partner),
}

/// What an action does to the world, and how that is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It changes no state; nothing needs to be undone.
    ReadOnly,
    /// It changes state: if a later step fails, the named action compensates.
    UndoneBy(&'static str),
    /// It undoes what another did, or ends the flow.
    Final,
    /// It keeps a record (a view, a count, an email sent) that stays true whatever follows.
    Records,
}

/// What an action does with an event that is replayed from the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// It folds events into a view: replaying rebuilds it.
    Folds,
    /// Its idempotency record absorbs what it has seen; what it has not seen, it does now.
    Idempotent,
    /// It reaches outside of the application: a replayed event is recorded and nothing is sent.
    Suppressed,
}

/// What a row, or the code around it that receives requests and makes calls, does with people's keys:
/// only functions with such a row may touch a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyUse {
    /// It sees nothing of people but what is not encrypted.
    None,
    /// It decrypts what is said about people.
    Opens,
    /// It encrypts what is said about people, with keys that it makes where there are none.
    Seals,
    /// It destroys keys.
    Destroys,
}

/// The most that one message may cost a row: a change that makes it cost more has to change the
/// table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Requests to DynamoDB.
    pub requests: u32,
    /// Write units of DynamoDB.
    pub write_units: u32,
}

/// One row of the design table as a value: what rules, IAM, template and docs derive from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowSpec {
    /// The action, verb first, such as `ReserveItem`.
    pub action: &'static str,
    /// As the table prints it, where that differs from the action's name.
    pub title: &'static str,
    /// What it does, in a sentence.
    pub meaning: &'static str,
    /// Whose action it is.
    pub service: Service,
    /// The event, task or dead letter that starts the action.
    pub trigger: Trigger,
    /// Commands that its synchronous API accepts.
    pub api: &'static [EventSpec],
    /// Events that a rule brings to it.
    pub on: &'static [EventSpec],
    /// Events that a task of a state machine hands to it; no rule does.
    pub tasks: &'static [EventSpec],
    /// The state machine whose tasks it does: the action of the row that starts it.
    pub task_of: Option<&'static str>,
    /// Whether it starts the state machine of its own name: for every event, or for those that need it.
    pub starts_machine: bool,
    /// Events that it emits: one of these, or none where there is nothing to do.
    pub emits: &'static [EventSpec],
    /// A content rule: which of the events of `on` start it.
    pub when: Option<Content>,
    /// The action whose dead letters it consumes too.
    pub dead_letters_of: Option<&'static str>,
    /// The row of its service that answers what its queue has tried for as long as
    /// [`crate::policy::QUEUE`] allows: without one, that is a dead letter.
    pub gives_up_to: Option<&'static str>,
    /// How events reach it.
    pub via: Via,
    /// What it does to the world.
    pub effect: Effect,
    /// What it does with a replayed event.
    pub replay: Replay,
    /// Within how many seconds of its input it should have emitted, before an operator should look.
    pub within_seconds: u32,
    /// What one message may cost it; none where nothing measures it.
    pub budget: Option<Budget>,
    /// Who may give it its commands.
    pub callers: Callers,
    /// Whether a deployment may do without it: nothing waits for its events.
    pub optional: bool,
    /// When its own code stops calling the partner that it calls.
    pub breaker: Option<&'static Breaker>,
    /// What it does with people's keys.
    pub keys: KeyUse,
}

impl RowSpec {
    /// A row of which only the action, its service and its meaning are filled in.
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

    /// Sets the state machine that runs this action as a task, and the events that it passes in.
    #[must_use]
    pub const fn tasks<M: Row>(self, _: &M, tasks: &'static [EventSpec]) -> Self {
        Self { task_of: Some(M::ACTION), tasks, ..self }
    }

    /// It starts the state machine of its own name, once for each event that needs it. A replay starts
    /// none: what the machine does reaches outside.
    #[must_use]
    pub const fn starts_machine(self) -> Self {
        Self { starts_machine: true, replay: Replay::Suppressed, ..self }
    }

    /// Every event that it consumes, whichever way.
    pub fn consumes(&self) -> impl Iterator<Item = &'static EventSpec> {
        self.on.iter().chain(self.tasks)
    }

    /// Names the row differently in print.
    #[must_use]
    pub const fn title(self, title: &'static str) -> Self {
        Self { title, ..self }
    }

    /// Marks a row that changes no state and needs no compensation.
    #[must_use]
    pub const fn read_only(self) -> Self {
        Self { effect: Effect::ReadOnly, ..self }
    }

    /// A later failure must reach this row, the compensation.
    #[must_use]
    pub const fn undone_by<C: Row>(self, _: &C) -> Self {
        Self { effect: Effect::UndoneBy(C::ACTION), ..self }
    }

    /// It undoes what another did, or ends the flow.
    #[must_use]
    pub const fn final_step(self) -> Self {
        Self { effect: Effect::Final, ..self }
    }

    /// It keeps a record that stays true whatever follows.
    #[must_use]
    pub const fn records(self) -> Self {
        Self { effect: Effect::Records, ..self }
    }

    /// Replaying its events rebuilds its view.
    #[must_use]
    pub const fn folds(self) -> Self {
        Self { replay: Replay::Folds, ..self }
    }

    /// It reaches outside of the application, which a replay must not do again.
    #[must_use]
    pub const fn outside(self) -> Self {
        Self { replay: Replay::Suppressed, ..self }
    }

    /// Its events wait in a queue of its service, in no order.
    #[must_use]
    pub const fn queued(self) -> Self {
        Self { via: Via::Queue, ..self }
    }

    /// The bus calls this partner's HTTP endpoint for it; a replay does not.
    #[must_use]
    pub const fn calls(self, partner: Partner) -> Self {
        Self { via: Via::ApiDestination(partner), replay: Replay::Suppressed, ..self }
    }

    /// Its own code calls the partner of this breaker, and does not while the breaker is open.
    #[must_use]
    pub const fn guarded_by(self, breaker: &'static Breaker) -> Self {
        Self { breaker: Some(breaker), ..self }
    }

    /// What its function publishes: its own events, and those of its partner's breaker.
    pub fn publishes(&self) -> impl Iterator<Item = &'static EventSpec> {
        self.emits.iter().chain(self.breaker_events())
    }

    /// The events of its partner's breaker.
    pub fn breaker_events(&self) -> impl Iterator<Item = &'static EventSpec> {
        self.breaker.into_iter().flat_map(|breaker| [breaker.unavailable, breaker.recovered])
    }

    /// Every event on the bus whose `source` begins with `source_prefix` starts it.
    #[must_use]
    pub const fn every(self, source_prefix: &'static str) -> Self {
        Self { trigger: Trigger::Every { source_prefix }, ..self }
    }

    /// Only events with this content start it.
    #[must_use]
    pub const fn when(self, content: Content) -> Self {
        Self { when: Some(content), ..self }
    }

    /// Whether every event on the bus starts it.
    #[must_use]
    pub const fn is_catch_all(&self) -> bool {
        matches!(self.trigger, Trigger::Every { .. })
    }

    /// The partner whose endpoint the bus calls for it.
    #[must_use]
    pub const fn partner(&self) -> Option<Partner> {
        match self.via {
            Via::ApiDestination(partner) => Some(partner),
            Via::Function | Via::Queue => None,
        }
    }

    /// It consumes what could not be delivered to this row.
    #[must_use]
    pub const fn dead_letters_of<D: Row>(self, _: &D) -> Self {
        Self { dead_letters_of: Some(D::ACTION), ..self }
    }

    /// What its queue has tried for long enough is answered by this row, which its machine may also
    /// hand the event to.
    #[must_use]
    pub const fn gives_up_to<S: Row>(self, _: &S) -> Self {
        Self { gives_up_to: Some(S::ACTION), ..self }
    }

    /// It should have emitted after this many seconds.
    #[must_use]
    pub const fn within(self, seconds: u32) -> Self {
        Self { within_seconds: seconds, ..self }
    }

    /// One message may cost it at most so many requests to DynamoDB and write units.
    #[must_use]
    pub const fn budget(self, requests: u32, write_units: u32) -> Self {
        Self { budget: Some(Budget { requests, write_units }), ..self }
    }

    /// A deployment may do without it; its rule is disabled there.
    #[must_use]
    pub const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    /// It decrypts what is said about people.
    #[must_use]
    pub const fn opens(self) -> Self {
        Self { keys: KeyUse::Opens, ..self }
    }

    /// It encrypts what is said about people, and decrypts it for whoever may see it.
    #[must_use]
    pub const fn seals(self) -> Self {
        Self { keys: KeyUse::Seals, ..self }
    }

    /// It destroys people's keys.
    #[must_use]
    pub const fn destroys_keys(self) -> Self {
        Self { keys: KeyUse::Destroys, ..self }
    }

    /// Who may give it its commands: the API refuses everybody else.
    #[must_use]
    pub const fn callers(self, callers: Callers) -> Self {
        Self { callers, ..self }
    }
}

/// A row as a type: what ties an action's code to its line in the table.
pub trait Row: Send + Sync + 'static {
    /// The name of its action.
    const ACTION: &'static str;
    /// The row as a value.
    const SPEC: RowSpec;
    /// What it consumes.
    type Input: Inputs;
    /// What it emits.
    type Output: Outputs;
}
