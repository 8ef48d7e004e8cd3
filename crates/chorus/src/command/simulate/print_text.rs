//! Prints the report of a campaign, which consists of many runs, or of one run.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use chorus_shop_simulation::{Failure, Outcome, Report};
use indicatif::{HumanCount, HumanDuration};

use crate::screen::{BAD, BOLD, DIM, GOOD, line};

/// Prints a campaign's report. `words` are the options that, together with a seed, repeat a run.
pub(super) fn report(report: &Report, threads: NonZeroUsize, words: &str) {
    let runs = HumanCount(report.runs);
    let took = std::time::Duration::from_secs_f64(report.seconds);
    let (rate, took) = (report.runs_per_second, HumanDuration(took));
    line!("{BOLD}{runs} runs{BOLD:#} on {threads} threads in {took}: {rate:.0} runs/s");
    let ends = &report.ends;
    row(
        "orders",
        &format!(
            "{} delivered, {} canceled, {} never placed; {} customers were forgotten",
            HumanCount(ends.delivered),
            HumanCount(ends.canceled),
            HumanCount(ends.unplaced),
            HumanCount(ends.forgotten)
        ),
    );
    if ends.lost > 0 {
        let lost = HumanCount(ends.lost);
        row(
            "region",
            &format!(
                "{lost} orders were accepted just before the region was lost, and were lost with it"
            ),
        );
    }
    row(
        "events",
        &format!(
            "{} on the bus, {} deliveries, {} dead letters",
            HumanCount(report.events),
            HumanCount(report.deliveries),
            HumanCount(report.dead_letters)
        ),
    );
    let [replays, rebuilds, redrives, poison] = report.chores.map(HumanCount);
    row(
        "operators",
        &format!(
            "{replays} replays, {rebuilds} rebuilds, {redrives} redrives, {poison} unreadable messages"
        ),
    );
    row("time", &format!("{} days passed within the runs", report.virtual_days));
    exposed(report);
    injected(report);
    coverage(report);
    for failure in &report.failures {
        self::failure(failure, words);
    }
    verdict(report);
}

fn row(what: &str, text: &str) {
    line!("  {what:<13} {text}");
}

fn exposed(report: &Report) {
    if report.exposed.is_empty() {
        return;
    }
    let troubles =
        report.exposed.iter().map(|(trouble, runs)| format!("{trouble} {}", HumanCount(*runs)));
    wrapped("runs with", troubles);
}

/// Prints how many faults were injected, with one line for each port of the kernel, such as the
/// store or the bus.
fn injected(report: &Report) {
    let struck = HumanCount(report.injected.values().sum());
    row("faults", &format!("{struck} in {} calls", HumanCount(report.calls)));
    let mut ports: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, count) in &report.injected {
        let (port, fault) = name.split_once(": ").unwrap_or((name, "faults"));
        ports.entry(port).or_default().push(format!("{fault} {}", HumanCount(*count)));
    }
    for (port, faults) in ports {
        wrapped(&format!("  {port}"), faults.into_iter());
    }
}

/// Prints a row whose text is wrapped.
fn wrapped(what: &str, words: impl Iterator<Item = String>) {
    let mut text = String::new();
    let mut lines = Vec::new();
    for word in words {
        if !text.is_empty() && text.len() + word.len() > 78 {
            lines.push(std::mem::take(&mut text));
        }
        text.push_str(if text.is_empty() { "" } else { ", " });
        text.push_str(&word);
    }
    lines.push(text);
    for (place, text) in lines.iter().enumerate() {
        row(if place == 0 { what } else { "" }, text);
    }
}

fn coverage(report: &Report) {
    let Report { places, crashed, not_crashed, .. } = report;
    row("crash points", &format!("a process died at {crashed} of {places} calls in the code"));
    if places != crashed && !not_crashed.is_empty() {
        let first = not_crashed.iter().take(3).map(String::as_str).collect::<Vec<_>>().join("; ");
        line!(
            "  {DIM}{:<13} never at: {first}{}{DIM:#}",
            "",
            if not_crashed.len() > 3 { "; …" } else { "" }
        );
    }
}

fn verdict(report: &Report) {
    let bound = report.bound;
    if report.failed == 0 && bound >= 1.0 {
        line!(
            "{GOOD}No violation.{GOOD:#} There were too few runs to state how many of such runs may fail."
        );
    } else if report.failed == 0 {
        line!(
            "{GOOD}No violation.{GOOD:#} With 95 % confidence, the share of such runs that fail is \
             below {bound:.1e} (3/N for N runs)."
        );
    } else {
        let (failed, runs) = (HumanCount(report.failed), HumanCount(report.runs));
        line!("{BAD}{failed} of {runs} runs violated an invariant.{BAD:#}");
    }
}

/// Prints a failure: its seed, the shortest schedule of faults that causes it, and the orders'
/// events.
fn failure(failure: &Failure, words: &str) {
    let Failure { seed, violations, faults, struck_at_first, .. } = failure;
    line!("");
    line!("{BAD}A violation{BAD:#} of {BOLD}seed {seed}{BOLD:#}");
    for violation in violations {
        line!("  {BAD}{violation}{BAD:#}");
    }
    let (count, runs) = (faults.len(), failure.shrunk_in);
    line!("The shortest schedule found in {runs} runs: {count} of {struck_at_first} faults");
    for fault in faults {
        line!("  {fault}");
    }
    if !failure.disorder.is_empty() {
        line!("Besides the faults:");
        failure.disorder.iter().for_each(|what| line!("  {what}"));
    }
    line!("The events of the orders:");
    failure.story.iter().for_each(|event| line!("  {event}"));
    match failure.fixed {
        None => line!("{DIM}To repeat it: chorus simulate --seed {seed}{words} --trace{DIM:#}"),
        Some(story) => {
            let strikes: Vec<String> = faults.iter().map(|it| format!("--strike '{it}'")).collect();
            let (story, strikes) = (story.name(), strikes.join(" "));
            line!("{DIM}To repeat it: chorus simulate --story {story} {strikes} --trace{DIM:#}");
        }
    }
    line!("");
}

/// Prints one run: its trace, if there is one, and its outcome.
pub(super) fn outcome(outcome: &Outcome) {
    for word in &outcome.trace {
        line!("{word}");
    }
    let ends = &outcome.ends;
    line!(
        "{BOLD}seed {}{BOLD:#}: {} delivered, {} canceled, {} never placed; faults in {} of {} calls, {} \
         deliveries; fingerprint {:016x}",
        outcome.seed,
        ends.delivered,
        ends.canceled,
        ends.unplaced,
        outcome.injected.len(),
        outcome.calls,
        outcome.deliveries,
        outcome.fingerprint
    );
    if outcome.holds() {
        line!("{GOOD}No violation.{GOOD:#}");
    }
    for violation in &outcome.violations {
        line!("{BAD}{violation}{BAD:#}");
    }
}
