//! The interface that an application implements to be simulated.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::ops::AddAssign;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chorus_http::{HttpFunction, Problem, Request, Response};
use chorus_kernel::{Failure, Item, Store};
use chorus_local::Partner as Endpoint;
use chorus_table::{Breaker, Entry, EventSpec, Partner, RowSpec, Table};
use jiff::Timestamp;
use serde::Serialize;

use crate::client::Client;
use crate::draw::Draws;
use crate::environment::Environment;
use crate::fault::Port;
use crate::observed::Observed;
use crate::region::{Standby, TakenOver};
use crate::scenario::Scenario;
use crate::trouble::Trouble;

/// An application that the simulator can run. The constants and the functions without `self` are
/// the same for all runs; a value is the application of one run, with its simulated partners.
pub trait Application: Sized {
    /// What people do in one run.
    type Script: Script;
    /// The names of fixed scripts, on which every fault is tried in turn; no seed draws them.
    type Story: Copy + Debug + PartialEq + Serialize + Send + Sync;
    /// How many cases of a run ended in each way; a report adds up those of all runs.
    type Ends: Clone + Default + Debug + AddAssign + Serialize + Send;

    const TABLE: Table;
    /// Kinds of trouble that only this application can have, besides the general ones.
    const TROUBLES: &'static [Trouble] = &[];
    /// The ports of external partners, besides the general ports such as the store and the bus.
    const PORTS: &'static [Port] = &[];
    /// The circuit breaker of each partner that has one, with the partner's port.
    const BREAKERS: &'static [(Port, &'static Breaker)] = &[];
    /// Timeouts of the state machines' waits, in seconds, by name, which override the defaults.
    const LIMITS: &'static [(&'static str, u32)] = &[];
    /// A time that is longer than any wait of a state machine.
    const LONGEST_WAIT: Duration = Duration::ZERO;
    /// Once faults have stopped, it is a violation if the run does not end within this time.
    const ENDS_WITHIN: Duration;
    /// The unreadable messages to publish, used in turn.
    const POISON: &'static [Poison] = &[];
    /// The partners that may send commands through the bus, and their accounts.
    const SENDERS: &'static [(Partner, &'static str)] = &[];
    /// Whether the application can be simulated in two regions.
    const TWO_REGIONS: bool = false;
    /// Kinds of trouble of the application that do not occur in runs with two regions.
    const IN_ONE_REGION: &'static [Trouble] = &[];

    /// Draws what people do in the run of a seed with `size` cases.
    fn draw(size: u32, draws: &mut Draws) -> Self::Script;

    /// What people do in a fixed script: by default, three cases that are drawn without any
    /// trouble.
    fn fixed(_: Self::Story) -> Self::Script {
        Self::draw(3, &mut Draws::plain())
    }

    /// The application of one run.
    fn open(environment: &Arc<Environment>, scenario: &Scenario<Self::Script>) -> Opened<Self>;

    /// The clients that call the API before anything goes wrong.
    fn set_up(&self) -> Vec<Client> {
        Vec::new()
    }

    /// The clients that call the API while faults are injected, and after how much time.
    fn callers(&self) -> Vec<(Duration, Client)>;

    /// The messages that other accounts put on the bus while faults are injected, and after how much
    /// time. The bus accepts all of them, as if its policy had no conditions.
    fn sent(&self) -> Vec<(Duration, Sent)> {
        Vec::new()
    }

    /// The request of a client's next attempt, for applications in which it changes.
    fn request(&self, client: &Client, _now: Timestamp) -> Request {
        client.request.clone()
    }

    /// Receives the response to a client, and returns what is wrong with it, as `kind: what`.
    fn check_answer(
        &self,
        _client: &Client,
        _answer: &Result<Response, Problem>,
    ) -> Option<String> {
        None
    }

    /// Whether every case has ended.
    fn is_over(&self, observed: &Observed) -> bool;

    /// The clients by which an operator helps cases that do not end by themselves once faults have
    /// stopped. `round` counts from 0.
    fn help(&self, _round: u32, _observed: &Observed) -> Vec<Client> {
        Vec::new()
    }

    /// Discards the projections, and rebuilds them.
    fn rebuild(&self, _observed: &Observed, _store: Arc<dyn Store>) -> Chore {
        Box::pin(std::future::ready(()))
    }

    /// Takes over the cases of the region that acted before; no region acts meanwhile.
    ///
    /// # Errors
    /// If the takeover fails.
    fn take_over(&self, _: Standby) -> Result<TakenOver, Failure> {
        Ok(TakenOver::default())
    }

    /// Whether the case with this `correlation-id` was lost with a region, which may leave its messages
    /// among the dead letters.
    fn was_lost(&self, _observed: &Observed, _correlation_id: &str) -> bool {
        false
    }

    /// The name that traces, lists of faults and reports of failures show for the case with this
    /// `correlation-id`; none if it is not a case of the script.
    fn name(&self, _correlation_id: &str) -> Option<&str> {
        None
    }

    /// Checks the application's own invariants at the end of a run; returns each violation as
    /// `kind: what`. The simulator itself checks that what was committed was published, that no
    /// readable message is left among the dead letters, and that every unreadable one is there.
    fn check(&self, observed: &Observed) -> Vec<String>;

    /// The number of external calls that had an effect so far, by kind of effect: replays and late
    /// repetitions must change none of these numbers.
    fn effects(&self) -> Effects {
        Effects::new()
    }

    fn ends(&self, observed: &Observed) -> Self::Ends;
}

