//! Advances an execution: makes the calls that the execution has requested, applies the answers to
//! these calls, and stores the result, until the execution waits or has ended.

use chorus_kernel::{Failure, Kernel, Store};
use jiff::Timestamp;
use states::{Answer, Effect, HistoryEvent, TaskRequest, Turn};

use super::Orchestrator;
use super::run::{self, Run, VersionedRun};
use crate::engine::Alarm;

impl Orchestrator {
    /// Advances the execution as far as possible. Returns when to advance the execution again;
    /// `None` if it waits for a callback without a timeout, or has ended.
    ///
    /// # Errors
    /// If the store fails. The turns that were written before the failure stay in the store, and
    /// the next `advance` continues after them.
    pub(super) async fn advance(
        &self,
        kernel: &Kernel,
        execution: &str,
    ) -> Result<Option<Alarm>, Failure> {
        let mut known = None;
        loop {
            let kept = match known.take() {
                Some(kept) => Some(kept),
                None => self.load(&*kernel.store, execution).await?,
            };
            let Some(VersionedRun { version, mut run }) = kept else { return Ok(None) };
            let mut answers = Vec::new();
            for request in &run.pending {
                answers.extend(self.perform(kernel, &run, request).await?);
            }
            let called = !run.pending.is_empty();
            run.pending.clear();
            let now = kernel.clock.now();
            let happened = self.take_turn(&mut run, answers, kernel)?;
            if happened.is_empty()
                && !called
                && !self.complete_parent_task(kernel, &mut run).await?
            {
                return Ok(run.alarm(now));
            }
            // If another write has changed the execution since it was loaded, nothing is saved. The
            // loop then loads the execution again, and repeats this turn.
            if self.save(&*kernel.store, version, now, &run, &happened).await? {
                if run.pending.is_empty() && (run.is_over() || !run.has_ended()) {
                    return Ok(run.alarm(now));
                }
                known = Some(VersionedRun { version: version + 1, run });
            }
        }
    }

    /// The latest version of the execution; none if there is no execution of this name.
    pub(super) async fn load(
        &self,
        store: &dyn Store,
        execution: &str,
    ) -> Result<Option<VersionedRun>, Failure> {
        match self.recent.get(execution) {
            Some(kept) => Ok(Some(kept)),
            None => run::load(store, execution).await,
        }
    }

    /// Writes a turn with [`run::save`]. Before that, removes the execution from the cache. So if
    /// the write fails, the next turn reads the execution from the store: a failed write may have
    /// taken effect.
    pub(super) async fn save(
        &self,
        store: &dyn Store,
        version: i64,
        now: Timestamp,
        run: &Run,
        happened: &[HistoryEvent],
    ) -> Result<bool, Failure> {
        self.recent.forget(run.name());
        let saved = run::save(store, version, now, run, happened).await?;
        if saved {
            self.recent.written(version + 1, run);
        }
        Ok(saved)
    }

    /// Applies the answers to the execution's calls, and makes every transition that is then
    /// possible.
    fn take_turn(
        &self,
        run: &mut Run,
        answers: Vec<Answer>,
        kernel: &Kernel,
    ) -> Result<Vec<HistoryEvent>, Failure> {
        let machine = self.machine(&run.machine, run.edition)?;
        let now = kernel.clock.now();
        let mut happened = Vec::new();
        for answer in answers {
            match run.execution.answer(machine, answer, now) {
                Ok(turn) => took(turn, &mut happened, &mut run.pending),
                // In the meantime, the task was completed by a callback with its token, or has
                // timed out.
                Err(refusal) => {
                    tracing::debug!(execution = run.name(), %refusal, "no task waits for this answer");
                }
            }
        }
        took(run.execution.advance(machine, now), &mut happened, &mut run.pending);
        Ok(happened)
    }
}

pub(super) fn took(turn: Turn, happened: &mut Vec<HistoryEvent>, pending: &mut Vec<TaskRequest>) {
    happened.extend(turn.events);
    for effect in turn.effects {
        match effect {
            Effect::StartTask(request) => pending.push(*request),
            Effect::StopTask(task) => pending.retain(|request| request.task != task),
        }
    }
}
