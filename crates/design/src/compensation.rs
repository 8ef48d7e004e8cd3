//! Checks that state changes are undone. From every failure, a path through the table must lead to
//! the compensation of each earlier action that may have changed state.

use chorus_table::{Effect, EventSpec, Role, RowSpec};

use crate::{Finding, Flow};

/// Reports actions whose change is not undone after a later failure.
pub(crate) fn check(flow: Flow<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for row in flow.rows {
        let Effect::UndoneBy(compensation) = row.effect else { continue };
        for failure in later_failures(flow, row) {
            if !reaches(flow, failure, compensation) {
                findings.push(Finding::new(
                    row.action,
                    format!("is not undone by {compensation} when {} follows", failure.detail_type),
                    format!(
                        "Add the rows by which {} leads to an event that {compensation} consumes",
                        failure.detail_type
                    ),
                ));
            }
        }
    }
    findings
}

/// The failure events that can follow after the action of `row` has succeeded. The failure of a
/// compensation is not included, because an operator resolves it.
fn later_failures(flow: Flow<'_>, row: &RowSpec) -> Vec<EventSpec> {
    let went_well: Vec<EventSpec> =
        row.emits.iter().filter(|event| event.role != Role::Failure).copied().collect();
    let following = flow.following(&went_well);
    let failed =
        |event: &EventSpec| event.role == Role::Failure && following.contains(event.detail_type);
    flow.events().into_iter().filter(failed).filter(|event| !for_operators(flow, event)).collect()
}

/// Whether an operator resolves this failure: all rows that publish the failure are
/// [`Effect::Final`], and all rows that consume it are [`Effect::Records`].
fn for_operators(flow: Flow<'_>, event: &EventSpec) -> bool {
    flow.producers(event.detail_type).all(|row| row.effect == Effect::Final)
        && flow.consumers(event.detail_type).all(|row| row.effect == Effect::Records)
}

/// Whether `failure` leads to an event that starts `compensation`.
fn reaches(flow: Flow<'_>, failure: EventSpec, compensation: &str) -> bool {
    let following = flow.following(&[failure]);
    flow.row(compensation)
        .is_some_and(|row| row.consumes().any(|event| following.contains(event.detail_type)))
}
