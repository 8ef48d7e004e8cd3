//! Sets up a run: the application's functions on the local engine, with faults injected into all
//! ports.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chorus_http::{HttpFunction, Route};
use chorus_kernel::{
    Breakers, Function, IDEMPOTENCY_TABLE, Kernel, Keyring, PERSON_KEYS_TABLE, Store, StoreError,
    TableSpec,
};
use chorus_local::{
    Definitions, Disorder, DynoxideStore, EXECUTIONS_TABLE, Endpoint, Local, LocalConfig,
    SystemClock, VirtualClock,
};
use chorus_table::Via;

use super::Simulation;
use crate::application::{Application, Opened};
use crate::draw::mix;
use crate::environment::Environment;
use crate::keys::SeededKeys;
use crate::observed::{Observed, Seen};
use crate::ports::{FaultyBus, FaultyStore, SkewedClock};
use crate::releases::{Released, Releases};
use crate::scenario::Scenario;
use crate::simulator::{Error, Simulator};
use crate::store::BackingStore;
use crate::trouble::Trouble;

/// The routes of the services, by method and path.
pub(super) type Routes = BTreeMap<String, Route>;

impl<A: Application> Simulation<A> {
    /// A run in which nothing has happened yet.
    pub(crate) fn open(
        simulator: &Simulator<A>,
        environment: Arc<Environment>,
        scenario: Scenario<A::Script>,
    ) -> Result<Self, Error> {
        let Opened { application, functions, partner, watches } = A::open(&environment, &scenario);
        let (mut functions, routes) = HttpFunction::split(functions);
        if scenario.troubles.contains(&Trouble::VERSIONS) {
            let releases = Releases::drawn(scenario.seed, &A::TABLE, environment.now());
            environment.state().releases = Some(releases);
            for handler in functions.iter_mut().flat_map(|it| &mut it.handlers) {
                let (environment, inner) = (Arc::clone(&environment), Arc::clone(handler));
                *handler = Arc::new(Released { environment, handler: inner });
            }
        }
        let routes = routes
            .into_iter()
            .map(|route| (format!("{} {}", route.method, route.path), route))
            .collect();
        let mut tables = vec![IDEMPOTENCY_TABLE, EXECUTIONS_TABLE, PERSON_KEYS_TABLE];
        tables.extend(functions.iter().flat_map(|it| it.tables.iter().copied()));
        let clock: VirtualClock = environment.clock.clone();
        let backing = Arc::new(BackingStore::new(simulator.backing, Arc::new(clock), &tables)?);
        let seen = Seen::new(Arc::clone(&environment), &A::TABLE);
        let mut config = engine(simulator, &environment, functions)?;
        config = config.seed(mix(scenario.seed, 1));
        config.disorder =
            Disorder { fewest_copies: 1, most_copies: scenario.copies, delay: scenario.delay };
        config.partner = partner;
        config.observer = Some(Arc::clone(&seen) as Arc<_>);
        let local = Arc::new(Local::open(config)?);
        let struck = FaultyStore::new(Arc::clone(&environment), Arc::clone(&backing), watches);
        let store: Arc<dyn Store> = Arc::new(struck);
        let kernel = Kernel {
            machines: local.machines_on(Arc::clone(&store)),
            store,
            bus: Arc::new(FaultyBus {
                environment: Arc::clone(&environment),
                bus: Arc::clone(local.bus()),
            }),
            clock: Arc::new(SkewedClock { environment: Arc::clone(&environment) }),
            breakers: Breakers::default(),
            keyring: Keyring::new(Arc::new(SeededKeys::new(mix(scenario.seed, 2)))),
        };
        let instances = std::array::from_fn(|_| Breakers::default());
        let observed = Observed { clients: Vec::new(), backing, seen, local: Arc::clone(&local) };
        Ok(Self {
            environment,
            application,
            observed,
            scenario,
            local,
            kernel,
            instances,
            routes,
            agenda: BTreeMap::new(),
            tasks: BTreeMap::new(),
            labels: HashMap::new(),
            next: 0,
            steps: 0,
        })
    }
}

thread_local! {
    /// The engine's own store. It stays empty, because all tables are in the backing store, so one
    /// is enough for all runs.
    static EMPTY: Result<Arc<DynoxideStore>, String> =
        DynoxideStore::memory(Arc::new(SystemClock), &[TableSpec { ttl: None, ..EXECUTIONS_TABLE }])
            .map(Arc::new)
            .map_err(|error| error.to_string());
}

/// The state machines, which are read only once.
fn machines<A: Application>(
    simulator: &Simulator<A>,
    functions: &[Function],
) -> Result<Arc<Definitions>, chorus_local::Error> {
    if let Some(machines) = simulator.machines.get() {
        return Ok(Arc::clone(machines));
    }
    let limits = A::LIMITS.iter().map(|(name, seconds)| ((*name).to_owned(), *seconds)).collect();
    let machines = Arc::new(Definitions::of(functions, &limits)?);
    Ok(Arc::clone(simulator.machines.get_or_init(|| machines)))
}

/// The engine's configuration, without what differs between runs.
fn engine<A: Application>(
    simulator: &Simulator<A>,
    environment: &Environment,
    functions: Vec<Function>,
) -> Result<LocalConfig, Error> {
    let machines = machines(simulator, &functions)?;
    let mut config = LocalConfig::new(&A::TABLE, functions).virtual_time(&environment.clock);
    config.machines = Some(machines);
    config.store = Some(EMPTY.with(Clone::clone).map_err(StoreError::Invalid)?);
    // The observer gets every observation directly; the feed has no subscribers.
    config.feed = 1;
    let called = A::TABLE.rows.iter().filter(|row| matches!(row.via, Via::ApiDestination(_)));
    for row in called {
        config = config.endpoint(row.action, Endpoint::new("https://partner.example", "a key"));
    }
    Ok(config)
}
