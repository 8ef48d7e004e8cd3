//! Checks public events, which rules forward to other AWS accounts. Their consumers are unknown, so
//! the requirements are stricter than for the events of the application's own bus.

mod data;

use std::collections::BTreeSet;

use chorus_table::{EventSpec, Message, OutsideBus, RowSpec};

use self::data::{Problem, problems};
use crate::Finding;

/// Reports three kinds of faults: a row forwards an event that is not public; no row forwards a
/// public event; a public event contains data that it must not contain.
pub(crate) fn check(rows: &[RowSpec], messages: &[Message]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let forwarding = || rows.iter().filter_map(|row| Some((row, row.outside_bus()?)));
    for (row, bus) in forwarding() {
        let secret = row.on.iter().filter(|event| event.owner.source() != bus.source);
        findings.extend(secret.map(|event| of_another_source(row, bus, event)));
        for message in messages.iter().filter(|message| row.on.contains(&message.spec)) {
            findings.extend(data(message, bus));
        }
    }
    let public: BTreeSet<&str> = forwarding().map(|(_, bus)| bus.source).collect();
    let forwarded = |event: &EventSpec| forwarding().any(|(row, _)| row.on.contains(event));
    for row in rows {
        let kept = row.emits.iter().filter(|event| public.contains(event.owner.source()));
        for event in kept.filter(|event| !forwarded(event)) {
            let problem =
                format!("emits the public event {}, which no row forwards", event.detail_type);
            findings.push(Finding::new(
                row.action,
                problem,
                "Add the event to the row that forwards public events",
            ));
        }
    }
    findings
}

fn of_another_source(row: &RowSpec, bus: OutsideBus, event: &EventSpec) -> Finding {
    let (name, source) = (event.detail_type, event.owner.source());
    let problem = format!(
        "forwards {name} of {source} to the bus {}, which must get only events of {}",
        bus.name, bus.source
    );
    let remedy = format!(
        "Emit an event of {} that has only the data that may leave the account",
        bus.source
    );
    Finding::new(row.action, problem, remedy)
}

/// Reports data that a public event must not contain, in each of its published versions.
fn data(message: &Message, bus: OutsideBus) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (version, schema) in message.published() {
        let event = message.spec.detail_type;
        let problems = problems(schema().to_value(), bus.personal);
        findings.extend(problems.into_iter().map(|Problem { place, problem, remedy }| {
            let problem = format!("is public, and its {place} {problem}");
            Finding::new(format!("{event} version {version}"), problem, remedy)
        }));
    }
    findings
}
