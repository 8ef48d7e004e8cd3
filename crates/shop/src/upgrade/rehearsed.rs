//! A shop that runs on a copy of a data directory and on virtual time, with its carrier in the same
//! process.

use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use chorus_carrier::{Callback, Carrier, NotAccepted, Webhook, address_request, has_address};
use chorus_events::OrderId;
use chorus_events::callers::LOCAL;
use chorus_events::table::TABLE;
use chorus_http::{Caller, HttpFunction, MAX_BODY, with_default_caller};
use chorus_kernel::{Clock, Failure};
use chorus_local::{
    Accepted, Call, Endpoint, Local, LocalConfig, NoAnswer, Observation, Observer, Partner,
    VirtualClock, Work, open_directory,
};
use chorus_table::Handle;
use chorus_webhook_signature::SecretSource;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::UpgradeError;
use crate::in_process;
use crate::shop::{CARRIER_PATHS, lock};
use crate::{API, Accounts, CARRIER_API_KEY, Partners, Secrets, ShopConfig, ShopError, functions};

/// While a task sleeps, each of the other tasks may run this many times before the clock is
/// advanced.
const TURNS: usize = 16;

/// The rehearsal ends once nothing has happened for this virtual time. This time is long enough for
/// the sweeper to publish the events that are committed but not published.
const QUIET: SignedDuration = SignedDuration::from_mins(10);

/// A shop whose time advances only while it has nothing to do.
pub(super) struct RehearsedShop {
    pub(super) local: Local,
    pub(super) partners: Partners,
    pub(super) clock: VirtualClock,
    router: Router,
    carrier: Arc<Carrier>,
    seen: Arc<Seen>,
}

/// The events that the bus accepted during the rehearsal.
#[derive(Default)]
struct Seen(Mutex<Vec<Arc<Accepted>>>);

impl Observer for Seen {
    fn observe(&self, observation: &Observation) {
        if let Observation::Accepted(event) = observation {
            lock(&self.0).push(Arc::clone(event));
        }
    }
}

impl RehearsedShop {
    /// Opens the shop in `data`, at the time `now`.
    pub(super) fn open(data: &Path, now: Timestamp) -> Result<Self, UpgradeError> {
        let clock = VirtualClock::at(now);
        let config = ShopConfig {
            data: Some(data.to_owned()),
            clock: Arc::new(clock.clone()),
            ..ShopConfig::default()
        };
        // Check the files before `Partners::open`, which would create a missing file.
        open_directory(data, &[Partners::FILE])?;
        let partners = Partners::open(&config).map_err(ShopError::from)?;
        let mailer = Arc::new(partners.mailer());
        let secrets = Secrets::of(config.data.as_deref())?;
        let webhook_secrets = Arc::clone(&secrets.webhook);
        let (functions, routes) =
            HttpFunction::split(functions(&partners, mailer, secrets, config.settings));
        let (here, seen) = (Arc::<CarrierHere>::default(), Arc::<Seen>::default());
        let mut engine = LocalConfig::new(&TABLE, functions).virtual_time(&clock).data(data);
        engine.application_files = vec![Partners::FILE];
        engine.partner = Some(Arc::clone(&here) as Arc<dyn Partner>);
        engine.observer = Some(Arc::clone(&seen) as Arc<dyn Observer>);
        for (row, path) in CARRIER_PATHS {
            engine = engine.endpoint(row, Endpoint::new(path, CARRIER_API_KEY));
        }
        let local = Local::open(engine)?;
        let caller = Caller::trusted(LOCAL, &routes);
        let router = with_default_caller(chorus_http::router(local.kernel(), API, routes), caller);
        let webhook =
            ShopHere { router: router.clone(), clock: clock.clone(), secrets: webhook_secrets };
        let carrier = partners.carrier(&config, Arc::new(webhook));
        here.0.get_or_init(|| chorus_carrier::router(Arc::clone(&carrier)));
        Ok(Self { local, partners, clock, router, carrier, seen })
    }

    pub(super) async fn accounts(&self) -> Result<Accounts, Failure> {
        Accounts::of(&self.local, &self.partners).await
    }

    /// Returns the events that the bus accepted since the shop was opened.
    pub(super) fn taken(&self) -> Vec<Arc<Accepted>> {
        lock(&self.seen.0).clone()
    }

    /// The time at which the bus accepted the last event; the present time if the bus accepted no
    /// event.
    pub(super) fn last_change(&self) -> Timestamp {
        lock(&self.seen.0).iter().map(|event| event.at).max().unwrap_or_else(|| self.clock.now())
    }

