//! What a run stands on: the functions, the engine, and the world's companies.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use chorus_events::table::TABLE;
use chorus_kernel::{Function, IDEMPOTENCY_TABLE, Kernel, Store, StoreError, TableSpec};
use chorus_local::{
    Definitions, Disorder, DynoxideStore, EXECUTIONS_TABLE, Endpoint, Local, LocalConfig,
    SystemClock, VirtualClock,
};
use chorus_services::Dependencies;
use chorus_table::Rule;
use chorus_webhook_signature::WebhookSecret;

use super::Stage;
use crate::courier::{Courier, Parcels};
use crate::draw::mix;
use crate::fault::Trouble;
use crate::outside::{Bank, Books, Post};
use crate::ports::{SkewedClock, StruckBus, StruckStore};
use crate::scenario::{ITEMS, Scenario};
use crate::seen::Seen;
use crate::store::{Backing, Shelf};
use crate::world::World;

/// The secret that the carrier signs with.
const SECRET: &str = "a-secret-of-the-simulated-carrier";

/// How long the state machines wait for people and for the carrier: hours rather than days.
const LIMITS: [(&str, u32); 3] = [
    ("ReviewHeartbeatSeconds", 7_200),
    ("ReviewTimeoutSeconds", 14_400),
    ("CarrierTimeoutSeconds", 21_600),
];

/// Longer than any state machine waits.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(22_000);

impl Stage {
    /// A stage on which `scenario` can be played.
    pub(crate) fn new(
        world: Arc<World>,
        scenario: Scenario,
        backing: Backing,
        rules: &[Rule],
    ) -> Result<Self, StoreError> {
        world.state().versions = scenario.troubles.contains(&Trouble::Versions);
        let bank = Arc::new(Bank {
            world: Arc::clone(&world),
            voids: scenario.bank_voids,
            mute: scenario.bank_is_mute,
            books: Mutex::new(Books::default()),
        });
        let post = Arc::new(Post { world: Arc::clone(&world), letters: Mutex::default() });
        let courier = Arc::new(Courier {
            world: Arc::clone(&world),
            manners: scenario.orders.iter().map(|it| (it.order_id.clone(), it.manner)).collect(),
            shelf: Mutex::new(Parcels::default()),
        });
        let secret: WebhookSecret = SECRET.parse().expect("the secret is long enough");
        let functions = chorus_services::functions(&Dependencies {
            payment_provider: Arc::clone(&bank) as Arc<_>,
            mailer: Arc::clone(&post) as Arc<_>,
            webhook_secret: secret.clone(),
        });
        let mut tables = vec![IDEMPOTENCY_TABLE, EXECUTIONS_TABLE];
        tables.extend(functions.iter().flat_map(|it| it.function.tables.iter().copied()));
        let clock: VirtualClock = world.clock.clone();
        let shelf = Arc::new(Shelf::new(backing, Arc::new(clock), &tables)?);
        let stock: Arc<HashMap<String, i64>> =
            Arc::new(ITEMS.iter().map(|it| (it.0.to_owned(), i64::from(it.2))).collect());
        let seen = Seen::new(Arc::clone(&world));
        let route = |route: &chorus_http::Route| {
            (format!("{} {}", route.method, route.path), Arc::clone(&route.endpoint))
        };
        let routes = functions.iter().flat_map(|it| it.routes.iter().map(route)).collect();
        let functions = functions.into_iter().map(|it| it.function).collect();
        let mut config = engine(&world, &scenario, functions)?;
        config.rules = rules.to_vec();
        config.partner = Some(Arc::clone(&courier) as Arc<_>);
        config.observer = Some(Arc::clone(&seen) as Arc<_>);
        // The observer sees everything at once; nobody watches from afar.
        config.feed = 1;
        let local = Arc::new(Local::open(config).map_err(|error| unopened(&error))?);
        let struck = StruckStore::new(Arc::clone(&world), Arc::clone(&shelf), Arc::clone(&stock));
        let store: Arc<dyn Store> = Arc::new(struck);
        let kernel = Kernel {
            machines: local.machines_on(Arc::clone(&store)),
            store,
            bus: Arc::new(StruckBus { world: Arc::clone(&world), bus: Arc::clone(local.bus()) }),
            clock: Arc::new(SkewedClock { world: Arc::clone(&world) }),
        };
        Ok(Self {
            world,
            shelf,
            bank,
            post,
            courier,
            local,
            seen,
            scenario,
            clients: Vec::new(),
            stock,
            kernel,
            routes,
            secret,
            agenda: BTreeMap::new(),
            tasks: BTreeMap::new(),
            labels: HashMap::new(),
            next: 0,
            steps: 0,
        })
    }
}

fn unopened(error: &chorus_local::Error) -> StoreError {
    StoreError::Invalid(error.to_string())
}

thread_local! {
    /// The engine's own store, which stays empty, since all tables are on the shelf: one is enough
    /// for all runs.
    static EMPTY: Result<Arc<DynoxideStore>, String> =
        DynoxideStore::memory(Arc::new(SystemClock), &[TableSpec { ttl: None, ..EXECUTIONS_TABLE }])
            .map(Arc::new)
            .map_err(|error| error.to_string());
}

/// The state machines, read once.
fn machines(functions: &[Function]) -> Result<Arc<Definitions>, chorus_local::Error> {
    static MACHINES: OnceLock<Arc<Definitions>> = OnceLock::new();
    if let Some(machines) = MACHINES.get() {
        return Ok(Arc::clone(machines));
    }
    let limits = LIMITS.map(|(name, seconds)| (name.to_owned(), seconds)).into();
    let machines = Arc::new(Definitions::of(functions, &limits)?);
    Ok(Arc::clone(MACHINES.get_or_init(|| machines)))
}

/// The engine, but for who is on its other side.
fn engine(
    world: &World,
    scenario: &Scenario,
    functions: Vec<Function>,
) -> Result<LocalConfig, StoreError> {
    let machines = machines(&functions).map_err(|error| unopened(&error))?;
    let config = LocalConfig::new(&TABLE, functions);
    let mut config = config.virtual_time(&world.clock).seed(mix(scenario.seed, 1));
    config.machines = Some(machines);
    config.store = Some(EMPTY.with(Clone::clone).map_err(StoreError::Invalid)?);
    config.disorder =
        Disorder { fewest_copies: 1, most_copies: scenario.copies, delay: scenario.delay };
    for action in ["StartDelivery", "RecallDelivery"] {
        config = config.endpoint(action, Endpoint::new("https://carrier.example", "a key"));
    }
    Ok(config)
}
