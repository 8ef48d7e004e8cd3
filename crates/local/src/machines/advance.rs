//! Lets an execution go on: makes the calls that it asked for, takes their answers, writes its next
//! turn down, and so on until it waits or has ended.

use chorus_kernel::{Failure, Kernel};
use states::{Answer, Effect, HistoryEvent, Status, TaskRequest, Turn};

use super::Orchestrator;
use super::run::{self, Kept, Run};
use crate::engine::Alarm;

impl Orchestrator {
    /// Lets the execution go on for as long as it can. Answers when it goes on by itself.
    ///
    /// # Errors
    /// Where the store fails. What was written holds; the rest is done at the next call.
    pub(super) async fn advance(
        &self,
        kernel: &Kernel,
        execution: &str,
    ) -> Result<Option<Alarm>, Failure> {
        loop {
            let Some(Kept { version, mut run }) = run::load(&*kernel.store, execution).await?
            else {
                return Ok(None);
            };
            let mut answers = Vec::new();
            for request in &run.pending {
                answers.extend(self.perform(kernel, &run, request).await?);
            }
            let called = !run.pending.is_empty();
            run.pending.clear();
            let now = kernel.clock.now();
            let happened = self.take_turn(&mut run, answers, kernel)?;
            if happened.is_empty() && !called && !self.tell_parent(kernel, &mut run).await? {
                return Ok(run.alarm(now));
            }
            // Where somebody else wrote in between, everything is seen anew, and done again.
            let written = run::save(&*kernel.store, (version, now), &run, &happened).await?;
            if written && run.pending.is_empty() && *run.execution.status() == Status::Running {
                return Ok(run.alarm(now));
            }
        }
    }

    /// Takes the answers, and makes every transition that is possible then.
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
                // The task was answered by its token meanwhile, or given up.
                Err(refusal) => tracing::debug!(execution = run.name(), %refusal, "nobody waits"),
            }
        }
        took(run.execution.advance(machine, now), &mut happened, &mut run.pending);
        Ok(happened)
    }
}

fn took(turn: Turn, happened: &mut Vec<HistoryEvent>, pending: &mut Vec<TaskRequest>) {
    happened.extend(turn.events);
    for effect in turn.effects {
        match effect {
            Effect::StartTask(request) => pending.push(*request),
            Effect::StopTask(task) => pending.retain(|request| request.task != task),
        }
    }
}
