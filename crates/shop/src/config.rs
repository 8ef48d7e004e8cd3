//! How a shop is set up.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use chorus_events::Settings;
use chorus_http::HttpFunction;
use chorus_kernel::Clock;
use chorus_local::{Disorder, Policies, SystemClock};
use chorus_notification::TransportMailer;
use chorus_payment::StripeProvider;

/// The carrier's key on a laptop. Nobody outside of it can reach the carrier.
pub const CARRIER_API_KEY: &str = "a-key-for-this-laptop-only";

/// What the carrier's webhooks are signed with where a shop has no directory: in tests and measurements.
pub const WEBHOOK_SECRET: &str = "a-webhook-secret-for-this-laptop-only";

/// Under which name a shop's own machine acts, where it presents no token.
pub const LOCAL: &str = "local";

/// Makes another function of a function.
pub type Around = Arc<dyn Fn(HttpFunction) -> HttpFunction + Send + Sync>;

/// How a shop is set up; [`ShopConfig::default`] is a shop in memory on a port of its own.
#[derive(Clone)]
pub struct ShopConfig {
    /// Where everything is kept; without, in memory.
    pub data: Option<PathBuf>,
    /// Where the API listens; port 0 takes any that is free.
    pub address: SocketAddr,
    /// The time of the engine and of the simulated partners.
    pub clock: Arc<dyn Clock>,
    /// From accepting a parcel to picking it up.
    pub pickup_after: Duration,
    /// From picking a parcel up to delivering it.
    pub delivery_after: Duration,
    /// How many deliveries run at once.
    pub concurrency: usize,
    /// The seed of ids, jitter and disorder; without, the system's time.
    pub seed: Option<u64>,
    /// Timeouts of the state machines' waits, in seconds, that override their defaults: such as
    /// `ReviewTimeoutSeconds`.
    pub limits: BTreeMap<String, u32>,
    /// Who sends emails; without, the simulated mailer keeps them.
    pub mailer: Option<Arc<TransportMailer>>,
    /// The shop's own numbers.
    pub settings: Settings,
    /// Who charges; without, the simulated provider, which charges nobody.
    pub stripe: Option<Arc<StripeProvider>>,
    /// How often, for how long and how fast deliveries are tried.
    pub policies: Policies,
    /// Whether calls from this machine need a token too.
    pub require_tokens: bool,
    /// The address of the shop's own front end, which is told how orders proceed; without, nobody is.
    pub front_end: Option<String>,
    /// The origins whose pages may call, such as `https://shop.example`.
    pub origins: Vec<HeaderValue>,
    /// What is made of each function before it is used: whoever observes them puts something around it.
    pub around: Option<Around>,
    /// Deliberate disorder among deliveries, for tests.
    pub disorder: Disorder,
}

impl Default for ShopConfig {
    fn default() -> Self {
        Self {
            data: None,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            clock: Arc::new(SystemClock),
            pickup_after: Duration::from_millis(50),
            delivery_after: Duration::from_millis(150),
            concurrency: 32,
            seed: None,
            limits: BTreeMap::new(),
            mailer: None,
            settings: Settings::DEFAULT,
            stripe: None,
            policies: Policies::default(),
            require_tokens: false,
            front_end: None,
            origins: Vec::new(),
            around: None,
            disorder: Disorder::default(),
        }
    }
}
