//! Opens a shop, serves its API, and stops the shop once its work in flight is done.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use chorus_carrier::HttpWebhook;
use chorus_console::Live;
use chorus_events::Settings;
use chorus_events::callers::LOCAL;
use chorus_events::table::TABLE;
use chorus_http::{
    ApiInfo, Caller, Gate, HttpFunction, Limits, SecretError, TokenKey, kept_secret,
    kept_text_secret,
};
use chorus_kernel::{Failure, StoreError};
use chorus_local::{
    Definitions, DirectoryError, Endpoint, Local, LocalConfig, STORE_FILE, holds_engine,
    open_directory,
};
use chorus_notification::Mailer;
use chorus_order::IdSecret;
use chorus_services::Dependencies;
use chorus_storefront::FrontEndSecret;
use chorus_webhook_signature::{SecretSource, WebhookSecret, WebhookSecrets};
use jiff::SignedDuration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::audit::AuditError;
use crate::bank::Bank;
use crate::{
    Accounts, CARRIER_API_KEY, OnStandby, Partners, ShopConfig, WEBHOOK_SECRET, WebhookSecretError,
    WebhookSecretFile, console, failover, following, front_end, on_standby, operator,
};

/// The file in a shop's data directory that holds the secret of order ids; see [`IdSecret`].
const ORDER_ID_SECRET: &str = "order-id-secret";

/// The file in a shop's data directory that holds the secret with which the simulated payment
/// provider signs its webhook requests.
const PAYMENT_WEBHOOK_SECRET: &str = "payment-webhook-secret";

/// The path at which the shop's server serves the simulated carrier's API.
const CARRIER: &str = "/partners/carrier";

/// The actions for which the bus calls the carrier, each with the path that the bus calls.
pub(crate) const CARRIER_PATHS: [(&str, &str); 2] =
    [("StartDelivery", "/deliveries"), ("RecallDelivery", "/recalls")];

