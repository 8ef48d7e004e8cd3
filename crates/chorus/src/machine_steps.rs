//! The steps of an order's state machines, as lines of the tree that `chorus trace` draws.

use chorus_shop::{ExecutionStory, Moment};
use jiff::Timestamp;

use crate::screen::{BAD, BOLD, DIM};

/// The width of the column with the steps' names, in characters.
const STEP_COLUMN: usize = 24;

/// Returns the lines to print about the executions that an event started, and about the executions
/// nested in them.
pub(crate) fn lines(
    executions: &[ExecutionStory],
    event_id: &str,
    start: Timestamp,
) -> Vec<String> {
    let started = executions.iter().filter(|it| it.started_by.as_deref() == Some(event_id));
    started.flat_map(|execution| execution_lines(executions, execution, start)).collect()
}

fn execution_lines(
    all: &[ExecutionStory],
    execution: &ExecutionStory,
    start: Timestamp,
) -> Vec<String> {
    let ended = execution.status.to_lowercase().replace('_', " ");
    let (machine, colour) = (&execution.machine, if ended == "failed" { BAD } else { DIM });
    let mut lines = vec![format!("⚙ {BOLD}{machine}{BOLD:#}  {colour}{ended}{colour:#}")];
    let jobs = all.iter().filter(|it| it.parent.as_deref() == Some(&execution.name));
    let mut jobs = jobs.collect::<Vec<_>>().into_iter().peekable();
    let mut waits = false;
    let mut steps = steps(execution).into_iter().peekable();
    while let Some(step) = steps.next() {
        lines.push(step.line(start));
        // A nested execution that started before the next step belongs to this step.
        let next = steps.peek().map(|step| step.at);
        while let Some(job) =
            jobs.next_if(|job| next.is_none_or(|next| started_at(job) < Some(next)))
        {
            waits |= !job.current.is_empty();
            lines.extend(
                execution_lines(all, job, start).into_iter().map(|line| format!("  {line}")),
            );
        }
    }
    // If a nested execution waits, its own lines say what it waits for, so the parent's line is
    // left out.
    lines.extend(waiting(execution).filter(|_| !waits));
    lines
}

fn started_at(execution: &ExecutionStory) -> Option<Timestamp> {
    execution.moments.first().map(|moment| moment.at)
}

/// Returns a line that names the state in which the execution waits, since when, and until when at
/// most; `None` if the execution has no current state.
fn waiting(execution: &ExecutionStory) -> Option<String> {
    let state = execution.current.first()?;
    let entered = |moment: &&Moment| {
        moment.kind.ends_with("StateEntered") && moment.state.as_ref() == Some(state)
    };
    let since = execution.moments.iter().rfind(entered)?.at;
    let until = execution.until.map(|at| format!(", until {at:.0} at the longest"));
    Some(format!("  waits in {BOLD}{state}{BOLD:#} since {since:.0}{}", until.unwrap_or_default()))
}

/// A `Task` state that an execution entered, with the errors of its attempts.
struct Step<'a> {
    name: &'a str,
    at: Timestamp,
    errors: Vec<&'a str>,
}

/// Returns the `Task` states of an execution, in the order in which the execution entered them.
fn steps(execution: &ExecutionStory) -> Vec<Step<'_>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    for Moment { at, kind, state, error } in &execution.moments {
        if kind == "TaskStateEntered" {
            let name = state.as_deref().unwrap_or_default();
            steps.push(Step { name, at: *at, errors: Vec::new() });
        } else if let (Some(error), Some(step)) = (error, steps.last_mut()) {
            step.errors.push(error);
        }
    }
    steps
}

impl Step<'_> {
    fn line(&self, start: Timestamp) -> String {
        let after = self.at.duration_since(start).as_millis();
        let failed = match self.errors.as_slice() {
            [] => String::new(),
            [error] => format!("  {BAD}failed once: {error}{BAD:#}"),
            [first, ..] => format!("  {BAD}failed {} times: {first}{BAD:#}", self.errors.len()),
        };
        format!("  {:<STEP_COLUMN$}{DIM}{after:>7} ms{DIM:#}{failed}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(second: i64, kind: &str, state: Option<&str>, error: Option<&str>) -> Moment {
        Moment {
            at: Timestamp::from_second(second).unwrap(),
            kind: kind.to_owned(),
            state: state.map(ToOwned::to_owned),
            error: error.map(ToOwned::to_owned),
        }
    }

    fn execution(machine: &str, parent: Option<&str>, moments: Vec<Moment>) -> ExecutionStory {
        ExecutionStory {
            machine: machine.to_owned(),
            name: format!("{machine}-1"),
            started_by: parent.is_none().then(|| "an-event".to_owned()),
            parent: parent.map(ToOwned::to_owned),
            status: "SUCCEEDED".to_owned(),
            current: Vec::new(),
            until: None,
            moments,
        }
    }

    #[test]
    fn steps_stand_below_their_machine_and_a_job_below_the_step_that_waits_for_it() {
        let entered = |second, state| moment(second, "TaskStateEntered", Some(state), None);
        let failed = moment(2, "TaskFailed", None, Some("Busy"));
        let outer = execution("Outer", None, vec![entered(1, "Inner"), entered(4, "Say")]);
        let inner = execution("Inner", Some("Outer-1"), vec![entered(2, "Ask"), failed]);
        let plain = lines(&[outer, inner], "an-event", Timestamp::UNIX_EPOCH);
        let plain: Vec<String> =
            plain.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        let names = |line: &String| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let shown: Vec<String> = plain.iter().map(names).collect();
        assert_eq!(shown[..2], ["⚙ Outer succeeded", "Inner 1000 ms"]);
        assert_eq!(
            shown[2..],
            ["⚙ Inner succeeded", "Ask 2000 ms failed once: Busy", "Say 4000 ms"]
        );
    }

    #[test]
    fn what_an_order_waits_for_is_what_the_innermost_machine_waits_for() {
        let entered = |second, state| moment(second, "TaskStateEntered", Some(state), None);
        let running = |mut story: ExecutionStory, state: &str| {
            story.status = "RUNNING".to_owned();
            story.current = vec![state.to_owned()];
            story
        };
        let outer = running(execution("Pay", None, vec![entered(1, "Review")]), "Review");
        let inner = execution("AwaitReview", Some("Pay-1"), vec![entered(2, "AskReviewer")]);
        let inner = running(inner, "AskReviewer");
        let lines = lines(&[outer, inner], "an-event", Timestamp::UNIX_EPOCH);
        let shown = anstream::adapter::strip_str(&lines.join("\n")).to_string();
        assert!(shown.contains("waits in AskReviewer since 1970-01-01T00:00:02Z"), "{shown}");
        assert!(!shown.contains("waits in Review"), "{shown}");
    }

    #[test]
    fn what_a_running_machine_waits_for_is_shown_with_its_start_and_its_deadline() {
        let entered = |second, state| moment(second, "TaskStateEntered", Some(state), None);
        let moments = vec![entered(1, "Ask"), entered(9, "Decide"), entered(20, "Ask")];
        let mut running = execution("Review", None, moments);
        running.status = "RUNNING".to_owned();
        running.current = vec!["Ask".to_owned()];
        running.until = Some(Timestamp::from_second(80).unwrap());
        let lines = lines(&[running], "an-event", Timestamp::UNIX_EPOCH);
        let last = anstream::adapter::strip_str(lines.last().unwrap()).to_string();
        assert_eq!(
            last.trim(),
            "waits in Ask since 1970-01-01T00:00:20Z, until 1970-01-01T00:01:20Z at the longest"
        );
    }
}
