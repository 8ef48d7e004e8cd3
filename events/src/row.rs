//! One row of the design table, and the words that its columns are filled with.

use crate::{EventSpec, Inputs, Outputs};

/// A service: one voice. Each is a Lambda function on AWS; none ever calls another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// Takes orders, and knows when they end.
    Order,
    /// Knows items, their prices and their stock.
    Inventory,
    /// Knows customers.
    Customer,
    /// Plans and follows deliveries.
    Delivery,
    /// Charges and refunds.
    Payment,
    /// Writes to customers and operators.
    Notification,
    /// Has a person look at high-value orders.
    Fraud,
    /// Declares what leaves the country.
    Customs,
    /// Counts.
    Analytics,
    /// Remembers every event.
    EventLog,
}

impl Service {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 10] = [
        Self::Order,
        Self::Inventory,
        Self::Customer,
        Self::Delivery,
        Self::Payment,
        Self::Notification,
        Self::Fraud,
        Self::Customs,
        Self::Analytics,
        Self::EventLog,
    ];

    /// As the table prints it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Order => "Order",
            Self::Inventory => "Inventory",
            Self::Customer => "Customer",
            Self::Delivery => "Delivery",
            Self::Payment => "Payment",
            Self::Notification => "Notification",
            Self::Fraud => "Fraud",
            Self::Customs => "Customs",
            Self::Analytics => "Analytics",
            Self::EventLog => "Event log",
        }
    }

    /// In kebab-case: the folder, the function and the table of the service.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Inventory => "inventory",
            Self::Customer => "customer",
            Self::Delivery => "delivery",
            Self::Payment => "payment",
            Self::Notification => "notification",
            Self::Fraud => "fraud",
            Self::Customs => "customs",
            Self::Analytics => "analytics",
            Self::EventLog => "event-log",
        }
    }

    /// The `source` of its events.
    #[must_use]
    pub const fn source(self) -> &'static str {
        match self {
            Self::Order => "com.orders",
            Self::Inventory => "com.inventory",
            Self::Customer => "com.customers",
            Self::Delivery => "com.delivery",
            Self::Payment => "com.payments",
            Self::Notification => "com.notifications",
            Self::Fraud => "com.fraud",
            Self::Customs => "com.customs",
            Self::Analytics => "com.analytics",
            Self::EventLog => "com.event-log",
        }
    }
}

/// What starts an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// The events of the row's `on` column, the commands of its `api` column, or both.
    Messages,
    /// Every event on the bus: a catch-all rule.
    Every,
}

/// How an action's events reach it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// The bus invokes the service's function.
    Function,
    /// A FIFO queue, grouped by order, stands between the bus and the function.
    Queue,
    /// The bus calls an HTTP endpoint of a partner; no code of ours runs. Its emitted events are
    /// said by the partner, through our webhook.
    ApiDestination,
}

/// What an action does to the world, and how that is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It looks and tells; nothing needs to be undone.
    Looks,
    /// It changes something that a later failure must undo, by the action named.
    UndoneBy(&'static str),
    /// It takes back what another did, or ends the story.
    Settles,
    /// It keeps a record (a view, a count, a letter sent) that stays true whatever follows.
    Records,
}

/// What an action does with an event that is replayed from the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// It folds events into a view: replaying rebuilds it.
    Folds,
    /// Its idempotency record absorbs what it has seen; what it has not seen, it does now.
    Idempotent,
    /// It reaches outside of the shop: a replayed event is recorded and nothing is sent.
    Suppressed,
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
    /// What starts it.
    pub trigger: Trigger,
    /// Commands that its synchronous API accepts.
    pub api: &'static [EventSpec],
    /// Events that a rule brings to it.
    pub on: &'static [EventSpec],
    /// Events that a task of a state machine hands to it; no rule does.
    pub tasks: &'static [EventSpec],
    /// The state machine whose tasks it does: the action of the row that starts it.
    pub task_of: Option<&'static str>,
    /// Whether it starts the state machine of its own name.
    pub starts_machine: bool,
    /// Events that it emits: one of these, or none where there is nothing to do.
    pub emits: &'static [EventSpec],
    /// A content rule: an event pattern on `detail`, as JSON text.
    pub when: Option<&'static str>,
    /// The action whose dead letters it consumes too.
    pub dead_letters_of: Option<&'static str>,
    /// How events reach it.
    pub via: Via,
    /// What it does to the world.
    pub effect: Effect,
    /// What it does with a replayed event.
    pub replay: Replay,
    /// Within how many seconds of its input it should have emitted, before somebody should look.
    pub within_seconds: u32,
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
            via: Via::Function,
            effect: Effect::Looks,
            replay: Replay::Idempotent,
            within_seconds: 60,
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

    /// Fills in the state machine whose tasks it does, and the events that these hand to it.
    #[must_use]
    pub const fn tasks(self, machine: &'static str, tasks: &'static [EventSpec]) -> Self {
        Self { task_of: Some(machine), tasks, ..self }
    }

    /// It starts the state machine of its own name, once for each event, and decides nothing else.
    /// A replay starts none: what the machine does reaches outside of the shop.
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

    /// It looks and tells; nothing needs to be undone.
    #[must_use]
    pub const fn looks(self) -> Self {
        Self { effect: Effect::Looks, ..self }
    }

    /// A later failure must reach `compensation`.
    #[must_use]
    pub const fn undone_by(self, compensation: &'static str) -> Self {
        Self { effect: Effect::UndoneBy(compensation), ..self }
    }

    /// It takes back what another did, or ends the story.
    #[must_use]
    pub const fn settles(self) -> Self {
        Self { effect: Effect::Settles, ..self }
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

    /// It reaches outside of the shop, which a replay must not do again.
    #[must_use]
    pub const fn outside(self) -> Self {
        Self { replay: Replay::Suppressed, ..self }
    }

    /// Its events wait in a FIFO queue, grouped by order.
    #[must_use]
    pub const fn queued(self) -> Self {
        Self { via: Via::Queue, ..self }
    }

    /// The bus calls a partner's HTTP endpoint for it.
    #[must_use]
    pub const fn calls_partner(self) -> Self {
        Self { via: Via::ApiDestination, replay: Replay::Suppressed, ..self }
    }

    /// Every event on the bus starts it.
    #[must_use]
    pub const fn every(self) -> Self {
        Self { trigger: Trigger::Every, ..self }
    }

    /// Only events whose `detail` matches this pattern start it.
    #[must_use]
    pub const fn when(self, pattern: &'static str) -> Self {
        Self { when: Some(pattern), ..self }
    }

    /// It consumes what could not be delivered to `action`.
    #[must_use]
    pub const fn dead_letters_of(self, action: &'static str) -> Self {
        Self { dead_letters_of: Some(action), ..self }
    }

    /// It should have emitted after this many seconds.
    #[must_use]
    pub const fn within(self, seconds: u32) -> Self {
        Self { within_seconds: seconds, ..self }
    }
}

/// A row as a type: what ties an action's code to its line in the table.
pub trait Row: Send + Sync + 'static {
    /// The row as a value.
    const SPEC: RowSpec;
    /// What it consumes.
    type Input: Inputs;
    /// What it emits.
    type Output: Outputs;
}
