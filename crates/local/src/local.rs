//! The embedded engine as a whole: store, bus, runner, and the queries of operators.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use chorus_kernel::{
    Breakers, Clock, Failure, Function, IDEMPOTENCY_TABLE, Item, Kernel, Keyring, Machines,
    PERSON_KEYS_TABLE, REGIONS_TABLE, Region, RowOutputs, Store, Swept, TableSpec, sweep,
};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::broadcast;

use crate::Error;
use crate::bus::{Bus, Parts};
use crate::clock::SystemClock;
use crate::config::LocalConfig;
use crate::directory::{
    self, DirectoryError, JOURNAL_FILE, KEYS_FILE, STORE_FILE, Snapshot, check_directory,
    check_logs, open_directory,
};
use crate::dispatcher::{Dispatcher, Job};
use crate::engine::{Engine, Observation, Schedule, Topology};
use crate::jobs::{FORGET, Forget, SWEEP, Sweep};
use crate::journal::{self, Journal, Restored};
use crate::machines::{
    Definitions, EXECUTIONS_TABLE, EndedExecution, ExecutionStory, LocalMachines, Orchestrator,
    failed,
};
use crate::partner::{HttpPartner, NoPartner, Partner};
use crate::random::Random;
use crate::records::Records;
use crate::runner::{Driver, Runner};
use crate::store::DynoxideStore;
use crate::unwritable::Unwritable;

/// An application in one process. Dropping a `Local` loses no accepted event, but cuts off work in
/// flight. [`Runner::shutdown`] lets the work finish first.
#[derive(Debug)]
pub struct Local {
    pub(crate) bus: Arc<Bus>,
    store: Arc<DynoxideStore>,
    kernel: Kernel,
    dispatcher: Arc<Dispatcher>,
    runner: Runner,
    outputs: RowOutputs,
}

impl Local {
    /// Opens the engine, and restores the work that an earlier process left pending. Nothing is
    /// delivered until the runner is started.
    ///
    /// # Errors
    /// If the directory is in use, or cannot be read or created; or if a rule's pattern or a state
    /// machine's definition is invalid.
    pub fn open(config: LocalConfig) -> Result<Self, Error> {
        let topology = Topology::of(config.admitting_rules(), &config.policies);
        let (store, opened) = open_files(&config, &topology)?;
        let bus = open_bus(&config, topology, opened)?;
        let dispatcher = Arc::new(dispatcher(&config, &bus, &store)?);
        dispatcher.orchestrator.resume(&store)?;
        let orchestrator = Arc::clone(&dispatcher.orchestrator);
        let kernel_store = Arc::clone(&store) as Arc<dyn Store>;
        let kernel_bus = Arc::clone(&bus);
        let kernel = Kernel {
            machines: Arc::new(LocalMachines { orchestrator, store: Arc::clone(&kernel_store) }),
            store: kernel_store,
            bus: kernel_bus,
            clock: Arc::clone(&config.clock),
            breakers: Breakers::default(),
            keyring: Keyring::new(Arc::clone(&config.randomness)),
            region: config.region.clone().map(Region::new),
        };
        let runner = Runner::new(Driver {
            bus: Arc::clone(&bus),
            dispatcher: Arc::clone(&dispatcher),
            kernel: kernel.clone(),
            concurrency: config.concurrency.max(1),
            virtual_clock: config.virtual_clock,
        });
        Ok(Self { bus, store, kernel, dispatcher, runner, outputs: config.outputs })
    }

    /// The kernel, on which actions and routes run.
    #[must_use]
    pub const fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    #[must_use]
    pub const fn bus(&self) -> &Arc<Bus> {
        &self.bus
    }

    #[must_use]
    pub const fn store(&self) -> &Arc<DynoxideStore> {
        &self.store
    }

    /// Publishes the events of idempotency records that were committed at least `age` ago and are
    /// still unpublished.
    ///
    /// # Errors
    /// If the store or the bus fails.
    pub async fn sweep(&self, age: SignedDuration) -> Result<Swept, Failure> {
        sweep(&self.kernel, &self.outputs, age).await
    }

    /// The dispatcher, which does the work. A simulator calls it step by step, with the simulator's
    /// own kernel.
    #[must_use]
    pub const fn dispatcher(&self) -> &Arc<Dispatcher> {
        &self.dispatcher
    }

    /// The state machines of this engine, with their executions in `store`. A simulator's kernel,
    /// which has its own store, uses these state machines.
    #[must_use]
    pub fn machines_on(&self, store: Arc<dyn Store>) -> Arc<dyn Machines> {
        let orchestrator = Arc::clone(&self.dispatcher.orchestrator);
        Arc::new(LocalMachines { orchestrator, store })
    }

