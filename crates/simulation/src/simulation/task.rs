//! Tasks: invocations, requests and background tasks. Each poll runs a task until it pauses in a
//! call.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use chorus_http::{Problem, Response};
use chorus_kernel::Kernel;
use chorus_local::{Alarm, AttemptResult, DeliveryError, Ticket, Work};
use jiff::SignedDuration;

use super::{INSTANCES, Planned, Simulation};
use crate::application::Application;
use crate::draw::{self, Draw, mix};
use crate::environment::{FUNCTION_TIMEOUT, Running, later};
use crate::trouble::Trouble;

pub(super) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

pub(super) enum Done {
    Attempts(Vec<(Ticket, AttemptResult)>),
    Answer(Result<Response, Problem>),
    Chore,
}

#[derive(Clone)]
pub(super) enum Purpose {
    /// Work that the bus handed out. A twin is a duplicate that runs at the same time, and its
    /// result is ignored.
    Work {
        work: Arc<Work>,
        twin: bool,
    },
    /// A client's attempt to send its request.
    Request {
        client: usize,
        attempt: u32,
    },
    Chore,
}

/// A task that is about to be started.
pub(super) struct NextStep {
    /// The task's name. Only repetitions of the same task have the same name.
    pub(super) label: String,
    /// The label without the name of the case (in the shop: of the order). Tasks of different cases
    /// that run the same code have the same `place`.
    pub(super) place: String,
    pub(super) purpose: Purpose,
    /// The index of the site (the region) in which the task runs.
    pub(super) site: usize,
}

pub(super) struct Task {
    pub(super) running: Running,
    future: BoxFuture<Done>,
    pub(super) purpose: Purpose,
    pub(super) site: usize,
}

impl<A: Application> Simulation<A> {
    pub(super) fn begin(&mut self, site: usize, work: Work) {
        let (label, place) = self.describe(site, &work);
        let work = Arc::new(work);
        let twins = self.scenario.troubles.contains(&Trouble::DUPLICATES)
            && self.environment.state().armed
            && matches!(&*work, Work::Invoke(_))
            && Draw::of(self.environment.seed, &label).percent(6);
        if twins {
            let purpose = Purpose::Work { work: Arc::clone(&work), twin: true };
            let label = format!("{label}, twin");
            self.perform(NextStep { label, place: place.clone(), purpose, site }, &work);
        }
        let purpose = Purpose::Work { work: Arc::clone(&work), twin: false };
        self.perform(NextStep { label, place, purpose, site }, &work);
    }

    fn describe(&self, site: usize, work: &Work) -> (String, String) {
        let topology = self.sites[site].local.bus().topology();
        match (work, work.taken().first()) {
            (Work::Job(job), _) => ((*job).to_owned(), (*job).to_owned()),
            (Work::Wake(execution), _) => {
                let nested = if execution.matches('-').count() > 1 { ", its job" } else { "" };
                let machine = execution.split('-').next().unwrap_or_default();
                (execution.to_string(), format!("{machine}{nested}"))
            }
            (_, Some(taken)) => {
                let rule = &topology.routes[taken.route].rule.name;
                let (event, attempt) = (&taken.event, taken.attempt);
                let (kind, about) = (&event.detail_type, &event.correlation_id);
                let about = self.application.name(about).unwrap_or(about);
                let id = event.event_id.get(..4).unwrap_or_default();
                let replayed = if event.replay.is_some() { ", replayed" } else { "" };
                let label =
                    format!("{rule} on {kind} {id} of {about}{replayed}, attempt {attempt}");
                (label, format!("{rule} on {kind}"))
            }
            (_, None) => ("nothing".to_owned(), "nothing".to_owned()),
        }
    }

    fn perform(&mut self, next: NextStep, work: &Arc<Work>) {
        let site = &self.sites[next.site];
        let (dispatcher, bus) = (Arc::clone(site.local.dispatcher()), Arc::clone(site.local.bus()));
        let performed = Arc::clone(work);
        // The seed decides which instance of the function does the work.
        let instance = Draw::of(self.environment.seed, &next.label).below(INSTANCES as u64);
        let (breakers, region) = site.instances[instance as usize].clone();
        let kernel = Kernel { breakers, region, ..site.kernel.clone() };
        let future = async move {
            Done::Attempts(dispatcher.perform(&performed, bus.topology(), &kernel).await)
        };
        self.spawn(next, Box::pin(future));
    }

