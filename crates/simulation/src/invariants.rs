//! The invariants that hold for every application at the end of a run.

use chorus_kernel::{IDEMPOTENCY_TABLE, Item, UNPUBLISHED_INDEX, committed_events, is_open, text};
use chorus_table::{Breaker, Detail, Entry, EventSpec, Table};
use serde_json::value::RawValue;

use crate::application::{Application, Poison};
use crate::observed::{Observed, Sightings};
use crate::simulation::Simulation;

pub(crate) fn check<A: Application>(simulation: &Simulation<A>) -> Vec<String> {
    let observed = &simulation.observed;
    let mut wrong = simulation.application.check(observed);
    if observed.lost.is_some() {
        // A region that takes over may publish a lost event again, with other data. A consumer that
        // has handled the lost event refuses the new event with `KeyReused`, which is no violation.
        let is_known = |about: &str| !simulation.application.was_lost(observed, about);
        let dead = check_dead_letters(observed, is_known).into_iter();
        wrong.extend(dead.filter(|what| !what.contains("KeyReused")));
        wrong.extend(check_records(observed));
        return wrong;
    }
    wrong.extend(check_records(observed));
    wrong.extend(check_poison(observed, A::POISON, simulation.scenario.poison.len()));
    wrong.extend(check_dead_letters(observed, |_| true));
    wrong.extend(check_circuits(observed, &A::TABLE));
    wrong.extend(check_calls(simulation));
    wrong
}

/// The committed records with an event that the bus never accepted, and the records whose events
/// the sweeper still has to publish.
pub(crate) fn unpublished(observed: &Observed) -> Vec<String> {
    let records = observed.items(IDEMPOTENCY_TABLE.name);
    let sightings = observed.sightings();
    let unpublished = records.iter().filter_map(|record| {
        let what = missing(record, &sightings)?;
        Some(format!("{what} of {}", text(record, "sk").unwrap_or_default()))
    });
    unpublished.collect()
}

/// Describes what is unpublished in a record: an event that the bus never accepted, or the whole
/// record if the sweeper still has to publish the record's events. Returns `None` if everything was
/// published.
fn missing(record: &Item, sightings: &Sightings) -> Option<String> {
    let events = match committed_events(record) {
        Ok(events) => events,
        Err(failure) => return Some(failure.to_string()),
    };
    let was_taken = |entry: &Entry| {
        let detail = serde_json::from_str::<Detail<&RawValue>>(&entry.detail);
        detail.is_ok_and(|it| sightings.events.contains_key(&it.metadata.event_id.to_string()))
    };
    let lost = events.into_iter().find(|entry| !was_taken(entry)).map(|entry| entry.detail_type);
    lost.or_else(|| text(record, UNPUBLISHED_INDEX.pk).map(|_| "a record".to_owned()))
}

/// Checks that all events of the committed idempotency records were published.
fn check_records(observed: &Observed) -> Vec<String> {
    let unpublished = unpublished(observed).into_iter();
    unpublished.map(|what| format!("records: {what} is not published")).collect()
}

/// Checks that every unreadable message is a dead letter of each row that must refuse it. The dead
/// letter's cause has to be that the message cannot be read.
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
                wrong.push(format!(
                    "poison: {rule} has no dead letter of the unreadable message {number}"
                ));
            }
        }
    }
    wrong
}

/// The text by which the unreadable message of this number is recognized.
pub(crate) fn poison_mark(number: usize) -> String {
    format!("poison-{number}")
}

/// Checks that every dead letter is an unreadable message, or is about a case for which `is_known`
/// returns false.
fn check_dead_letters(observed: &Observed, is_known: impl Fn(&str) -> bool) -> Vec<String> {
    let readable = observed
        .dead_letters()
        .filter(|(letter, readable)| *readable && is_known(&letter.event.correlation_id));
    let lines = readable.map(|(letter, _)| {
        let (kind, about) = (&letter.event.detail_type, &letter.event.correlation_id);
        format!(
            "dead: {} failed on {kind} of {about} in every attempt: {}",
            letter.rule, letter.cause.fault
        )
    });
    lines.collect()
}

/// How many calls may be made in addition to the calls that a breaker lets through. These are calls
/// in flight when the breaker opens, calls of instances that do not know yet that it is open, and
/// calls that were not counted because of the store's faults.
const UNGUARDED: u64 = 100;

/// Checks that each event that reports a partner as unavailable was followed by one that reports
/// the partner's recovery, unless the partner's circuit is still open.
fn check_circuits(observed: &Observed, table: &Table) -> Vec<String> {
    let items = observed.items(IDEMPOTENCY_TABLE.name);
    let sightings = observed.sightings();
    let times = |spec: &EventSpec, breaker: &Breaker| {
        let events = sightings.events.values();
        let of_partner = events.filter(|event| event.about == breaker.partner.name);
        of_partner.filter(|event| event.detail_type == spec.detail_type).count()
    };
    let mut wrong = Vec::new();
    for breaker in table.rows.iter().filter_map(|row| row.breaker) {
        let open = usize::from(items.iter().any(|item| is_open(breaker, item)));
        let (away, back) = (times(breaker.unavailable, breaker), times(breaker.recovered, breaker));
        let name = breaker.partner.name;
        let what = format!(
            "circuit: {name} was reported unavailable {away} times, but recovered {back} times"
        );
        if away != back + open && !wrong.contains(&what) {
            wrong.push(what);
        }
    }
    wrong
}

/// Checks that few calls are made to a partner that is unavailable, however many messages wait for
/// it.
fn check_calls<A: Application>(simulation: &Simulation<A>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (port, breaker) in A::BREAKERS {
        let outages = simulation.scenario.outages.iter().filter(|outage| outage.port == *port);
        let seconds: u64 = outages.map(|outage| outage.lasts.as_secs()).sum();
        // Clocks may be wrong, so a breaker's pause may end early. This check therefore allows
        // twice as many probes (calls after a pause) as fit into the outages if every pause has its
        // full length.
        let probes =
            2 * u64::from(breaker.probes) * (1 + seconds / u64::from(breaker.pause_seconds));
        let most = UNGUARDED + u64::from(breaker.failures) + probes;
        let made = simulation.environment.state().unanswered_at.get(port).copied().unwrap_or(0);
        if made > most {
            wrong.push(format!(
                "calls: {port:?} was called {made} times while it did not answer for {seconds} s"
            ));
        }
    }
    wrong
}