    /// Stops executions of state machines. `items` are all items of [`EXECUTIONS_TABLE`] in
    /// `store`. A simulator stops the executions of a region that is replaced.
    ///
    /// # Errors
    /// If the store fails, or an execution cannot be read.
    pub async fn stop_executions(&self, store: &dyn Store, items: &[Item]) -> Result<(), Failure> {
        self.dispatcher.orchestrator.stop(store, items).await
    }

    /// The executions of state machines for one `correlation-id`, in the order of their starts.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn executions(&self, correlation_id: &str) -> Result<Vec<ExecutionStory>, Failure> {
        self.dispatcher.orchestrator.story(&*self.store, correlation_id).await
    }

    /// Copies all data of the engine, and of the application's `stores`, as of one moment, into the
    /// new directory `to`. During the copy, the bus accepts no event, and publishers wait.
    ///
    /// # Errors
    /// See [`DirectoryError`]. If there is an error, `to` is not created.
    pub async fn backup(
        &self,
        to: &Path,
        stores: Vec<(&'static str, Arc<DynoxideStore>)>,
    ) -> Result<(), Error> {
        let now = self.kernel.clock.now();
        let stores = [(STORE_FILE, Arc::clone(&self.store))].into_iter().chain(stores);
        let snapshot = |(file, store): (&'static str, Arc<DynoxideStore>)| {
            let copy: Snapshot = Box::new(move |path: &Path| {
                let failed = |error| DirectoryError::Store(path.to_owned(), error);
                store.copy_to(path).map_err(failed)?;
                if file == STORE_FILE {
                    let keys = path.with_file_name(KEYS_FILE);
                    DynoxideStore::move_keys(path, &keys, now).map_err(failed)?;
                }
                Ok(())
            });
            (file, copy)
        };
        let files = stores.map(snapshot).collect();
        let partial = self.bus.records().copy_all(files, to).await??;
        let to = to.to_owned();
        let finished = tokio::task::spawn_blocking(move || directory::finish(&partial, &to));
        Ok(finished.await.map_err(|_| Error::Closed)??)
    }

    /// The executions that failed, timed out or were aborted, among those that were started at
    /// `since` or later. This reads every execution in the store.
    ///
    /// # Errors
    /// If the store fails.
    pub fn failed_executions(&self, since: Timestamp) -> Result<Vec<EndedExecution>, Failure> {
        failed(&self.store, since)
    }

    /// The files of the engine whose disk refused the last write.
    #[must_use]
    pub fn unwritable(&self) -> Vec<Unwritable> {
        self.bus.records().unwritable().into_iter().chain(self.store.unwritable()).collect()
    }

    #[must_use]
    pub const fn runner(&self) -> &Runner {
        &self.runner
    }

    /// Subscribes to the engine's [`Observation`]s from now on: see [`Bus::watch`].
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<Observation> {
        self.bus.watch()
    }
}

/// Deletes the pending work of the engine in `directory`: its deliveries, dead letters included,
/// and the executions of its state machines. Returns how many deliveries there were. The archive
/// and the application's own tables stay.
///
/// A region that takes over from a failed region begins with empty queues, because the takeover
/// publishes again all events that a consumer has perhaps not handled.
///
/// # Errors
/// If the directory has no engine, another process has the directory open, or a file cannot be
/// written.
pub fn empty_engine(directory: &Path) -> Result<usize, Error> {
    let file = directory.join(JOURNAL_FILE);
    if !file.exists() {
        return Err(DirectoryError::Missing(file).into());
    }
    check_logs(directory)?;
    check_directory(directory, &[])?;
    let deleted = journal::empty(&file)?;
    let store = DynoxideStore::open(&directory.join(STORE_FILE), &[EXECUTIONS_TABLE]);
    store.and_then(|store| store.clear(EXECUTIONS_TABLE.name)).map_err(Error::Store)?;
    Ok(deleted)
}

fn tables(config: &LocalConfig) -> Vec<TableSpec> {
    let functions = &config.functions;
    let mut tables = vec![IDEMPOTENCY_TABLE, EXECUTIONS_TABLE, PERSON_KEYS_TABLE];
    tables.extend(config.region.as_ref().map(|_| REGIONS_TABLE));
    tables.extend(functions.iter().flat_map(|function| function.tables.iter().copied()));
    tables
}

type OpenedJournal = Option<(crate::journal::Opened, Restored)>;

