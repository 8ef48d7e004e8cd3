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

/// An application that the simulator can run. The constants and the functions without `self` hold
/// for all runs. A value of the type is the application of one run, with its simulated partners.
pub trait Application: Sized {
    /// What people do in one run.
    type Script: Script;
    /// The name of a fixed script, which does not come from a seed. A campaign runs the script once
    /// for every fault.
    type Story: Copy + Debug + PartialEq + Serialize + Send + Sync;
    /// Counts a run's cases by how they ended. A report adds up these counts over all runs.
    type Ends: Clone + Default + Debug + AddAssign + Serialize + Send;

    const TABLE: Table;
    /// Kinds of trouble that only this application has, in addition to the general kinds.
    const TROUBLES: &'static [Trouble] = &[];
    /// The ports of external partners, in addition to the general ports such as the store and the
    /// bus.
    const PORTS: &'static [Port] = &[];
    /// The circuit breaker of each partner that has one, with the partner's port.
    const BREAKERS: &'static [(Port, &'static Breaker)] = &[];
    /// Timeouts that override the defaults of the state machines' waits. Each has its name, and its
    /// value in seconds.
    const LIMITS: &'static [(&'static str, u32)] = &[];
    /// A time that is longer than any wait of a state machine.
    const LONGEST_WAIT: Duration = Duration::ZERO;
    /// A run must end within this time after faults have stopped. A longer run is a violation.
    const ENDS_WITHIN: Duration;
    /// The unreadable messages to publish, one after another; after the last, the first is used
    /// again.
    const POISON: &'static [Poison] = &[];
    /// The partners that may send commands through the bus, each with its AWS account.
    const SENDERS: &'static [(Partner, &'static str)] = &[];
    /// Whether the application can be simulated in two regions.
    const TWO_REGIONS: bool = false;
    /// Kinds of trouble of the application that do not occur in runs with two regions.
    const IN_ONE_REGION: &'static [Trouble] = &[];

    /// Draws a random script of `size` cases.
    fn draw(size: u32, draws: &mut Draws) -> Self::Script;

    /// The fixed script with this name. By default, it has three cases, without any [`Trouble`].
    fn fixed(_: Self::Story) -> Self::Script {
        Self::draw(3, &mut Draws::plain())
    }

    /// Sets up the application for one run.
    fn open(environment: &Arc<Environment>, scenario: &Scenario<Self::Script>) -> Opened<Self>;

    /// The clients that call the API before anything goes wrong.
    fn set_up(&self) -> Vec<Client> {
        Vec::new()
    }

    /// The clients that call the API while faults are injected. Each duration is the time from the
    /// first moment of faults to the client's first call.
    fn callers(&self) -> Vec<(Duration, Client)>;

    /// The messages that other AWS accounts put on the bus while faults are injected. Each duration
    /// counts from the first moment of faults. The bus accepts every message, as if its policy had
    /// no conditions.
    fn sent(&self) -> Vec<(Duration, Sent)> {
        Vec::new()
    }

    /// The request of a client's next attempt. By default, every attempt sends the same request.
    fn request(&self, client: &Client, _now: Timestamp) -> Request {
        client.request.clone()
    }

    /// Checks the response to a client. Returns a violation as `kind: description`, if there is
    /// one.
    fn check_answer(
        &self,
        _client: &Client,
        _answer: &Result<Response, Problem>,
    ) -> Option<String> {
        None
    }

    /// Whether every case of the script, such as an order, has ended.
    fn is_over(&self, observed: &Observed) -> bool;

    /// The clients through which an operator ends cases that do not end by themselves. The clients
    /// call the API after faults have stopped. `round` counts the attempts to end cases, from 0.
    fn help(&self, _round: u32, _observed: &Observed) -> Vec<Client> {
        Vec::new()
    }

    /// Discards the projections, and rebuilds them.
    fn rebuild(&self, _observed: &Observed, _store: Arc<dyn Store>) -> Chore {
        Box::pin(std::future::ready(()))
    }

    /// Takes over the cases of the region that was active before. No region is active during the
    /// takeover.
    ///
    /// # Errors
    /// If the takeover fails.
    fn take_over(&self, _: Standby) -> Result<TakenOver, Failure> {
        Ok(TakenOver::default())
    }

    /// Undoes a replaced region's requests to partners if they do not fit the cases of the active
    /// region. The simulator calls this function after it has emptied the replaced region.
    /// `items` returns every item of a table of the active region. The returned clients begin at
    /// once.
    ///
    /// # Errors
    /// If a stored item cannot be read.
    fn undo_unmatched(
        &self,
        _items: &dyn Fn(&'static str) -> Vec<Item>,
    ) -> Result<Vec<Client>, Failure> {
        Ok(Vec::new())
    }

    /// Whether the case with this `correlation-id` was lost with a region. Messages of a lost case
    /// may stay among the dead letters.
    fn was_lost(&self, _observed: &Observed, _correlation_id: &str) -> bool {
        false
    }

    /// The name of the case with this `correlation-id`, for traces, lists of faults and reports of
    /// failures. Returns `None` if the script has no such case.
    fn name(&self, _correlation_id: &str) -> Option<&str> {
        None
    }

    /// Checks the application's own invariants at the end of a run. Returns each violation as
    /// `kind: description`. The simulator itself checks that all committed events were published,
    /// and that the dead letters are exactly the unreadable messages.
    fn check(&self, observed: &Observed) -> Vec<String>;

    /// Counts the external calls that have had an effect, by kind of effect. Replays of the archive
    /// and late repetitions of requests must not change these counts.
    fn effects(&self) -> Effects {
        Effects::new()
    }

    fn ends(&self, observed: &Observed) -> Self::Ends;
}

/// A message that another AWS account puts on the bus.
#[derive(Debug, Clone)]
pub struct Sent {
    pub account: &'static str,
    pub entry: Entry,
}

/// What simulated people do in one run. A script consists of cases, such as orders. All events of a
/// case have the same `correlation-id`.
pub trait Script: Clone + Debug + Send + Sync + 'static {
    /// Changes that make a script simpler without removing a case. When the simulator shrinks a
    /// failure, it tries these changes one at a time.
    const SIMPLER: &'static [fn(&mut Self)] = &[];

    /// The number of cases. When the simulator shrinks a failure, it tries to remove each case.
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

/// Checks an item. Returns a description of the violation, if there is one.
type Broken = Box<dyn Fn(&Item) -> Option<String> + Send + Sync>;

/// An invariant of a table's items, which is checked after every write to them.
pub struct Watch {
    pub(crate) table: &'static str,
    pub(crate) broken: Broken,
}

impl Watch {
    /// An invariant of the items of `table`. `broken` returns a description of the violation, or
    /// `None` if the item is valid.
    pub fn new(
        table: &'static str,
        broken: impl Fn(&Item) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self { table, broken: Box::new(broken) }
    }
}

/// An unreadable message, and the rows of the design table whose dead-letter queues must get it.
#[derive(Debug, Clone, Copy)]
pub struct Poison {
    /// The event that the message claims to be.
    pub event: EventSpec,
    pub unreadable: Unreadable,
    /// The rows whose dead-letter queues must each hold the message.
    pub dead_lettered_by: &'static [RowSpec],
}

/// The defect that makes a message unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// The message's data have only this field, with an invalid value.
    Data(&'static str),
    /// The message has no envelope.
    Envelope,
}
