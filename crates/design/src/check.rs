//! Checks that the flow is complete: every published event has a consumer, every consumed event has
//! a publisher, and every state change has a compensation.

use std::collections::BTreeMap;

use chorus_table::Message;
use chorus_table::policy::{ARCHIVE, RECORDS};
use chorus_table::{Callers, Effect, EventSpec, Owner, Role, RowSpec, Via};

use crate::{Finding, Flow, compensation, lifetimes, patterns, public};

/// Finds all gaps in the flow of `rows`; the list is empty if the flow is complete. The rules'
/// patterns are tried on the samples of `messages`.
#[must_use]
pub fn check(rows: &[RowSpec], messages: &[Message]) -> Vec<Finding> {
    let flow = Flow { rows };
    let mut findings = names(rows);
    findings.extend(without_consumer(flow));
    findings.extend(without_producer(flow));
    findings.extend(ambiguous(rows));
    findings.extend(references(flow));
    findings.extend(idle(rows));
    findings.extend(callers(rows));
    findings.extend(given_up(flow));
    findings.extend(machines(flow));
    findings.extend(optional(rows));
    findings.extend(copies(rows, messages));
    findings.extend(patterns::check(rows, messages));
    findings.extend(senders(rows));
    findings.extend(public::check(rows, messages));
    findings.extend(compensation::check(flow));
    findings.extend(lifetimes::check(rows, ARCHIVE, RECORDS));
    findings
}

/// Reports rows with the same name.
fn names(rows: &[RowSpec]) -> Vec<Finding> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        *counts.entry(row.action).or_default() += 1;
    }
    let twice = counts.into_iter().filter(|(_, count)| *count > 1);
    twice.map(|(name, _)| Finding::new(name, "two rows have this name", "Rename one")).collect()
}

/// Reports emitted events without a consumer.
fn without_consumer(flow: Flow<'_>) -> Vec<Finding> {
    let may_end = |role| matches!(role, Role::Terminal | Role::End);
    let mut findings = Vec::new();
    for row in flow.rows {
        for event in row.emits.iter().filter(|event| !may_end(event.role)) {
            if flow.consumers(event.detail_type).next().is_none() {
                let name = event.detail_type;
                findings.push(Finding::new(
                    row.action,
                    format!("emits {name}, which no row consumes"),
                    format!("Add {name} to a row's `on`, or give the event the role Terminal"),
                ));
            }
        }
    }
    findings
}

/// Reports consumed events without a producer.
fn without_producer(flow: Flow<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for row in flow.rows {
        for event in row.consumes().filter(|event| matches!(event.owner, Owner::Service(_))) {
            let name = event.detail_type;
            if flow.producers(name).next().is_none() {
                findings.push(Finding::new(
                    row.action,
                    format!("consumes {name}, which no row emits"),
                    format!(
                        "List {name} after the `=>` of a row, or make a partner the owner of {name}"
                    ),
                ));
            }
        }
    }
    findings
}

/// Reports events that start two actions of one service. Only one action of a service may consume
/// an event, because two actions would not see each other's changes.
fn ambiguous(rows: &[RowSpec]) -> Vec<Finding> {
    let mut seen: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    let mut findings = Vec::new();
    for row in rows.iter().filter(|row| row.has_code()) {
        for event in row.on {
            let place = (row.service.name, event.detail_type);
            if let Some(other) = seen.insert(place, row.action) {
                findings.push(Finding::new(
                    row.action,
                    format!("consumes {}, as {other} of the same service does", event.detail_type),
                    "Decide in one row: two rows that consume one event do not see each other's changes",
                ));
            }
        }
    }
    findings
}

/// Reports rows that refer to a row that does not exist.
fn references(flow: Flow<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for row in flow.rows {
        let undone = match row.effect {
            Effect::UndoneBy(action) => Some(("is undone by", action)),
            _ => None,
        };
        let dead = row.dead_letters_of.map(|action| ("takes the dead letters of", action));
        let task = row.task_of.map(|action| ("is a task of", action));
        let given_up =
            row.gives_up_to.map(|action| ("after the last retry, passes messages to", action));
        for (says, action) in undone.into_iter().chain(dead).chain(task).chain(given_up) {
            if flow.row(action).is_none() {
                let problem = format!("{says} {action}, which is not a row");
                let hint = format!("Add the row {action} to the table");
                findings.push(Finding::new(row.action, problem, hint));
            }
        }
    }
    findings
}

/// Reports rows that take commands but do not declare who may send them, and rows that declare
/// callers but take no commands.
fn callers(rows: &[RowSpec]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for row in rows {
        match (row.api.is_empty(), row.callers == Callers::Nobody) {
            (false, true) => findings.push(Finding::new(
                row.action,
                "takes commands, but declares no callers",
                "Declare with `.callers(…)` who may send the commands",
            )),
            (true, false) => findings.push(Finding::new(
                row.action,
                "declares callers, but takes no command",
                "Delete its `.callers(…)`",
            )),
            _ => {}
        }
    }
    findings
}

