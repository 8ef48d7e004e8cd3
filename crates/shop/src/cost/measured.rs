//! A shop in memory that does one step after another, on virtual time, and records what each row of
//! the design table consumes.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use chorus_events::Settings;
use chorus_events::callers::LOCAL;
use chorus_events::table::TABLE;
use chorus_http::{Caller, HttpFunction, MAX_BODY, with_default_caller};
use chorus_kernel::{Clock, Handler, Kernel, Store};
use chorus_local::{
    Call, Endpoint, Local, LocalConfig, NoAnswer, Partner, Taken, VirtualClock, Work,
};
use serde_json::Value;

use super::recorder::{RecordedBus, RecordedStore, RecordedTask, Recorder};
use super::{Consumption, CostError};
use crate::in_process;
use crate::{API, Partners, Secrets, ShopConfig, functions};

/// The time at which every measured order begins, in seconds since the Unix epoch. It is fixed,
/// because the text of a time varies in length, and DynamoDB bills a write by whole kilobytes. A
/// longer text could make an item larger than one kilobyte.
const START: i64 = 1_767_225_600;

/// A partner that accepts every parcel and every update; the measurement itself sends the carrier's
/// callbacks.
struct AcceptingPartner;

#[async_trait]
impl Partner for AcceptingPartner {
    async fn post(&self, _: &Call) -> Result<u16, NoAnswer> {
        Ok(202)
    }
}

pub(super) struct MeasuredShop {
    pub(super) local: Local,
    pub(super) recorder: Arc<Recorder>,
    kernel: Kernel,
    clock: VirtualClock,
    router: Router,
}

impl MeasuredShop {
    /// Opens a shop with the services that `change` returns.
    pub(super) fn open(
        change: impl FnOnce(Vec<HttpFunction>) -> Vec<HttpFunction>,
    ) -> Result<Self, CostError> {
        let partners = Partners::open(&ShopConfig::default())?;
        let mailer = Arc::new(partners.mailer());
        let (functions, routes) = HttpFunction::split(change(functions(
            &partners,
            mailer,
            Secrets::fixed(),
            Settings::DEFAULT,
        )));
        let recorder = Arc::<Recorder>::default();
        let recorded = |handler| -> Arc<dyn Handler> {
            Arc::new(RecordedTask { handler, recorder: Arc::clone(&recorder) })
        };
        let functions = functions.into_iter().map(|mut function| {
            function.handlers = function.handlers.into_iter().map(recorded).collect();
            function
        });
        let start = jiff::Timestamp::new(START, 123_456_789);
        let clock = VirtualClock::at(start.expect("the constants are a valid time"));
        let mut config = LocalConfig::new(&TABLE, functions.collect()).virtual_time(&clock).seed(1);
        config.partner = Some(Arc::new(AcceptingPartner));
        for row in TABLE.rows.iter().filter(|row| row.partner().is_some()) {
            config = config.endpoint(row.action, Endpoint::new("in this process", "a key"));
        }
        let local = Local::open(config)?;
        let mut kernel = local.kernel().clone();
        let store: Arc<dyn Store> = Arc::new(RecordedStore {
            store: Arc::clone(local.store()),
            recorder: Arc::clone(&recorder),
        });
        kernel.machines = local.machines_on(Arc::clone(&store));
        kernel.store = store;
        kernel.bus = Arc::new(RecordedBus { bus: kernel.bus, recorder: Arc::clone(&recorder) });
        let caller = Caller::trusted(LOCAL, &routes);
        let router = with_default_caller(chorus_http::router(&kernel, API, routes), caller);
        Ok(Self { local, recorder, kernel, clock, router })
    }

    /// Returns the shop's time, in seconds since the Unix epoch.
    pub(super) fn now(&self) -> i64 {
        self.clock.now().as_second()
    }

    /// Sends a request to the API, counts the request as an invocation of the row `action`, and
    /// runs all work that results from it.
    pub(super) async fn request(
        &self,
        action: &str,
        request: Request<Body>,
    ) -> Result<Value, CostError> {
        self.recorder.enter(action, 1, Consumption { http_requests: 1, ..Consumption::INVOCATION });
        let answered = self.ask(request).await;
        self.recorder.leave();
        self.run_until_idle().await;
        answered
    }

    /// Sends a request to the API; fails if the response is not a success.
    pub(super) async fn ask(&self, request: Request<Body>) -> Result<Value, CostError> {
        let route = format!("{} {}", request.method(), request.uri());
        let answered = in_process::send(&self.router, request, MAX_BODY).await;
        let unreadable =
            |error: axum::Error| CostError::Unreadable(route.clone(), error.to_string());
        let (status, body) = answered.map_err(unreadable)?;
        if !status.is_success() {
            let answer = format!("{status}: {}", String::from_utf8_lossy(&body));
            return Err(CostError::Refused(route, answer));
        }
        serde_json::from_slice(&body)
            .map_err(|error| CostError::Unreadable(route, error.to_string()))
    }

    /// Runs the work that is due, and advances the time to the next work, until nothing is left to
    /// do, or only callbacks can continue the work.
    async fn run_until_idle(&self) {
        let bus = self.local.bus();
        while !bus.is_idle() {
            match bus.take_due(1).pop() {
                Some(work) => self.perform(work).await,
                None => match bus.next_delivery() {
                    Some(at) => self.clock.advance_to(at),
                    None => tokio::task::yield_now().await,
                },
            }
        }
    }

    async fn perform(&self, work: Work) {
        let (bus, dispatcher) = (self.local.bus(), self.local.dispatcher());
        let row = |taken: &Taken| bus.topology().routes[taken.route].row().action;
        match &work {
            Work::Invoke(taken) => self.recorder.enter(row(taken), 1, Consumption::INVOCATION),
            Work::Call(taken) => {
                let call = Consumption { partner_calls: 1, ..Consumption::default() };
                self.recorder.enter(row(taken), 1, call);
            }
            Work::Batch(batch) => {
                // Each message was sent to the queue by a request of its own; the batch is received
                // by one request and deleted by another.
                let queue_requests = batch.len() as u64 + 2;
                let used = Consumption { queue_requests, ..Consumption::INVOCATION };
                self.recorder.enter(batch.first().map_or("", row), batch.len(), used);
            }
            Work::Wake(execution) => {
                self.recorder.enter(machine_of(execution), 1, Consumption::default());
            }
            Work::Job(_) => {}
        }
        let verdicts = dispatcher.perform(&work, bus.topology(), &self.kernel).await;
        bus.settle_all(verdicts);
        match work {
            Work::Job(job) => bus.finish(job),
            _ => self.recorder.leave(),
        }
    }

    /// Records the state transitions of all executions that ran for an order.
    pub(super) async fn add_transitions(&self, order_id: &str) -> Result<(), CostError> {
        for story in self.local.executions(order_id).await? {
            let entered = story.moments.iter().filter(|it| it.kind.ends_with("StateEntered"));
            let transitions = entered.count() as u64;
            let used = Consumption { transitions, ..Consumption::default() };
            self.recorder.add_to(machine_of(&story.name), used);
        }
        Ok(())
    }
}

/// Returns the row of the design table that starts this execution's state machine: the execution's
/// name begins with the row's name. A nested execution's name begins with the name of the execution
/// that started it.
fn machine_of(execution: &str) -> &str {
    execution.split_once('-').map_or(execution, |(machine, _)| machine)
}