    pub(super) fn spawn(&mut self, next: NextStep, future: BoxFuture<Done>) {
        let NextStep { label, place, purpose, site } = next;
        let before = self.labels.entry(label.clone()).or_default();
        *before += 1;
        let label = if *before > 1 { format!("{label}, copy {before}") } else { label };
        let name = draw::hash_name(&label);
        let mut draw = Draw::numbered(mix(self.environment.seed, name), 0);
        let skewed = self.environment.state().skews && draw.percent(40);
        let seconds = i64::try_from(draw.below(600)).unwrap_or(0) - 300;
        let skew = if skewed { SignedDuration::from_secs(seconds) } else { SignedDuration::ZERO };
        let further = i64::try_from(draw.below(300)).unwrap_or(0);
        let back = skew.saturating_sub(SignedDuration::from_secs(further));
        let back = back.max(SignedDuration::from_secs(-300));
        let jump = (skewed && draw.percent(50)).then(|| (1 + draw.below(4) as u32, back));
        let running = Running {
            label: Arc::from(label),
            place: Arc::from(place),
            name,
            calls: 0,
            skew,
            jump,
            wake_at: self.environment.now(),
            dead: false,
            timed_out: false,
        };
        self.queue(Task { running, future, purpose, site });
    }

    /// Queues a task. The seed determines the order of tasks that are ready at the same instant.
    fn queue(&mut self, task: Task) {
        self.next += 1;
        let order =
            mix(mix(self.environment.seed, task.running.name), u64::from(task.running.calls));
        self.tasks.insert((task.running.wake_at, order, self.next), task);
    }

    pub(super) fn poll(&mut self, task: Task) {
        let Task { running, mut future, purpose, site } = task;
        self.environment.state().running = Some(running);
        let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let running = self.environment.state().running.take();
        let Some(mut running) = running else {
            self.environment.violated("executor: a task was lost".to_owned());
            return;
        };
        if running.dead {
            drop(future);
            self.died(site, &purpose);
            return;
        }
        if std::mem::take(&mut running.timed_out) {
            self.timed_out(site, &purpose);
        }
        match polled {
            Poll::Ready(done) => self.finished(site, &purpose, done),
            Poll::Pending => self.queue(Task { running, future, purpose, site }),
        }
    }

    /// Handles the death of a task's process. The platform notices the death after the function's
    /// timeout; a queue notices it after the message's visibility timeout.
    pub(super) fn died(&mut self, site: usize, purpose: &Purpose) {
        match purpose {
            Purpose::Work { twin: true, .. } | Purpose::Chore => {}
            Purpose::Work { work, .. } => match &**work {
                Work::Invoke(taken) | Work::Call(taken) => {
                    let cause = DeliveryError::retryable("Crashed", "the process died");
                    self.plan(FUNCTION_TIMEOUT, Planned::Settle(site, vec![taken.ticket], cause));
                }
                Work::Batch(_) => {}
                Work::Job(job) => self.sites[site].local.bus().finish(job),
                Work::Wake(execution) => self.wake_later(site, execution),
            },
            Purpose::Request { client, .. } => {
                self.plan(FUNCTION_TIMEOUT, Planned::Request(*client));
            }
        }
    }

    /// Handles a task that the platform treats as timed out, and that continues to run.
    fn timed_out(&mut self, site: usize, purpose: &Purpose) {
        match purpose {
            Purpose::Work { work, twin: false } => match &**work {
                Work::Invoke(taken) | Work::Call(taken) => {
                    let cause = DeliveryError::retryable("TimedOut", "no answer in time");
                    self.plan(FUNCTION_TIMEOUT, Planned::Settle(site, vec![taken.ticket], cause));
                }
                Work::Wake(execution) => self.wake_later(site, execution),
                Work::Batch(_) | Work::Job(_) => {}
            },
            Purpose::Request { client, .. } => {
                self.plan(FUNCTION_TIMEOUT, Planned::Request(*client));
            }
            Purpose::Work { .. } | Purpose::Chore => {}
        }
    }

    /// Ends the turn of a state machine's execution, after the turn died or timed out. The
    /// execution is due again after [`FUNCTION_TIMEOUT`].
    fn wake_later(&self, site: usize, execution: &Arc<str>) {
        let at = later(self.environment.now(), FUNCTION_TIMEOUT);
        self.sites[site].local.bus().end_turn(execution, Some(Alarm { at, passive: false }));
    }

    fn finished(&mut self, site: usize, purpose: &Purpose, done: Done) {
        match (purpose, done) {
            (Purpose::Work { work, twin: false }, Done::Attempts(results)) => {
                self.sites[site].local.bus().settle_all(results);
                if let Work::Job(job) = &**work {
                    self.sites[site].local.bus().finish(job);
                }
            }
            (Purpose::Request { client, attempt }, Done::Answer(answer)) => {
                self.answered(*client, *attempt, &answer);
            }
            _ => {}
        }
    }
}
