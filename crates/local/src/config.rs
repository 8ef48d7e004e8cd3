//! The configuration of an embedded engine.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chorus_kernel::{Clock, Function, Randomness, RowOutputs};
use chorus_table::{Rule, Table, policy};

use crate::clock::{SystemClock, VirtualClock};
use crate::dispatcher::Job;
use crate::engine::{Disorder, Observer, Policies, Schedule};
use crate::machines::Definitions;
use crate::partner::{Endpoint, Partner};
use crate::randomness::OsRandomness;
use crate::store::DynoxideStore;

/// The configuration of an embedded engine; [`LocalConfig::new`] gives the defaults.
pub struct LocalConfig {
    /// The directory of `store.db` and `engine.db`; if absent, everything is in memory.
    pub data: Option<PathBuf>,
    /// Files of the application in the same directory, which is refused if one of them is missing.
    pub beside: Vec<&'static str>,
    pub functions: Vec<Function>,
    /// The rules of the bus.
    pub rules: Vec<Rule>,
    pub clock: Arc<dyn Clock>,
    /// The virtual clock, the same as `clock`, that the runner advances whenever it has no work that
    /// is due. With `None`, the runner does not advance the time.
    pub passes: Option<VirtualClock>,
    /// The events that each row may publish: the sweeper publishes no others.
    pub outputs: RowOutputs,
    /// The source of people's keys.
    pub randomness: Arc<dyn Randomness>,
    /// The region in which the engine runs, of a deployment in two; none where there is one.
    pub region: Option<String>,
    /// The seed of ids, jitter and disorder; if absent, it is derived from the system's time.
    pub seed: Option<u64>,
    /// The partner endpoint of each API-destination row, by its action.
    pub endpoints: BTreeMap<String, Endpoint>,
    /// What calls the partners; if absent, HTTP.
    pub partner: Option<Arc<dyn Partner>>,
    pub policies: Policies,
    /// How many deliveries, batches and jobs run at the same time.
    pub concurrency: usize,
    /// How long a function may work on one event, by tokio's time; if absent, without a limit.
    pub function_timeout: Option<Duration>,
    /// Recurring jobs besides the engine's own.
    pub schedules: Vec<(Schedule, Arc<dyn Job>)>,
    /// Is called with everything that happens.
    pub observer: Option<Arc<dyn Observer>>,
    pub disorder: Disorder,
    /// Timeouts of the state machines' waits, in seconds, by name, which override the defaults.
    pub limits: BTreeMap<String, u32>,
    /// The state machines, if they have been read already, with their limits: a caller that opens
    /// many engines reads them only once.
    pub machines: Option<Arc<Definitions>>,
    /// A store that has all the necessary tables; if absent, the engine opens its own.
    pub store: Option<Arc<DynoxideStore>>,
    /// How long the archive keeps an event.
    pub retention: Duration,
    /// How many observations a subscriber may be behind before it misses some.
    pub feed: usize,
    /// How many events the archive keeps in memory if there is no directory.
    pub archive_in_memory: usize,
}

impl LocalConfig {
    /// The defaults: in memory, on the system's clock, 32 deliveries at a time. The rules are those of
    /// the rows of `table` whose service is among the functions.
    #[must_use]
    pub fn new(table: &Table, functions: Vec<Function>) -> Self {
        let deployed =
            |rule: &Rule| functions.iter().any(|function| function.service == rule.row.service);
        let mut rules = table.rules();
        rules.retain(deployed);
        Self {
            data: None,
            beside: Vec::new(),
            functions,
            rules,
            outputs: RowOutputs::of(table.rows.iter().copied()),
            clock: Arc::new(SystemClock),
            passes: None,
            randomness: Arc::new(OsRandomness),
            region: None,
            seed: None,
            endpoints: BTreeMap::new(),
            partner: None,
            policies: Policies::default(),
            concurrency: 32,
            function_timeout: Some(policy::FUNCTION_TIMEOUT),
            schedules: Vec::new(),
            observer: None,
            disorder: Disorder::default(),
            limits: BTreeMap::new(),
            machines: None,
            store: None,
            retention: policy::ARCHIVE,
            feed: 16_384,
            archive_in_memory: 10_000,
        }
    }

    /// Keeps everything in the directory `data`.
    #[must_use]
    pub fn data(mut self, data: impl Into<PathBuf>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// Calls the partner of the row `action` at `endpoint`.
    #[must_use]
    pub fn endpoint(mut self, action: &str, endpoint: Endpoint) -> Self {
        self.endpoints.insert(action.to_owned(), endpoint);
        self
    }

    /// Runs on `clock`, which the runner advances only while nothing else can be done; functions do
    /// not time out. For engines in memory only, because virtual time does not wait for a disk.
    #[must_use]
    pub fn virtual_time(mut self, clock: &VirtualClock) -> Self {
        self.clock = Arc::new(clock.clone());
        self.passes = Some(clock.clone());
        self.function_timeout = None;
        self
    }

    /// Derives ids, jitter and disorder from `seed`.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }
}

impl std::fmt::Debug for LocalConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalConfig")
            .field("data", &self.data)
            .field("functions", &self.functions)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}
