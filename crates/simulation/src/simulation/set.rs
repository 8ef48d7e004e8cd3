//! Sets up a run: the real functions and engine, on simulated ports.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chorus_http::{HttpFunction, Route};
use chorus_kernel::testing::expect_ready;
use chorus_kernel::{
    ActiveRegion, Breakers, Function, IDEMPOTENCY_TABLE, Kernel, Keyring, MemoryStore,
    PERSON_KEYS_TABLE, REGIONS_TABLE, Region, Store, StoreError, TableSpec,
};
use chorus_local::{
    Definitions, Disorder, DynoxideStore, EXECUTIONS_TABLE, Endpoint, Local, LocalConfig, Partner,
    SystemClock, VirtualClock,
};
use chorus_table::Via;

use super::{CONCURRENCY, SCARCE_CONCURRENCY, Simulation, Site};
use crate::application::{Application, Opened, Watch};
use crate::draw::mix;
use crate::environment::Environment;
use crate::keys::SeededKeys;
use crate::observed::{Observed, Seen, Sightings};
use crate::ports::{FaultyBus, FaultyStore, SkewedClock};
use crate::region::{FIRST, LONGEST_LAG, Link};
use crate::releases::{Released, Releases};
use crate::scenario::Scenario;
use crate::simulator::{Error, Simulator};
use crate::store::{Backing, BackingStore};
use crate::trouble::Trouble;
use crate::turns::Turns;

/// The routes of the services, by method and path.
pub(super) type Routes = BTreeMap<String, Route>;

/// The parts from which each region of a run is made.
pub(super) struct Parts {
    functions: Vec<Function>,
    partner: Option<Arc<dyn Partner>>,
    watches: Arc<Vec<Watch>>,
    pub(super) tables: Vec<TableSpec>,
    backing: Backing,
    machines: Arc<Definitions>,
    /// The table that names the active region, if there are two regions.
    pub(super) regions: Option<Arc<MemoryStore>>,
}

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
        let parts = Parts {
            machines: machines(simulator, &functions)?,
            functions,
            partner,
            watches: Arc::new(watches),
            tables,
            backing: simulator.backing,
            regions: scenario.loss.is_some().then(|| Arc::new(MemoryStore::new(&[REGIONS_TABLE]))),
        };
        if let Some(regions) = &parts.regions {
            environment.state().late_within = LONGEST_LAG;
            expect_ready(regions.write(&[ActiveRegion::taken_over(
                None,
                FIRST,
                environment.now(),
            )]))?;
        }
        let is_noisy = scenario.troubles.contains(&Trouble::NOISY_TENANT);
        // In a run with delays, it is unknown when a delivery is due. So the run does not check
        // that tenants take turns.
        if is_noisy && scenario.delay.is_zero() {
            environment.state().turns = Some(Turns::default());
        }
        let is_scarce = is_noisy || scenario.troubles.contains(&Trouble::SCARCE_CONCURRENCY);
        let concurrency = if is_scarce { SCARCE_CONCURRENCY } else { CONCURRENCY };
        let region = scenario.loss.is_some().then_some(FIRST);
        let site = Self::site(&environment, &scenario, &parts, 0, region, Sightings::default())?;
        let observed = Observed {
            clients: Vec::new(),
            backing: Arc::clone(&site.backing),
            seen: Arc::clone(&site.seen),
            local: Arc::clone(&site.local),
            lost: None,
        };
        Ok(Self {
            environment,
            application,
            observed,
            scenario,
            parts,
            sites: vec![site],
            active: 0,
            routes,
            agenda: BTreeMap::new(),
            tasks: BTreeMap::new(),
            labels: HashMap::new(),
            next: 0,
            steps: 0,
            concurrency,
        })
    }

    /// Sets up a region: its tables, its bus, its functions. `number` says how many regions the run
    /// has set up before this one.
    pub(super) fn site(
        environment: &Arc<Environment>,
        scenario: &Scenario<A::Script>,
        parts: &Parts,
        number: usize,
        region: Option<&'static str>,
        sightings: Sightings,
    ) -> Result<Site, Error> {
        let seed = if number == 0 { scenario.seed } else { mix(scenario.seed, number as u64) };
        let clock: VirtualClock = environment.clock.clone();
        let backing = Arc::new(BackingStore::new(parts.backing, Arc::new(clock), &parts.tables)?);
        let lag = scenario.loss.as_ref().map(|loss| loss.lag);
        let link = lag.map(|lag| Link::new(mix(seed, 3), lag));
        let seen = Seen::new(Arc::clone(environment), &A::TABLE, region, link.clone(), sightings);
        let mut config = engine::<A>(parts, environment)?;
        config = config.seed(mix(seed, 1));
        if environment.state().armed || number == 0 {
            config.disorder =
                Disorder { fewest_copies: 1, most_copies: scenario.copies, delay: scenario.delay };
        }
        config.observer = Some(Arc::clone(&seen) as Arc<_>);
        let local = Arc::new(Local::open(config)?);
        let store: Arc<dyn Store> = Arc::new(
            FaultyStore::new(Arc::clone(environment), Arc::clone(&backing), &parts.watches)
                .in_region(parts.regions.clone(), link.clone()),
        );
        let kernel = Kernel {
            machines: local.machines_on(Arc::clone(&store)),
            store,
            bus: Arc::new(FaultyBus {
                environment: Arc::clone(environment),
                bus: Arc::clone(local.bus()),
            }),
            clock: Arc::new(SkewedClock { environment: Arc::clone(environment) }),
            breakers: Breakers::default(),
            keyring: Keyring::new(Arc::new(SeededKeys::new(mix(seed, 2)))),
            region: region.map(Region::new),
        };
        let instances = std::array::from_fn(|_| (Breakers::default(), region.map(Region::new)));
        let archive = Vec::new();
        Ok(Site { local, kernel, instances, backing, seen, link, archive, away: false })
    }
}

thread_local! {
    /// The store in the engine's configuration. It stays empty, because each region keeps all
    /// tables in its [`BackingStore`]. So all runs on a thread can share this store.
    static EMPTY: Result<Arc<DynoxideStore>, String> =
        DynoxideStore::memory(Arc::new(SystemClock), &[TableSpec { ttl: None, ..EXECUTIONS_TABLE }])
            .map(Arc::new)
            .map_err(|error| error.to_string());
}

/// The state machines. The first run reads them, and the simulator keeps them for later runs.
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

/// The part of the engine's configuration that does not depend on the scenario.
fn engine<A: Application>(parts: &Parts, environment: &Environment) -> Result<LocalConfig, Error> {
    let mut config =
        LocalConfig::new(&A::TABLE, parts.functions.clone()).virtual_time(&environment.clock);
    config.machines = Some(Arc::clone(&parts.machines));
    config.partner.clone_from(&parts.partner);
    config.store = Some(EMPTY.with(Clone::clone).map_err(StoreError::Invalid)?);
    for (partner, account) in A::SENDERS {
        config = config.sender(*partner, account);
    }
    // The smallest capacity suffices: the feed has no subscribers, because the observer gets every
    // observation directly.
    config.feed_capacity = 1;
    let called = A::TABLE.rows.iter().filter(|row| matches!(row.via, Via::ApiDestination(_)));
    for row in called {
        config = config.endpoint(row.action, Endpoint::new("https://partner.example", "a key"));
    }
    Ok(config)
}