fn open_files(
    config: &LocalConfig,
    topology: &Topology,
) -> Result<(Arc<DynoxideStore>, OpenedJournal), Error> {
    let given = config.store.clone().map(Ok);
    let tables = tables(config);
    let Some(directory) = &config.data else {
        let memory = || DynoxideStore::memory(Arc::clone(&config.clock), &tables).map(Arc::new);
        return Ok((given.unwrap_or_else(memory).map_err(Error::Store)?, None));
    };
    if config.application_files.is_empty() {
        open_directory(directory, &[])?;
    } else {
        check_directory(directory, &config.application_files)?;
    }
    // The journal is opened first, because its lock shows whether another process has the directory
    // open.
    let opened = Journal::open(&directory.join(JOURNAL_FILE), topology)?;
    let file =
        || DynoxideStore::open(&Path::new(directory).join(STORE_FILE), &tables).map(Arc::new);
    Ok((given.unwrap_or_else(file).map_err(Error::Store)?, Some(opened)))
}

fn open_bus(
    config: &LocalConfig,
    topology: Topology,
    opened: OpenedJournal,
) -> Result<Arc<Bus>, Error> {
    let now = config.clock.now();
    let (journal, restored) = opened.map_or_else(
        || (None, Restored::default()),
        |(journal, restored)| (Some(journal), restored),
    );
    let seed = config.seed.unwrap_or_else(fresh_seed);
    let mut engine = Engine::new(topology, Random::seeded(seed));
    engine.set_disorder(config.disorder);
    engine.skip_ids(restored.last_delivery);
    for orphan in &restored.orphans {
        tracing::warn!(
            delivery = orphan.id,
            rule = orphan.rule,
            "a delivery is kept, but not delivered: its rule no longer exists"
        );
    }
    for (delivery, dead_in) in restored.deliveries {
        engine.restore(delivery, dead_in);
    }
    for (schedule, _) in schedules(config) {
        engine.schedule(schedule, restored.schedules.get(schedule.job).copied(), now);
    }
    let parts = Parts {
        engine,
        clock: Arc::clone(&config.clock),
        observer: config.observer.clone(),
        last_sequence: restored.last_sequence,
        feed_capacity: config.feed_capacity,
    };
    Bus::new(parts, |bus: Weak<Bus>| match journal {
        None => Ok(Records::memory(config.archive_in_memory)),
        Some(journal) => {
            let enqueue = move |events, deliveries| {
                if let Some(bus) = bus.upgrade() {
                    bus.enqueue(events, deliveries);
                }
            };
            journal.start(Box::new(enqueue)).map(Records::Journal)
        }
    })
}

/// The engine's own schedules, and the configured schedules.
fn schedules(config: &LocalConfig) -> Vec<(Schedule, Option<Arc<dyn Job>>)> {
    let every = |job, seconds| (Schedule { job, every: Duration::from_secs(seconds) }, None);
    let mut schedules = vec![every(SWEEP, 60), every(FORGET, 3_600)];
    schedules
        .extend(config.schedules.iter().map(|(schedule, job)| (*schedule, Some(Arc::clone(job)))));
    schedules
}

fn dispatcher(
    config: &LocalConfig,
    bus: &Arc<Bus>,
    store: &Arc<DynoxideStore>,
) -> Result<Dispatcher, Error> {
    let partner: Arc<dyn Partner> = match &config.partner {
        Some(partner) => Arc::clone(partner),
        None if config.endpoints.is_empty() => Arc::new(NoPartner),
        None => Arc::new(HttpPartner::new()?),
    };
    let forget =
        Forget { bus: Arc::downgrade(bus), store: Arc::clone(store), retention: config.retention };
    let mut jobs: BTreeMap<&'static str, Arc<dyn Job>> = BTreeMap::new();
    jobs.insert(SWEEP, Arc::new(Sweep(config.outputs.clone())));
    jobs.insert(FORGET, Arc::new(forget));
    for (schedule, job) in schedules(config) {
        jobs.extend(job.map(|job| (schedule.job, job)));
    }
    let by_service = |function: &Function| (function.service, Arc::new(function.clone()));
    let functions: BTreeMap<_, _> = config.functions.iter().map(by_service).collect();
    let definitions = match &config.machines {
        Some(machines) => Arc::clone(machines),
        None => Arc::new(Definitions::of(&config.functions, &config.limits)?),
    };
    let timeout = config.function_timeout;
    let orchestrator = Orchestrator::new(definitions, functions.clone(), Arc::clone(bus), timeout);
    Ok(Dispatcher {
        functions,
        orchestrator: Arc::new(orchestrator),
        endpoints: config.endpoints.clone(),
        partner,
        jobs,
        timeout: config.function_timeout,
    })
}

/// A seed that is derived from the time and the process id, so that each process has a different
/// seed.
fn fresh_seed() -> u64 {
    let nanoseconds = SystemClock.now().as_nanosecond();
    Random::seeded((nanoseconds as u64) ^ u64::from(std::process::id())).next()
}
