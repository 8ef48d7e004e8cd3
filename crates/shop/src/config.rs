//! The settings of a shop in one process.

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
use chorus_webhook_signature::WebhookSecret;

/// The carrier's API key on a laptop, where only this machine can reach the carrier.
pub const CARRIER_API_KEY: &str = "a-key-for-this-laptop-only";

/// The secret of the carrier's webhooks in a shop without a data directory, as in tests and
/// measurements.
pub const WEBHOOK_SECRET: &str = "a-webhook-secret-for-this-laptop-only";

/// Wraps a function, for example to observe it.
pub type Around = Arc<dyn Fn(HttpFunction) -> HttpFunction + Send + Sync>;

/// The settings of a shop; [`ShopConfig::default`] is a shop in memory on a free port.
#[derive(Clone)]
pub struct ShopConfig {
    /// The data directory; if absent, everything is in memory.
    pub data: Option<PathBuf>,
    /// The region in which the shop runs, in a deployment with two regions. If absent, the region
    /// that a failover has written into the data directory is used; without a failover, the shop
    /// has no region.
    pub region: Option<String>,
    /// The address that the API listens on; port 0 means any free port.
    pub address: SocketAddr,
    /// The clock of the engine and of the simulated partners.
    pub clock: Arc<dyn Clock>,
    /// The time from the carrier's acceptance of a parcel to its pickup.
    pub pickup_after: Duration,
    /// The time from the pickup of a parcel to its delivery.
    pub delivery_after: Duration,
    /// The maximum number of event deliveries, queue batches and jobs, taken together, that run at
    /// once.
    pub concurrency: usize,
    /// The seed of ids, jitter and [`Self::disorder`]; if absent, the seed derives from the
    /// system's time.
    pub seed: Option<u64>,
    /// Timeouts of the state machines, in seconds, such as `ReviewTimeoutSeconds`. They override
    /// the defaults in the state machines' definitions.
    pub limits: BTreeMap<String, u32>,
    /// The mailer; if absent, the simulated mailer stores emails.
    pub mailer: Option<Arc<TransportMailer>>,
    /// The settings that the shop's operator chooses.
    pub settings: Settings,
    /// Stripe, as the payment provider; if absent, the simulated provider is used, which moves no
    /// money.
    pub stripe: Option<Arc<StripeProvider>>,
    /// The secret with which Stripe signs its webhook requests; if absent, a secret that only the
    /// simulated provider has.
    pub payment_webhook: Option<WebhookSecret>,
    /// The retries, time limits and rates with which the bus delivers events.
    pub policies: Policies,
    /// Whether calls need a token even if they come from this machine.
    pub require_tokens: bool,
    /// The address of the shop's own front end, which gets signed updates of orders; absent if
    /// there is no front end.
    pub front_end: Option<String>,
    /// Whether public events are published. They stay on the shop's own bus, because a shop in one
    /// process has no bus in another AWS account.
    pub public_events: bool,
    /// The origins whose pages may call the API, such as `https://shop.example`.
    pub origins: Vec<HeaderValue>,
    /// Wraps each function before the engine uses it, for example to observe it.
    pub around: Option<Around>,
    /// Deliberate disorder in the delivery of events, for tests.
    pub disorder: Disorder,
}

impl Default for ShopConfig {
    fn default() -> Self {
        Self {
            data: None,
            region: None,
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
            payment_webhook: None,
            policies: Policies::default(),
            require_tokens: false,
            front_end: None,
            public_events: false,
            origins: Vec::new(),
            around: None,
            disorder: Disorder::default(),
        }
    }
}
