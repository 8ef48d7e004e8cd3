//! What must hold of every application once nothing is under way.

use chorus_kernel::{IDEMPOTENCY_TABLE, Item, text};

use crate::application::{Application, Poison};
use crate::observed::Observed;
use crate::simulation::Simulation;

pub(crate) fn check<A: Application>(simulation: &Simulation<A>) -> Vec<String> {
    let observed = &simulation.observed;
    let mut wrong = simulation.application.check(observed);
    wrong.extend(check_records(observed));
    wrong.extend(check_poison(observed, A::POISON, simulation.scenario.poison.len()));
    wrong.extend(check_dead_letters(observed));
    wrong
}

/// The actions whose commits have events that are not published yet.
pub(crate) fn unpublished(observed: &Observed) -> Vec<String> {
    let records = observed.items(IDEMPOTENCY_TABLE.name);
    let unpublished = records.iter().filter(|item| text(item, "unpublished").is_some());
    unpublished.map(|item: &Item| text(item, "sk").unwrap_or_default().to_owned()).collect()
}

/// What was committed was published.
fn check_records(observed: &Observed) -> Vec<String> {
    let unpublished = unpublished(observed).into_iter();
    unpublished.map(|action| format!("records: one of {action} is not published")).collect()
}

/// Every message that cannot be parsed is among the dead letters of each of its targets, with
/// the cause.
fn check_poison(observed: &Observed, poison: &[Poison], count: usize) -> Vec<String> {
    let letters: Vec<_> = observed.dead_letters().map(|(letter, _)| letter).collect();
    let mut wrong = Vec::new();
    for (number, poison) in poison.iter().cycle().take(count).enumerate() {
        let mark = format!("{}\"", poison_mark(number));
        for row in poison.dead_lettered_by {
            let rule = format!("{}-{}", row.service.name, row.action);
            let found = letters.iter().any(|letter| {
                let code = letter.cause.fault.code.as_str();
                *letter.rule == *rule
                    && letter.event.json.contains(&mark)
                    && matches!(code, "UnreadableEvent" | "MalformedEvent")
            });
            if !found {
                wrong.push(format!("poison: {rule} has no dead letter of number {number}"));
            }
        }
    }
    wrong
}

/// What the unreadable message of this number has in it.
pub(crate) fn poison_mark(number: usize) -> String {
    format!("poison-{number}")
}

/// Whatever could be read was dealt with in the end.
fn check_dead_letters(observed: &Observed) -> Vec<String> {
    let readable = observed.dead_letters().filter(|(_, readable)| *readable);
    let told = readable.map(|(letter, _)| {
        let (kind, about) = (&letter.event.detail_type, &letter.event.correlation_id);
        format!("dead: {} never took {kind} of {about}: {}", letter.rule, letter.cause.fault)
    });
    told.collect()
}
