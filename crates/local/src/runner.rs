//! The runner on tokio: takes work that is due, does several pieces of work at a time, and sleeps
//! until more work is due.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chorus_kernel::Kernel;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinHandle, JoinSet};

use crate::Error;
use crate::bus::Bus;
use crate::clock::VirtualClock;
use crate::dispatcher::Dispatcher;
use crate::engine::{Alarm, AttemptResult, DeliveryError, Work, later};
use crate::records::lock;

/// How many times the runner yields to other tasks before it advances virtual time.
const TURNS: usize = 16;

/// How long after a panic in an execution of a state machine the runner advances the execution
/// again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Takes and does the work of one bus. All clones are the same runner.
#[derive(Debug, Clone)]
pub struct Runner(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    driver: Driver,
    stop: watch::Sender<bool>,
    running: Mutex<Option<JoinHandle<()>>>,
}

/// Everything that the runner's tokio task needs.
#[derive(Debug, Clone)]
pub(crate) struct Driver {
    pub(crate) bus: Arc<Bus>,
    pub(crate) dispatcher: Arc<Dispatcher>,
    pub(crate) kernel: Kernel,
    pub(crate) concurrency: usize,
    /// The virtual clock that the runner advances when no work is due; none if the engine runs in
    /// real time.
    pub(crate) virtual_clock: Option<VirtualClock>,
}

impl Drop for Inner {
    /// Cuts off work in flight, as if the process were killed. [`Runner::shutdown`] lets the work
    /// finish instead.
    fn drop(&mut self) {
        if let Some(running) = lock(&self.running).take() {
            running.abort();
        }
    }
}

impl Runner {
    pub(crate) fn new(driver: Driver) -> Self {
        let running = Mutex::new(None);
        Self(Arc::new(Inner { driver, stop: watch::channel(false).0, running }))
    }

    /// Starts the runner. Does nothing if the runner is already running, or was shut down. This
    /// function has to be called within a tokio runtime.
    pub fn start(&self) {
        let mut running = lock(&self.0.running);
        if running.as_ref().is_none_or(JoinHandle::is_finished) && !*self.0.stop.borrow() {
            let stop = self.0.stop.subscribe();
            *running = Some(tokio::spawn(self.0.driver.clone().drive(stop)));
        }
    }

    /// Starts the runner, and waits until no delivery or execution is pending or in flight.
    /// Schedules and dead letters do not count.
    ///
    /// # Errors
    /// [`Error::Busy`] after `limit` of real time.
    pub async fn run_until_idle(&self, limit: Duration) -> Result<(), Error> {
        self.start();
        let bus = &self.0.driver.bus;
        tokio::time::timeout(limit, bus.until_idle()).await.map_err(|_| {
            let load = bus.load();
            let (pending, in_flight) = (load.pending, load.in_flight);
            Error::Busy { pending, in_flight, seconds: limit.as_secs() }
        })
    }

    /// Stops taking work, waits at most `grace` for work in flight, and makes all changes so far
    /// durable. Deliveries that are cut off after `grace` are made again by the next process.
    ///
    /// # Errors
    /// If the journal fails.
    pub async fn shutdown(&self, grace: Duration) -> Result<(), Error> {
        self.0.stop.send_replace(true);
        let running = lock(&self.0.running).take();
        if let Some(mut running) = running
            && tokio::time::timeout(grace, &mut running).await.is_err()
        {
            running.abort();
            tracing::warn!("deliveries in flight were cut off; the next process makes them again");
        }
        self.0.driver.bus.records().flush().await
    }
}

impl Driver {
    async fn drive(self, mut stop: watch::Receiver<bool>) {
        let mut tasks = JoinSet::new();
        let mut at_work: HashMap<Id, Arc<Work>> = HashMap::new();
        loop {
            let stopping = *stop.borrow_and_update();
            let free = if stopping { 0 } else { self.concurrency - tasks.len() };
            for work in self.bus.take_due(free) {
                self.spawn(Arc::new(work), &mut tasks, &mut at_work);
            }
            if stopping && tasks.is_empty() {
                return;
            }
            let next = (tasks.len() < self.concurrency && !stopping)
                .then(|| self.bus.next_due())
                .flatten();
            tokio::select! {
                biased;
                Some(done) = tasks.join_next_with_id(), if !tasks.is_empty() => {
                    self.joined(done, &mut at_work);
                    while let Some(done) = tasks.try_join_next_with_id() {
                        self.joined(done, &mut at_work);
                    }
                }
                () = self.bus.woken() => {}
                _ = stop.changed(), if !stopping => {}
                () = self.sleep_until(next) => {}
                () = self.advance_clock(next), if self.may_advance_clock(&tasks) => {}
            }
        }
    }

    fn spawn(
        &self,
        work: Arc<Work>,
        tasks: &mut JoinSet<()>,
        at_work: &mut HashMap<Id, Arc<Work>>,
    ) {
        let Self { bus, dispatcher, kernel, .. } = self.clone();
        let task_work = Arc::clone(&work);
        let task = tasks.spawn(async move {
            let results = dispatcher.perform(&task_work, bus.topology(), &kernel).await;
            bus.settle_all(results);
            if let Work::Job(job) = *task_work {
                bus.finish(job);
            }
        });
        at_work.insert(task.id(), work);
    }

    fn joined(&self, done: Result<(Id, ()), JoinError>, at_work: &mut HashMap<Id, Arc<Work>>) {
        let error = match done {
            Ok((id, ())) => {
                at_work.remove(&id);
                return;
            }
            Err(error) => error,
        };
        tracing::error!(%error, "a task of the runner panicked");
        let Some(work) = at_work.remove(&error.id()) else { return };
        let fault =
            DeliveryError::retryable("Panicked", "the code that handles the delivery panicked");
        for taken in work.taken() {
            self.bus.settle(taken.ticket, AttemptResult::Failed(fault.clone()));
        }
        match &*work {
            Work::Job(job) => self.bus.finish(job),
            Work::Wake(execution) => self.bus.end_turn(execution, Some(self.soon())),
            _ => {}
        }
    }

    /// The alarm that advances an execution again after a panic.
    fn soon(&self) -> Alarm {
        Alarm { at: later(self.kernel.clock.now(), RETRY_PAUSE), passive: false }
    }

    async fn sleep_until(&self, next: Option<Timestamp>) {
        match next {
            Some(next) => {
                let pause = next.duration_since(self.kernel.clock.now());
                self.kernel.clock.sleep(Duration::try_from(pause).unwrap_or_default()).await;
            }
            None => std::future::pending().await,
        }
    }

    /// Whether virtual time may be advanced: tasks are in flight, or work other than schedules is
    /// pending.
    fn may_advance_clock(&self, tasks: &JoinSet<()>) -> bool {
        self.virtual_clock.is_some() && (!tasks.is_empty() || self.bus.next_delivery().is_some())
    }

    /// Lets the other tasks run for [`TURNS`] turns, then advances the clock to the next instant at
    /// which a sleeping task wakes or work is due. If a task creates work in these turns, the
    /// caller drops this future, and the clock is not advanced.
    async fn advance_clock(&self, next: Option<Timestamp>) {
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
        let Some(clock) = &self.virtual_clock else { return };
        if let Some(instant) = clock.next_wake().into_iter().chain(next).min() {
            clock.advance_to(instant);
        }
    }
}
