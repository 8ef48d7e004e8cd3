//! State machines in process: a replacement for Step Functions, on the same store as the
//! application's data.
//!
//! An execution is an item of the store, and advances in turns. A turn applies the answers to
//! earlier calls, and makes every transition that is then possible. Each turn is one conditional
//! write, which also stores the calls that the turn requests. After the write, the engine makes the
//! calls, and applies their answers in the next turn. So the process may die at any point: the next
//! process reads the execution, and makes the calls that have no answer yet. A call may therefore
//! be made twice; the called actions recognize the second call as a duplicate. Only alarms, which
//! say when each execution continues, and a cache of executions are in memory.

mod advance;
mod definitions;
mod nested;
mod recent;
mod run;
mod signals;
mod story;
mod tasks;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chorus_kernel::{Failure, Function, Item, Kernel, Machines, Signal, SignalOutcome, Store};
use chorus_table::Service;

use crate::Error;
use crate::bus::Bus;
use crate::engine::{Alarm, later};
use crate::store::DynoxideStore;

pub use definitions::Definitions;
use recent::Recent;
pub use run::EXECUTIONS_TABLE;
use run::VersionedRun;
pub(crate) use story::failed;
pub use story::{EndedExecution, ExecutionStory, Moment};

/// The pause before an execution is advanced again after its turn failed, for example on a store
/// error.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Runs the state machines of this engine's services.
pub struct Orchestrator {
    definitions: Arc<Definitions>,
    functions: BTreeMap<Service, Arc<Function>>,
    bus: Arc<Bus>,
    /// The longest time that a function may take for one task, by tokio's clock; if absent, there
    /// is no limit.
    timeout: Option<Duration>,
    recent: Recent,
}

impl std::fmt::Debug for Orchestrator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Orchestrator")
            .field("definitions", &self.definitions)
            .finish_non_exhaustive()
    }
}

impl Orchestrator {
    pub(crate) fn new(
        definitions: Arc<Definitions>,
        functions: BTreeMap<Service, Arc<Function>>,
        bus: Arc<Bus>,
        timeout: Option<Duration>,
    ) -> Self {
        Self { definitions, functions, bus, timeout, recent: Recent::default() }
    }

    /// Advances the execution as far as possible, by means of `kernel`, and sets its next alarm.
    pub(crate) async fn go_on(&self, kernel: &Kernel, execution: &Arc<str>) {
        let next = match self.advance(kernel, execution).await {
            Ok(next) => next,
            Err(failure) => {
                tracing::warn!(
                    %execution,
                    code = failure.code(),
                    "the execution {execution} could not continue: {failure}"
                );
                Some(Alarm { at: later(kernel.clock.now(), RETRY_PAUSE), passive: false })
            }
        };
        self.bus.end_turn(execution, next);
    }

    /// Sets the alarms of all executions that an earlier process left running.
    pub(crate) fn resume(&self, store: &DynoxideStore) -> Result<(), Error> {
        for (execution, alarm) in run::waking(store).map_err(Error::Store)? {
            self.bus.end_turn(&execution, Some(alarm));
        }
        Ok(())
    }

    /// Stops each execution whose item is in `items`, like the operation StopExecution of Step
    /// Functions. Other items are ignored. An execution that has ended stays as it is.
    ///
    /// # Errors
    /// If the store fails, or an execution cannot be read.
    pub(crate) async fn stop(&self, store: &dyn Store, items: &[Item]) -> Result<(), Failure> {
        for execution in items.iter().filter_map(run::execution_of) {
            let Some(kept) = self.load(store, execution).await? else { continue };
            let VersionedRun { version, mut run } = kept;
            let (machine, now) = (self.machine(&run.machine, run.edition)?, self.bus.now());
            let reason = states::Failure::new("Stopped", "the region was replaced");
            let turn = run.execution.abort(machine, now, &reason);
            run.pending.clear();
            self.save(store, version, now, &run, &turn.events).await?;
        }
        Ok(())
    }

    /// The executions for one `correlation-id`, with their histories.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn story(
        &self,
        store: &dyn Store,
        correlation_id: &str,
    ) -> Result<Vec<ExecutionStory>, Failure> {
        story::of_correlation(store, correlation_id).await
    }
}

/// The implementation of the kernel's port [`Machines`]: the orchestrator, with its executions in
/// `store`.
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