/// Checks each row that passes a message to a successor after the last retry (`gives_up_to`).
/// Reports the row if it has no queue that retries. Also reports the row if the successor belongs
/// to a different service, or does not consume all events of the row.
fn given_up(flow: Flow<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for row in flow.rows {
        let Some(successor) = row.gives_up_to.and_then(|action| flow.row(action)) else { continue };
        if row.via != Via::Queue {
            let problem = format!(
                "after the last retry, passes messages to {}, but has no queue that retries",
                successor.action
            );
            findings.push(Finding::new(row.action, problem, "Declare the row as `.queued()`"));
        }
        let reads = |event: &EventSpec| successor.consumes().any(|read| read == event);
        if successor.service != row.service || !row.on.iter().all(reads) {
            let problem = format!(
                "after the last retry, passes messages to {}, which belongs to another service or \
                 does not consume the same events",
                successor.action
            );
            let remedy = "Name a row of the same service that consumes the same events";
            findings.push(Finding::new(row.action, problem, remedy));
        }
    }
    findings
}

/// Reports state machines without tasks, and tasks whose state machine does not exist or belongs to
/// another service. All tasks of a machine must belong to the machine's service.
fn machines(flow: Flow<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for row in flow.rows {
        if row.starts_machine && !flow.rows.iter().any(|task| task.task_of == Some(row.action)) {
            let problem = "starts a state machine, but no row is one of its tasks";
            findings.push(Finding::new(
                row.action,
                problem,
                "Add a row that is `task_of` this row",
            ));
        }
        let machine = row.task_of.and_then(|action| flow.row(action));
        let Some(machine) = machine else { continue };
        if !machine.starts_machine || machine.service != row.service {
            let problem = format!(
                "is a task of {}, which is not a state machine of its service",
                machine.action
            );
            let remedy =
                "Give that row `.starts_machine()`, and let both rows belong to one service";
            findings.push(Finding::new(row.action, problem, remedy));
        }
    }
    findings
}

/// Reports optional rows that no deployment could enable. A deployment enables all optional rows of
/// a service by setting the address of a partner, or the ARN of a bus in another AWS account. So at
/// least one optional row of the service has to call a partner or forward events to a bus.
fn optional(rows: &[RowSpec]) -> Vec<Finding> {
    let enabled = |row: &RowSpec| {
        let calling = |other: &&RowSpec| other.optional && !other.has_code();
        rows.iter().filter(calling).any(|other| other.service == row.service)
    };
    let never = rows.iter().filter(|row| row.optional && !enabled(row));
    let finding = |row: &RowSpec| {
        let remedy = "Delete its `.optional()`, or give its service an optional row that calls a partner or \
                      forwards to a bus";
        Finding::new(
            row.action,
            "is optional, but no partner or bus of its service can enable it",
            remedy,
        )
    };
    never.map(finding).collect()
}

/// Reports each event that a task of a state machine emits and that is also declared as published
/// in an earlier version. A state machine publishes only the version that its task returns, so
/// consumers of the earlier version would get no event.
fn copies(rows: &[RowSpec], messages: &[Message]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for row in rows.iter().filter(|row| row.task_of.is_some()) {
        let emitted = |message: &&Message| row.emits.contains(&message.spec);
        for message in messages.iter().filter(emitted) {
            if (message.earlier)().iter().any(|earlier| earlier.published) {
                let name = message.spec.detail_type;
                let problem = format!(
                    "emits {name}, of which an earlier version is marked `published`, but the row's \
                     state machine publishes only the newest version"
                );
                let remedy = format!("Remove `published` from the earlier versions of {name}");
                findings.push(Finding::new(row.action, problem, remedy));
            }
        }
    }
    findings
}

/// Reports rows that let a partner's AWS account send commands, but take no command, or also
/// consume events. A row has only one rule, which cannot match both commands and events.
fn senders(rows: &[RowSpec]) -> Vec<Finding> {
    let sent = rows.iter().filter(|row| row.commands_from.is_some());
    let wrong = sent.filter(|row| row.api.is_empty() || !row.on.is_empty() || row.is_catch_all());
    let finding = |row: &RowSpec| {
        let problem =
            "takes commands from another account, but lists no command, or lists events as well";
        Finding::new(row.action, problem, "Declare the commands in a separate row")
    };
    wrong.map(finding).collect()
}

fn idle(rows: &[RowSpec]) -> Vec<Finding> {
    let idle = |row: &&RowSpec| {
        let has_input = row.consumes().next().is_some() || !row.api.is_empty();
        !row.is_catch_all() && !has_input
    };
    let finding = |row: &RowSpec| {
        Finding::new(
            row.action,
            "has neither events nor commands that start it",
            "List its events after `on`, or its commands after `api`",
        )
    };
    rows.iter().filter(idle).map(finding).collect()
}
