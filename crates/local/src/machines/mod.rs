//! State machines in process: what Step Functions is on AWS, over the store that everything else
//! stands on.
//!
//! An execution is an item of the store. Each turn of it is one conditional write, together with
//! the calls that it asks for; only then are these made, and what they answer is the next turn. So a
//! process may die anywhere: the next one reads the execution and makes the calls that are still
//! open, again where need be, which is what the actions behind them expect. The engine only keeps
//! alarms: when which execution goes on.

mod advance;
mod definitions;
mod nested;
mod run;
mod signals;
mod story;
mod tasks;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chorus_kernel::{Failure, Function, Kernel, Machines, Signal, SignalOutcome, Store};
use chorus_table::Service;

use crate::Error;
use crate::bus::Bus;
use crate::engine::{Alarm, later};
use crate::store::DynoxideStore;

pub use definitions::Definitions;
pub use run::EXECUTIONS_TABLE;
pub(crate) use story::failed;
pub use story::{EndedExecution, ExecutionStory, Moment};

/// After how long an execution goes on whose turn failed for want of the store.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Runs the state machines of the services that are deployed here.
pub struct Orchestrator {
    pub(crate) definitions: Arc<Definitions>,
    pub(crate) functions: BTreeMap<Service, Arc<Function>>,
    pub(crate) bus: Arc<Bus>,
    /// For how long a function may work on one task, by tokio's time; without, for ever.
    pub(crate) timeout: Option<Duration>,
}

impl std::fmt::Debug for Orchestrator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Orchestrator")
            .field("definitions", &self.definitions)
            .finish_non_exhaustive()
    }
}

impl Orchestrator {
    /// Lets the execution go on for as long as it can, on `kernel`, and sets its next alarm.
    pub(crate) async fn go_on(&self, kernel: &Kernel, execution: &Arc<str>) {
        let next = match self.advance(kernel, execution).await {
            Ok(next) => next,
            Err(failure) => {
                tracing::warn!(
                    %execution,
                    code = failure.code(),
                    "the execution {execution} could not go on: {failure}"
                );
                Some(Alarm { at: later(kernel.clock.now(), AGAIN_AFTER), passive: false })
            }
        };
        self.bus.rest(execution, next);
    }

    /// Sets the alarms of every execution that an earlier process left running.
    pub(crate) fn resume(&self, store: &DynoxideStore) -> Result<(), Error> {
        for (execution, alarm) in run::waking(store).map_err(Error::Store)? {
            self.bus.rest(&execution, Some(alarm));
        }
        Ok(())
    }

    /// What happened in the executions of one `correlation-id`.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn story(
        &self,
        store: &dyn Store,
        correlation_id: &str,
    ) -> Result<Vec<ExecutionStory>, Failure> {
        story::of_correlation(store, correlation_id).await
    }
}

/// The orchestrator as the kernel knows it, over a store of the caller's.
pub(crate) struct LocalMachines {
    pub(crate) orchestrator: Arc<Orchestrator>,
    pub(crate) store: Arc<dyn Store>,
}

#[async_trait]
impl Machines for LocalMachines {
    async fn signal(&self, signal: &Signal) -> Result<SignalOutcome, Failure> {
        self.orchestrator.signal(&*self.store, signal).await
    }
}
