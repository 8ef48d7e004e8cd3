//! How an embedded engine is set up.

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

/// How an embedded engine is set up; [`LocalConfig::new`] gives the defaults.
pub struct LocalConfig {
    /// The directory of `store.db` and `engine.db`; without, everything is in memory.
    pub data: Option<PathBuf>,
    /// Files of the application in the same directory: it is refused where one of them is missing.
    pub beside: Vec<&'static str>,
    pub functions: Vec<Function>,
    /// The rules of the bus.
    pub rules: Vec<Rule>,
    pub clock: Arc<dyn Clock>,
    /// The same clock, where the runner lets it pass while nothing can be done.
    pub passes: Option<VirtualClock>,
    /// What each row may publish: the sweeper publishes nothing else.
    pub outputs: RowOutputs,
    /// Makes people's keys.
    pub randomness: Arc<dyn Randomness>,
    /// The seed of ids, jitter and disorder; without, the system's time.
    pub seed: Option<u64>,
    /// The partner endpoint of each API-destination row, by its action.
    pub endpoints: BTreeMap<String, Endpoint>,
    /// Who makes the calls; without, HTTP.
    pub partner: Option<Arc<dyn Partner>>,
    /// Retry policies and rate limits.
    pub policies: Policies,
    /// How many deliveries, batches and jobs run at once.
    pub concurrency: usize,
    /// For how long a function may work on one event, by tokio's time; without, for ever.
    pub function_timeout: Option<Duration>,
    /// Recurring jobs besides the engine's own.
    pub schedules: Vec<(Schedule, Arc<dyn Job>)>,
    /// Observes everything that happens.
    pub observer: Option<Arc<dyn Observer>>,
    pub disorder: Disorder,
    /// Timeouts of the state machines' waits, in seconds, that override their defaults.
    pub limits: BTreeMap<String, u32>,
    /// The state machines, where they have been read already, with their limits: whoever opens many
    /// engines reads them once.
    pub machines: Option<Arc<Definitions>>,
    /// The store, with all tables that are needed; without, one of its own.
    pub store: Option<Arc<DynoxideStore>>,
    /// For how long the archive keeps an event.
    pub retention: Duration,
    /// How many observations a slow watcher may be behind before it misses some.
    pub feed: usize,
    /// How many events the archive keeps in memory, where there is no directory.
    pub archive_in_memory: usize,
}

impl LocalConfig {
    /// In memory, on the system's clock, 32 deliveries at once, an archive of 14 days; the rules are
    /// those of the rows of `table` whose service is among the functions.
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
            retention: Duration::from_secs(14 * 86_400),
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

    /// Runs on `clock`, which passes only while nothing can be done; functions do not time out.
    /// For engines in memory: virtual time does not wait for a disk.
    #[must_use]
    pub fn virtual_time(mut self, clock: &VirtualClock) -> Self {
        self.clock = Arc::new(clock.clone());
        self.passes = Some(clock.clone());
        self.function_timeout = None;
        self
    }

    /// Draws ids, jitter and disorder from `seed`.
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