/// Why an operation on a shop failed.
#[derive(Debug, thiserror::Error)]
pub enum ShopError {
    #[error("nothing can listen on {0}: is the port in use? Choose another with --port")]
    Address(SocketAddr, #[source] std::io::Error),
    #[error("the embedded engine cannot be opened")]
    Engine(#[from] chorus_local::Error),
    #[error("the store of the simulated partners cannot be opened")]
    Partners(#[from] StoreError),
    #[error("the shop's own secrets cannot be read or created")]
    Secrets(#[from] SecretError),
    #[error("the secret of the carrier's webhooks cannot be read or created")]
    WebhookSecret(#[from] WebhookSecretError),
    #[error("the file that names the shop's region cannot be read")]
    Region(#[source] std::io::Error),
    /// A failover to this shop is not complete: the partners' data may not have been copied yet.
    #[error(
        "the failover from {from} to {to} was interrupted: run `chorus failover --from … --to {to} \
         --yes` again"
    )]
    InterruptedFailover { from: String, to: String },
    #[error("the audit, which names interrupted failovers, cannot be read")]
    Audit(#[from] AuditError),
    #[error("a stored item cannot be read")]
    Stored(#[from] Failure),
    #[error(
        "the operating system's random generator failed; the console needs it for its form tokens"
    )]
    Randomness(#[from] getrandom::Error),
}

/// The shop's part of the API's documentation.
pub const API: ApiInfo = ApiInfo {
    title: "Chorus",
    description: "An order-management backend whose services never call each other.",
    hint: "The events of an order: <code>chorus trace ORDER</code>.",
    version: env!("CARGO_PKG_VERSION"),
    pages: Some("/console"),
    webhooks: &[front_end::ORDER_UPDATES],
};

/// The secrets of a shop. The carrier and the payment provider share the secrets of their webhooks
/// with the shop.
#[derive(Debug, Clone)]
pub struct Secrets {
    pub webhook: Arc<dyn SecretSource>,
    /// The secrets with which the payment provider signs its webhook requests.
    pub payment_webhook: Arc<dyn SecretSource>,
    /// The secret from which the ids of new orders derive.
    pub order_ids: IdSecret,
    /// The secret that signs updates for the front end; absent if there is no front end.
    pub front_end: Option<FrontEndSecret>,
}

impl Secrets {
    /// Returns fixed secrets for tests and measurements, so that every run makes the same ids.
    #[must_use]
    pub fn fixed() -> Self {
        let order_ids = "what everybody may know of shops in tests".parse();
        let order_ids = order_ids.expect("the fixed secret is long enough");
        let webhook = Arc::new(WebhookSecrets::from(secret()));
        let payment_webhook = Arc::clone(&webhook) as Arc<dyn SecretSource>;
        Self { webhook, payment_webhook, order_ids, front_end: None }
    }

    /// Returns the secrets of a shop with these settings.
    fn of_shop(config: &ShopConfig) -> Result<Self, ShopError> {
        let data = config.data.as_deref();
        let front_end = config.front_end.as_ref().map(|_| front_end::secret(data)).transpose()?;
        let own = Self { front_end, ..Self::of(data)? };
        Ok(match config.payment_webhook.clone() {
            Some(secret) => Self { payment_webhook: Arc::new(WebhookSecrets::from(secret)), ..own },
            None => own,
        })
    }

    /// Reads the secrets of the shop in this directory, or makes them if there are none; without a
    /// directory, returns fixed secrets.
    pub(crate) fn of(data: Option<&Path>) -> Result<Self, ShopError> {
        let Some(data) = data else { return Ok(Self::fixed()) };
        let kept = kept_secret(data, ORDER_ID_SECRET)?;
        let order_ids = IdSecret::new(&kept).expect("a kept secret has 32 bytes");
        let webhook = Arc::new(WebhookSecretFile::in_directory(data)?);
        let payments = kept_text_secret(data, PAYMENT_WEBHOOK_SECRET)?;
        let payments: WebhookSecret = payments.parse().expect("a kept secret has 32 characters");
        let payment_webhook = Arc::new(WebhookSecrets::from(payments));
        Ok(Self { webhook, payment_webhook, order_ids, front_end: None })
    }
}

/// Returns the functions of every service except Enterprise. They call the partners `partners`.
#[must_use]
pub fn functions(
    partners: &Partners,
    mailer: Arc<dyn Mailer>,
    Secrets { webhook, payment_webhook, order_ids, front_end }: Secrets,
    settings: Settings,
) -> Vec<HttpFunction> {
    chorus_services::functions(&Dependencies {
        payment_provider: partners.provider(),
        mailer,
        webhook_secrets: webhook,
        payment_webhook_secrets: payment_webhook,
        order_ids,
        front_end,
        // `false` leaves out Enterprise. `Shop::at` adds Enterprise if the settings ask for public
        // events.
        public_events: false,
        settings,
    })
}

/// A shop: the engine with every service, the API's router, and the partners.
#[derive(Debug)]
pub struct Shop {
    local: Arc<Local>,
    partners: Partners,
    router: Router,
    /// Counts what happens in the shop, for the console's pages.
    live: Live,
    serving: Mutex<Option<Serving>>,
}

#[derive(Debug)]
struct Serving {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Shop {
    /// Opens a shop without starting it: nothing is delivered, and the API does not listen.
    ///
    /// # Errors
    /// See [`ShopError`].
    pub fn open(config: &ShopConfig) -> Result<Self, ShopError> {
        Self::at(config, config.address)
    }

    /// Starts a shop: continues the work that an earlier process left, delivers events, and serves
    /// the API.
    ///
    /// # Errors
    /// See [`ShopError`].
    pub async fn start(config: &ShopConfig) -> Result<Self, ShopError> {
        let refused = |error| ShopError::Address(config.address, error);
        let listener = TcpListener::bind(config.address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let shop = Self::at(config, address)?;
        if let Some(data) = &config.data
            && let Some(interrupted) =
                failover::interrupted_into(data, &**shop.local.store()).await?
        {
            let (from, to) = (interrupted.from, data.display().to_string());
            return Err(ShopError::InterruptedFailover { from, to });
        }
        // No other process uses this directory. So an idempotency record with unpublished events
        // was left by a process that was killed, and the sweeper publishes the events at once
        // instead of waiting until the record is old.
        shop.local.sweep(SignedDuration::ZERO).await?;
        let webhook = format!("http://{address}/webhooks/logistics");
        let secrets = Secrets::of(config.data.as_deref())?;
        let bank = Bank {
            provider: shop.partners.simulated(),
            router: shop.router.clone(),
            secrets: Arc::clone(&secrets.payment_webhook),
            clock: Arc::clone(&config.clock),
            woken: shop.partners.woken(),
        };
        let webhook = HttpWebhook::new(webhook, secrets.webhook, Arc::clone(&config.clock));
        let carrier = shop.partners.carrier(config, Arc::new(webhook));
        let with_carrier =
            shop.router.clone().nest(CARRIER, chorus_carrier::router(Arc::clone(&carrier)));
        let (stop, stopped) = watch::channel(false);
        let listening = tokio::spawn(serve(listener, with_carrier, stopped));
        let forwarding = tokio::spawn(console::forward(shop.live.clone(), shop.local.watch()));
        let mut tasks = vec![listening, forwarding, tokio::spawn(carrier.run())];
        if config.stripe.is_none() {
            tasks.push(tokio::spawn(bank.run()));
        }
        shop.local.runner().start();
        *lock(&shop.serving) = Some(Serving { address, stop, tasks });
        Ok(shop)
    }

    fn at(config: &ShopConfig, address: SocketAddr) -> Result<Self, ShopError> {
        if let Some(data) = &config.data {
            // The secret is created after the databases, so a directory that has only the secret
            // has lost its databases.
            if !holds_engine(data) && data.join(ORDER_ID_SECRET).exists() {
                let missing = DirectoryError::Missing(data.join(STORE_FILE));
                return Err(chorus_local::Error::from(missing).into());
            }
            // Check this before `Partners::open`, which would create a missing file.
            open_directory(data, &[Partners::FILE]).map_err(chorus_local::Error::from)?;
        }
        let partners = Partners::open(config)?;
        let mailer: Arc<dyn Mailer> = match &config.mailer {
            Some(mailer) => Arc::clone(mailer) as Arc<dyn Mailer>,
            None => Arc::new(partners.mailer()),
        };
        let secrets = Secrets::of_shop(config)?;
        let mut functions = functions(&partners, mailer, secrets, config.settings);
        if config.public_events {
            functions.push(chorus_enterprise::function(config.settings.currency).into());
        }
        if let Some(around) = &config.around {
            functions = functions.into_iter().map(|function| around(function)).collect();
        }
        let (functions, routes) = HttpFunction::split(functions);
        let machines = Arc::new(Definitions::of(&functions, &config.limits)?);
        let mut engine = LocalConfig::new(&TABLE, functions);
        engine.machines = Some(Arc::clone(&machines));
        (engine.data, engine.seed) = (config.data.clone(), config.seed);
        engine.region = match (&config.region, &config.data) {
            (None, Some(data)) => failover::region_of(data).map_err(ShopError::Region)?,
            (region, _) => region.clone(),
        };
        engine.application_files = vec![Partners::FILE];
        engine.clock = Arc::clone(&config.clock);
        (engine.concurrency, engine.disorder) = (config.concurrency, config.disorder);
        engine.limits.clone_from(&config.limits);
        engine.policies = config.policies;
        for (row, path) in CARRIER_PATHS {
            let url = format!("http://{address}{CARRIER}{path}");
            engine = engine.endpoint(row, Endpoint::new(url, CARRIER_API_KEY));
        }
        if let Some(url) = &config.front_end {
            engine = engine.endpoint(front_end::SENDS_UPDATES, front_end::endpoint(url));
        }
        let local = Arc::new(Local::open(engine)?);
        let here = Caller::trusted(LOCAL, &routes);
        let key = match &config.data {
            Some(data) => TokenKey::in_directory(data)?,
            None => TokenKey::random()?,
        };
        let desk = operator::router(Arc::clone(&local), partners.clone(), key.clone());
        let api = chorus_http::router(local.kernel(), API, routes);
        let watched = Arc::clone(&local);
        let api = following::followed(api, Arc::new(move || watched.watch()));
        let router = api.merge(desk);
        let router = chorus_http::with_problems(router);
        let live = Live::default();
        let shop = config
            .data
            .as_ref()
            .map_or_else(|| "in memory".to_owned(), |data| data.display().to_string());
        let router =
            console::add_pages(router, &format!("Chorus, {shop}"), live.clone(), &machines)?;
        let from_here = if config.require_tokens { Caller::unknown() } else { here.clone() };
        let origins = config.origins.clone();
        let gate = Gate { tokens: Some(key), within: here, from_here, origins, pages: API.pages };
        let router = gate.guard(router);
        Ok(Self { local, partners, router, live, serving: Mutex::new(None) })
    }

    #[must_use]
    pub fn local(&self) -> &Local {
        &self.local
    }

    #[must_use]
    pub const fn partners(&self) -> &Partners {
        &self.partners
    }

    /// Returns the API's router. It also serves requests that come without a socket.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Returns the API's address, such as `http://127.0.0.1:3000`; `None` while the API does not
    /// listen.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        lock(&self.serving).as_ref().map(|serving| format!("http://{}", serving.address))
    }

    /// Returns the shop's accounts: the stock of all items, and the money of all orders.
    ///
    /// # Errors
    /// If the accounts cannot be read.
    pub async fn accounts(&self) -> Result<Accounts, Failure> {
        Accounts::of(&self.local, &self.partners).await
    }

    /// Whether the shop's region is on standby; `None` if the region is the active region, or if
    /// there is only one region.
    ///
    /// # Errors
    /// If the name of the active region cannot be read.
    pub async fn standby(&self) -> Result<Option<OnStandby>, Failure> {
        match &self.local.kernel().region {
            Some(region) => on_standby(self.local.store().as_ref(), region.name()).await,
            None => Ok(None),
        }
    }

    /// Stops serving the API, finishes the work in flight, and writes the engine's journal to disk.
    ///
    /// # Errors
    /// If the engine cannot write its journal to disk.
    pub async fn stop(&self) -> Result<(), ShopError> {
        let serving = lock(&self.serving).take();
        if let Some(Serving { stop, tasks, .. }) = serving {
            stop.send_replace(true);
            let written = self.local.runner().shutdown(Duration::from_secs(10)).await;
            for task in tasks {
                task.abort();
            }
            written?;
        }
        Ok(())
    }
}

pub(crate) fn secret() -> WebhookSecret {
    WEBHOOK_SECRET.parse().expect("the laptop's secret is long enough, as the tests show")
}

async fn serve(listener: TcpListener, router: Router, mut stopped: watch::Receiver<bool>) {
    let stop = async move {
        if stopped.wait_for(|stop| *stop).await.is_err() {
            tracing::debug!("the API stops listening, because the shop was dropped");
        }
    };
    chorus_http::serve(listener, router, Limits::default(), stop).await;
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