/// A message that another account puts on the bus.
#[derive(Debug, Clone)]
pub struct Sent {
    pub account: &'static str,
    pub entry: Entry,
}

/// What people do in one run: a number of cases, such as orders. The events of a case have a
/// `correlation-id` in common.
pub trait Script: Clone + Debug + Send + Sync + 'static {
    /// Changes that make a script simpler without removing a case: each is tried by itself on a
    /// failure.
    const SIMPLER: &'static [fn(&mut Self)] = &[];

    /// How many cases the script has; a failure is also tried without each of them.
    fn len(&self) -> usize;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn remove(&mut self, place: usize);

    /// A description of the script, in lines.
    fn describe(&self) -> Vec<String>;
}

/// A script of independent cases.
impl<T: Clone + Debug + Send + Sync + 'static> Script for Vec<T> {
    fn len(&self) -> usize {
        self.len()
    }

    fn remove(&mut self, place: usize) {
        self.remove(place);
    }

    fn describe(&self) -> Vec<String> {
        self.iter().map(|case| format!("{case:?}")).collect()
    }
}

/// A task in the background of a run.
pub type Chore = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The number of external calls that had an effect, by kind of effect.
pub type Effects = BTreeMap<&'static str, usize>;

/// The application of one run, with the functions and the partner that the engine needs.
pub struct Opened<A> {
    pub application: A,
    pub functions: Vec<HttpFunction>,
    /// The partner that answers the calls of the bus, if the table has rows with API destinations.
    pub partner: Option<Arc<dyn Endpoint>>,
    /// Invariants that are checked after every write.
    pub watches: Vec<Watch>,
}

/// Checks an item: returns what is wrong with it, if anything is.
type Broken = Box<dyn Fn(&Item) -> Option<String> + Send + Sync>;

/// An invariant of a table's items, which is checked after every write to them.
pub struct Watch {
    pub(crate) table: &'static str,
    pub(crate) broken: Broken,
}

impl Watch {
    /// An invariant that an item of `table` violates if `broken` returns what is wrong with it.
    pub fn new(
        table: &'static str,
        broken: impl Fn(&Item) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self { table, broken: Box::new(broken) }
    }
}

/// An unreadable message, and the rows whose rules must move it to their dead letters.
#[derive(Debug, Clone, Copy)]
pub struct Poison {
    /// The event that the message claims to be.
    pub event: EventSpec,
    pub unreadable: Unreadable,
    /// The rows that must each have the message among their dead letters.
    pub dead_lettered_by: &'static [RowSpec],
}

/// The defect that makes a message unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// The message's data have only this field, with a value that the field cannot have.
    Data(&'static str),
    /// The message has no envelope.
    Envelope,
}
