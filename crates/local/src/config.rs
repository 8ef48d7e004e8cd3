//! The configuration of an embedded engine.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chorus_kernel::{Clock, Function, Randomness, RowOutputs};
use chorus_table::{Rule, Table, policy};
use serde_json::json;

use crate::clock::{SystemClock, VirtualClock};
use crate::dispatcher::Job;
use crate::engine::{Disorder, Observer, Policies, Schedule};
use crate::machines::Definitions;
use crate::partner::{Endpoint, Partner};
use crate::randomness::OsRandomness;
use crate::store::DynoxideStore;

/// The configuration of an embedded engine; [`LocalConfig::new`] gives the defaults.
pub struct LocalConfig {
    /// The directory of `store.db` and `engine.db`; if absent, the engine keeps everything in
    /// memory.
    pub data: Option<PathBuf>,
    /// Names of the application's files in the directory `data`. The engine does not open a
    /// directory that lacks one of them.
    pub application_files: Vec<&'static str>,
    pub functions: Vec<Function>,
    /// The rules of the bus.
    pub rules: Vec<Rule>,
    pub clock: Arc<dyn Clock>,
    /// The virtual clock that the runner advances whenever no work is due; it has to be the same
    /// clock as `clock`. If absent, the runner does not advance the time.
    pub virtual_clock: Option<VirtualClock>,
    /// The events that each row of the design table may publish. The job [`crate::SWEEP`] publishes
    /// no other events.
    pub outputs: RowOutputs,
    /// The source of the random keys that encrypt people's data.
    pub randomness: Arc<dyn Randomness>,
    /// The name of the region in which the engine runs; none if the deployment has only one region.
    pub region: Option<String>,
    /// The seed of ids, jitter and disorder; if absent, the seed is derived from the system's time.
    pub seed: Option<u64>,
    /// The endpoints of the partners that the bus calls. The key is the action of the design
    /// table's row that declares the call.
    pub endpoints: BTreeMap<String, Endpoint>,
    /// The client that calls the partners; if absent, an HTTP client.
    pub partner: Option<Arc<dyn Partner>>,
    /// The AWS account of each partner that may send commands through the bus, by the partner's
    /// name.
    pub senders: BTreeMap<&'static str, String>,
    pub policies: Policies,
    /// How many deliveries, batches of messages, executions of state machines and jobs run at the
    /// same time.
    pub concurrency: usize,
    /// The longest time that a function may take for one event, by tokio's clock; if absent, there
    /// is no limit.
    pub function_timeout: Option<Duration>,
    /// Recurring jobs besides the engine's own.
    pub schedules: Vec<(Schedule, Arc<dyn Job>)>,
    /// This observer is called with every observation of the engine.
    pub observer: Option<Arc<dyn Observer>>,
    pub disorder: Disorder,
    /// Timeouts of the state machines' waits, in seconds, by the timeout's name. These values
    /// override the defaults.
    pub limits: BTreeMap<String, u32>,
    /// The definitions of the state machines, with their timeouts. A caller that opens many engines
    /// reads the definitions once, and passes them to each engine; if absent, the engine reads them
    /// itself.
    pub machines: Option<Arc<Definitions>>,
    /// A store that has all the necessary tables; if absent, the engine opens its own.
    pub store: Option<Arc<DynoxideStore>>,
    /// How long the archive keeps an event.
    pub retention: Duration,
    /// How many observations a subscriber may be behind before it misses some.
    pub feed_capacity: usize,
    /// How many events the archive keeps in memory if there is no directory.
    pub archive_in_memory: usize,
}

impl LocalConfig {
    /// The defaults: in memory, on the system's clock, 32 deliveries at a time. The bus has those
    /// rules of `table` whose service has a function in `functions`.
    #[must_use]
    pub fn new(table: &Table, functions: Vec<Function>) -> Self {
        let deployed =
            |rule: &Rule| functions.iter().any(|function| function.service == rule.row.service);
        let mut rules = table.rules();
        rules.retain(deployed);
        Self {
            data: None,
            application_files: Vec::new(),
            functions,
            rules,
            outputs: RowOutputs::of(table.rows.iter().copied()),
            clock: Arc::new(SystemClock),
            virtual_clock: None,
            randomness: Arc::new(OsRandomness),
            region: None,
            seed: None,
            endpoints: BTreeMap::new(),
            partner: None,
            senders: BTreeMap::new(),
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
            feed_capacity: 16_384,
            archive_in_memory: 10_000,
        }
    }

    /// Keeps everything in the directory `data`.
    #[must_use]
    pub fn data(mut self, data: impl Into<PathBuf>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// Makes the engine call the partner of the design table's row `action` at `endpoint`.
    #[must_use]
    pub fn endpoint(mut self, action: &str, endpoint: Endpoint) -> Self {
        self.endpoints.insert(action.to_owned(), endpoint);
        self
    }

    /// Accepts commands that `partner` sends from `account`.
    #[must_use]
    pub fn sender(mut self, partner: chorus_table::Partner, account: &str) -> Self {
        self.senders.insert(partner.name, account.to_owned());
        self
    }

    /// The rules of the bus. A rule for a partner's commands matches only events from the partner's
    /// account. If no account is configured for the partner, the rule matches no event.
    pub(crate) fn admitting_rules(&self) -> Vec<Rule> {
        let mut rules = self.rules.clone();
        for rule in &mut rules {
            let Some(sender) = rule.row.commands_from else { continue };
            rule.pattern["account"] = match self.senders.get(sender.partner.name) {
                Some(account) => json!([account]),
                None => json!([{ "exists": false }]),
            };
        }
        rules
    }

    /// Uses `clock`, which the runner advances only when no work is due. Functions then have no
    /// timeout. Use this only for an engine in memory, because virtual time does not wait for a
    /// disk.
    #[must_use]
    pub fn virtual_time(mut self, clock: &VirtualClock) -> Self {
        self.clock = Arc::new(clock.clone());
        self.virtual_clock = Some(clock.clone());
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
