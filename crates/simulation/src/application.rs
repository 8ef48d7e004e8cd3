//! What an application defines to be simulated.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::ops::AddAssign;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chorus_http::{HttpFunction, Request, Response};
use chorus_kernel::{Item, Store};
use chorus_local::Partner;
use chorus_table::{Breaker, EventSpec, RowSpec, Table};
use jiff::Timestamp;
use serde::Serialize;

use crate::client::Client;
use crate::draw::Draws;
use crate::environment::Environment;
use crate::fault::Port;
use crate::observed::Observed;
use crate::scenario::Scenario;
use crate::trouble::Trouble;

/// An application as the simulator runs it. The constants and the functions without `self` are the
/// same for all runs; a value is the application of one run, with its simulated partners.
pub trait Application: Sized {
    /// What people do in one run.
    type Script: Script;
    /// The names of scripts that are not drawn, on which each fault is tried in turn.
    type Story: Copy + Debug + PartialEq + Serialize + Send + Sync;
    /// How many cases ended in which way; a report adds them up.
    type Ends: Clone + Default + Debug + AddAssign + Serialize + Send;

    const TABLE: Table;
    /// Trouble of its own, besides what can befall any application.
    const TROUBLES: &'static [Trouble] = &[];
    /// The ports of partners outside, besides the store and the bus.
    const PORTS: &'static [Port] = &[];
    /// The breakers of those of them whose callers stop calling while they are away.
    const BREAKERS: &'static [(Port, &'static Breaker)] = &[];
    /// Timeouts of the state machines' waits, in seconds, that override their defaults.
    const LIMITS: &'static [(&'static str, u32)] = &[];
    /// Longer than any state machine waits.
    const LONGEST_WAIT: Duration = Duration::ZERO;
    /// Once faults have stopped, a run that is not over within this time is a violation.
    const ENDS_WITHIN: Duration;
    /// Messages that cannot be parsed, used in turn.
    const POISON: &'static [Poison] = &[];

    /// Draws what people do in the run of a seed; `size` is how many cases the run has.
    fn draw(size: u32, draws: &mut Draws) -> Self::Script;

    /// What people do in fixed orders: by default, three cases with the plainest of draws.
    fn fixed(_: Self::Story) -> Self::Script {
        Self::draw(3, &mut Draws::plain())
    }

    /// The application of one run.
    fn open(environment: &Arc<Environment>, scenario: &Scenario<Self::Script>) -> Opened<Self>;

    /// Whoever calls before anything goes wrong.
    fn set_up(&self) -> Vec<Client> {
        Vec::new()
    }

    /// Whoever calls while things go wrong, and after how much time.
    fn callers(&self) -> Vec<(Duration, Client)>;

    /// The request of a client's next attempt, where that is not always the same.
    fn request(&self, client: &Client, _now: Timestamp) -> Request {
        client.request.clone()
    }

    /// Whether `response` answers something else than `client` asked for.
    fn is_answer_of_another(&self, _client: &Client, _response: &Response) -> bool {
        false
    }

    /// Whether every case has ended.
    fn is_over(&self, observed: &Observed) -> bool;

    /// Whoever helps what does not end by itself, once faults have stopped. `round` counts from 0.
    fn help(&self, _round: u32, _observed: &Observed) -> Vec<Client> {
        Vec::new()
    }

    /// Discards the projections, and makes them anew.
    fn rebuild(&self, _observed: &Observed, _store: Arc<dyn Store>) -> Chore {
        Box::pin(std::future::ready(()))
    }

    /// How people call the case with this `correlation-id`: traces, schedules of faults and the
    /// stories of failures name it so. Nothing where it is not a case of the script.
    fn name(&self, _correlation_id: &str) -> Option<&str> {
        None
    }

    /// What must hold once nothing is under way: what does not, each as `kind: what`. The
    /// simulator checks by itself that what was committed was published, that no readable message
    /// is left among the dead letters, and that every unreadable one is there.
    fn check(&self, observed: &Observed) -> Vec<String>;

    /// How often the application reached outside so far, by what it did there: replays and late
    /// repetitions must change none of these numbers.
    fn effects(&self) -> Effects {
        Effects::new()
    }

    fn ends(&self, observed: &Observed) -> Self::Ends;
}

/// What people do in one run.
pub trait Script: Clone + Debug + Send + Sync + 'static {
    /// How to make it simpler, whatever its length: each is tried by itself on a failure.
    const SIMPLER: &'static [fn(&mut Self)] = &[];

    /// How many cases it has; a failure is tried without each of them.
    fn len(&self) -> usize;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn remove(&mut self, place: usize);

    /// What people do, a line for each thing.
    fn tell(&self) -> Vec<String>;
}

/// Cases that have nothing in common.
impl<T: Clone + Debug + Send + Sync + 'static> Script for Vec<T> {
    fn len(&self) -> usize {
        self.len()
    }

    fn remove(&mut self, place: usize) {
        self.remove(place);
    }

    fn tell(&self) -> Vec<String> {
        self.iter().map(|case| format!("{case:?}")).collect()
    }
}

/// Something that is done in the background of a run.
pub type Chore = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How often the application reached outside, by what it did there.
pub type Effects = BTreeMap<&'static str, usize>;

/// The application of one run, and what the engine needs of it.
pub struct Opened<A> {
    pub application: A,
    pub functions: Vec<HttpFunction>,
    /// Who answers the calls of the bus, where the table has rows with API destinations.
    pub partner: Option<Arc<dyn Partner>>,
    /// What must hold after every write.
    pub watches: Vec<Watch>,
}

/// What is wrong with an item.
type Broken = Box<dyn Fn(&Item) -> Option<String> + Send + Sync>;

/// What must hold of a table's items after every write to them.
pub struct Watch {
    pub(crate) table: &'static str,
    pub(crate) broken: Broken,
}

impl Watch {
    /// A violation where `broken` returns what is wrong with an item of `table`.
    pub fn new(
        table: &'static str,
        broken: impl Fn(&Item) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self { table, broken: Box::new(broken) }
    }
}

/// A message that cannot be parsed, and the rows whose rules must move it to their dead letters.
#[derive(Debug, Clone, Copy)]
pub struct Poison {
    /// What it claims to be.
    pub event: EventSpec,
    pub unreadable: Unreadable,
    /// The rows that must leave it among their dead letters.
    pub dead_lettered_by: &'static [RowSpec],
}

/// What makes a message unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// Its data have only this field, with no value that the field can have.
    Data(&'static str),
    /// It has no envelope at all.
    Envelope,
}