    /// Alternately runs the work that is due, and advances the time to the next work. Returns once
    /// no work is left, or once the next work is due after `until`.
    pub(super) async fn run_until_rest(&self, until: Timestamp) -> Result<(), UpgradeError> {
        // The sweeper runs at once, as when a shop starts: see `Shop::start`.
        self.passing(self.local.sweep(SignedDuration::ZERO)).await.map_err(ShopError::from)?;
        let bus = self.local.bus();
        let mut quiet = false;
        loop {
            if let Some(work) = bus.take_due(1).pop() {
                quiet &= matches!(work, Work::Job(_));
                self.perform(work).await;
                continue;
            }
            let worked = self.passing(self.carrier.work_off()).await;
            let carrier = worked.map_err(UpgradeError::Carrier)?;
            let next = bus.next_unscheduled().into_iter().chain(carrier).min();
            match next {
                Some(next) if next > until => return Ok(()),
                Some(next) => self.clock.advance_to(next),
                None if quiet => return Ok(()),
                None => {
                    quiet = true;
                    self.clock.advance_to(self.clock.now() + QUIET);
                }
            }
        }
    }

    async fn perform(&self, work: Work) {
        let (bus, dispatcher) = (self.local.bus(), self.local.dispatcher());
        let performed = dispatcher.perform(&work, bus.topology(), self.local.kernel());
        let verdicts = self.passing(performed).await;
        bus.settle_all(verdicts);
        if let Work::Job(job) = work {
            bus.finish(job);
        }
    }

    /// Awaits `working`, and advances the time whenever a task sleeps.
    async fn passing<T>(&self, working: impl Future<Output = T>) -> T {
        let mut working = pin!(working);
        loop {
            tokio::select! {
                biased;
                done = &mut working => return done,
                () = turns() => {
                    if let Some(wake) = self.clock.next_wake() {
                        self.clock.advance_to(wake);
                    }
                }
            }
        }
    }

    /// Requests `path` from the API. The error says why the API refused the request.
    pub(super) async fn get(&self, path: &str) -> Result<(), String> {
        let request = Request::get(path).body(Body::empty());
        let request = request.map_err(|error| error.to_string())?;
        let (status, body) = answer(&self.router, request).await?;
        if status.is_success() {
            return Ok(());
        }
        let detail = body["detail"].as_str().unwrap_or_default();
        Err(format!("GET {path} was refused with {status}: {detail}"))
    }
}

async fn turns() {
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
}

async fn answer(router: &Router, request: Request<Body>) -> Result<(StatusCode, Value), String> {
    let answered = in_process::send(router, request, MAX_BODY).await;
    let (status, body) = answered.map_err(|error| error.to_string())?;
    Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
}

/// The simulated carrier's API, called without a socket.
#[derive(Default)]
struct CarrierHere(OnceLock<Router>);

#[async_trait]
impl Partner for CarrierHere {
    async fn post(&self, call: &Call) -> Result<u16, NoAnswer> {
        let not_reached = |reason: &str| NoAnswer::NotReached(reason.to_owned());
        let router =
            self.0.get().ok_or_else(|| not_reached("the simulated carrier is not ready yet"))?;
        let Endpoint { url, api_key_header, api_key, .. } = &call.endpoint;
        let mut request = Request::post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(api_key_header, api_key);
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Body::from(call.body.clone()));
        let request = request.map_err(|error| not_reached(&error.to_string()))?;
        let answered = answer(router, request).await.map_err(|error| not_reached(&error))?;
        Ok(answered.0.as_u16())
    }
}

/// The shop's webhook, called without a socket.
struct ShopHere {
    router: Router,
    clock: VirtualClock,
    secrets: Arc<dyn SecretSource>,
}

#[async_trait]
impl Webhook for ShopHere {
    async fn post(&self, callback: &Callback) -> Result<(), NotAccepted> {
        let secrets = self.secrets.read().await;
        let secrets = secrets.map_err(|error| NotAccepted(error.to_string()))?;
        let (path, now) = ("/webhooks/logistics", self.clock.now());
        let request = callback.request(path, secrets.current(), now)?;
        let (status, _) =
            answer(&self.router, request.map(Body::from)).await.map_err(NotAccepted)?;
        if status.is_success() {
            Ok(())
        } else {
            Err(NotAccepted(format!("the shop answered {status}")))
        }
    }

    async fn fetch_address(
        &self,
        order_id: &OrderId,
        handle: &Handle,
    ) -> Result<bool, NotAccepted> {
        let secrets = self.secrets.read().await;
        let secrets = secrets.map_err(|error| NotAccepted(error.to_string()))?;
        let (path, now) = ("/webhooks/logistics", self.clock.now());
        let request = address_request(path, order_id, handle, secrets.current(), now)?;
        let Some(request) = request else { return Ok(true) };
        let (status, _) =
            answer(&self.router, request.map(Body::from)).await.map_err(NotAccepted)?;
        has_address(status)
    }
}
