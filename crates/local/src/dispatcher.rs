//! Does the work that is due: invokes functions, calls partners, advances executions of state
//! machines, and runs jobs. The dispatcher itself keeps no state between calls.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chorus_kernel::{Failure, Function, Kernel, Outcome};
use chorus_table::{Replay, Service};
use tracing::Instrument as _;

use crate::bus::log;
use crate::engine::{AttemptResult, DeliveryError, Taken, Ticket, Topology, Work};
use crate::machines::Orchestrator;
use crate::partner::{self, Endpoint, Partner};

/// A job that a schedule starts.
#[async_trait]
pub trait Job: Send + Sync {
    /// Runs the job once.
    ///
    /// # Errors
    /// If the job fails. The error is logged, and the schedule starts the job again after its
    /// interval.
    async fn run(&self, kernel: &Kernel) -> Result<(), Failure>;
}

pub struct Dispatcher {
    pub(crate) functions: BTreeMap<Service, Arc<Function>>,
    pub(crate) endpoints: BTreeMap<String, Endpoint>,
    pub(crate) partner: Arc<dyn Partner>,
    pub(crate) jobs: BTreeMap<&'static str, Arc<dyn Job>>,
    pub(crate) orchestrator: Arc<Orchestrator>,
    /// The longest time that a function may take for one event, by tokio's clock; if absent, there
    /// is no limit.
    pub(crate) timeout: Option<Duration>,
}

impl std::fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dispatcher").field("functions", &self.functions).finish_non_exhaustive()
    }
}

impl Dispatcher {
    /// Does `work` on `kernel`, and returns the result of each delivery. Returns nothing for a job,
    /// and nothing for an execution of a state machine: the execution sets its next alarm itself.
    pub async fn perform(
        &self,
        work: &Work,
        topology: &Topology,
        kernel: &Kernel,
    ) -> Vec<(Ticket, AttemptResult)> {
        match work {
            Work::Invoke(taken) => vec![(taken.ticket, self.invoke(taken, topology, kernel).await)],
            Work::Call(taken) => vec![(taken.ticket, self.call(taken, topology, kernel).await)],
            Work::Batch(batch) => self.consume(batch, topology, kernel).await,
            Work::Job(job) => {
                self.run_job(job, kernel).await;
                Vec::new()
            }
            Work::Wake(execution) => {
                self.orchestrator.go_on(kernel, execution).await;
                Vec::new()
            }
        }
    }

    /// Invokes the function of the delivery's route with the event.
    pub async fn invoke(
        &self,
        taken: &Taken,
        topology: &Topology,
        kernel: &Kernel,
    ) -> AttemptResult {
        let service = topology.routes[taken.route].row().service;
        let Some(function) = self.functions.get(&service) else {
            let message = format!("this engine has no function of the service {}", service.title);
            return AttemptResult::Failed(DeliveryError::terminal("NO_FUNCTION", message));
        };
        let answering = async {
            if taken.overdue {
                function.handle_overdue_event(kernel, &taken.event.json).await
            } else {
                function.handle_event(kernel, &taken.event.json).await
            }
        };
        let answering =
            answering.instrument(tracing::warn_span!("delivery", attempt = taken.attempt));
        let answered = match self.timeout {
            None => answering.await,
            Some(limit) => match tokio::time::timeout(limit, answering).await {
                Ok(answered) => answered,
                Err(_) => {
                    let late = Failure::later(
                        "TimedOut",
                        format!("the function did not answer within {limit:?}"),
                    );
                    let rule = &topology.routes[taken.route].rule.name;
                    log::not_taken(taken, rule, late.code(), None);
                    Err(late)
                }
            },
        };
        match answered {
            Ok(answered) => AttemptResult::Done(Some(answered.outcome)),
            Err(failure) => AttemptResult::Failed(failure.into()),
        }
    }

    /// Calls the partner of the delivery's route. The partner is not called if the event belongs to
    /// the other region, or if the event is replayed and the route's row suppresses replays.
    pub async fn call(&self, taken: &Taken, topology: &Topology, kernel: &Kernel) -> AttemptResult {
        if kernel.region.as_ref().is_some_and(|region| region.is_foreign(&taken.event.json)) {
            return AttemptResult::Done(Some(Outcome::Elsewhere));
        }
        let row = topology.routes[taken.route].row();
        if taken.event.replay.is_some() && row.replay == Replay::Suppressed {
            return AttemptResult::Done(Some(Outcome::Suppressed));
        }
        let Some(endpoint) = self.endpoints.get(row.action) else {
            let message = format!("no endpoint is configured for the row {}", row.action);
            return AttemptResult::Failed(DeliveryError::terminal("NO_ENDPOINT", message));
        };
        let call = match partner::call(row, endpoint, &taken.event) {
            Ok(call) => call,
            Err(error) => {
                return AttemptResult::Failed(DeliveryError::terminal(
                    "MalformedEvent",
                    error.to_string(),
                ));
            }
        };
        let answered = self.partner.post(&call).await;
        let result = partner::result(&answered);
        if let AttemptResult::Failed(fault) = &result {
            let rule = &topology.routes[taken.route].rule.name;
            log::not_taken(taken, rule, &fault.code, answered.ok());
        }
        result
    }

    /// Invokes the functions of a batch's messages, one message after the other. A message that
    /// fails does not affect the other messages.
    async fn consume(
        &self,
        batch: &[Taken],
        topology: &Topology,
        kernel: &Kernel,
    ) -> Vec<(Ticket, AttemptResult)> {
        let mut results = Vec::with_capacity(batch.len());
        for taken in batch {
            results.push((taken.ticket, self.invoke(taken, topology, kernel).await));
        }
        results
    }

    async fn run_job(&self, name: &str, kernel: &Kernel) {
        let Some(job) = self.jobs.get(name) else { return };
        if let Err(failure) = job.run(kernel).await {
            tracing::warn!(job = name, code = failure.code(), "the job {name} failed: {failure}");
        }
    }
}
