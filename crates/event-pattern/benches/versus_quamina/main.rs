//! Compares the speed of this crate and of `quamina`, in one process, on the same patterns and the
//! same bytes of JSON.
//!
//! The crates take turns, batch by batch, so that other load on the machine affects both crates.
//! Each printed row shows the median batch of each crate for one workload. Before timing, the
//! benchmark asserts that both crates return the same rules.

#![allow(clippy::print_stdout, reason = "the table is what a benchmark is run for")]

mod workloads;

use std::hint::black_box;
use std::time::{Duration, Instant};

use event_pattern::{Limits, Matcher, Pattern};
use quamina::Quamina;
use workloads::Workload;

/// The number of batches of each crate per workload.
const BATCHES: usize = 301;

/// The approximate duration of one batch.
const BATCH: Duration = Duration::from_micros(250);

struct Row {
    name: String,
    ours: f64,
    trusting: f64,
    theirs: f64,
}

fn main() {
    // `cargo test --benches` passes `--test`. One batch is then enough, because `measure` compares
    // the results of both crates before it measures.
    let is_test = std::env::args().any(|argument| argument == "--test");
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    println!(
        "{:<30} {:>9} {:>12} {:>11} {:>7} {:>9}",
        "workload", "ours ns", "trusting ns", "quamina ns", "ratio", "trusting"
    );
    let mut rows = Vec::new();
    for workload in workloads::all() {
        if filter.as_ref().is_some_and(|part| !workload.name.contains(part.as_str())) {
            continue;
        }
        let row = measure(&workload, if is_test { 1 } else { BATCHES });
        let Row { name, ours, trusting, theirs } = &row;
        let ratios = (theirs / ours, theirs / trusting);
        println!(
            "{name:<30} {ours:>9.0} {trusting:>12.0} {theirs:>11.0} {:>7.2} {:>9.2}",
            ratios.0, ratios.1
        );
        rows.push(row);
    }
    summary(&rows);
}

fn measure(workload: &Workload, batches: usize) -> Row {
    let (ours, trusting) = (ours(workload), ours(workload).trusting_events());
    let theirs = theirs(workload);
    for event in &workload.events {
        let mut expected = theirs.matches_for_event(event.as_bytes()).expect("an event");
        expected.sort_unstable();
        assert_eq!(ours.matches(event).as_ref(), Ok(&expected), "{}: {event}", workload.name);
        assert_eq!(trusting.matches(event).as_ref(), Ok(&expected), "{}: {event}", workload.name);
    }
    let mut sides = [
        Side::new(|event| drop(black_box(ours.matches(black_box(event))))),
        Side::new(|event| drop(black_box(trusting.matches(black_box(event))))),
        Side::new(|event| drop(black_box(theirs.matches_for_event(black_box(event.as_bytes()))))),
    ];
    for side in &mut sides {
        let nanos = side.turn(&workload.events);
        side.passes = (BATCH.as_nanos() as f64 / nanos).max(16.0) as usize / workload.events.len();
    }
    for _ in 0..batches {
        for side in &mut sides {
            let nanos = side.turn(&workload.events);
            side.times.push(nanos);
        }
    }
    let [ours, trusting, theirs] = sides.map(|side| median(side.times));
    Row { name: workload.name.clone(), ours, trusting, theirs }
}

/// A matcher to measure, and the duration of each of its batches in nanoseconds per event.
struct Side<'a> {
    run: Box<dyn Fn(&str) + 'a>,
    /// How many times one batch matches the whole list of events.
    passes: usize,
    times: Vec<f64>,
}

impl<'a> Side<'a> {
    fn new(run: impl Fn(&str) + 'a) -> Self {
        Self { run: Box::new(run), passes: 4, times: Vec::new() }
    }

    /// Runs one batch; returns nanoseconds per event.
    fn turn(&self, events: &[String]) -> f64 {
        let start = Instant::now();
        for _ in 0..self.passes {
            for event in events {
                (self.run)(event);
            }
        }
        start.elapsed().as_secs_f64() * 1e9 / (self.passes * events.len()) as f64
    }
}

fn ours(workload: &Workload) -> Matcher<usize> {
    let mut matcher = Matcher::new();
    for (id, pattern) in workload.patterns.iter().enumerate() {
        let pattern = Pattern::parse_within(pattern, &Limits::default());
        matcher.add(id, &pattern.expect("a valid pattern"));
    }
    matcher
}

fn theirs(workload: &Workload) -> Quamina<usize> {
    let mut quamina = Quamina::new();
    for (id, pattern) in workload.patterns.iter().enumerate() {
        quamina.add_pattern(id, pattern).expect("a pattern that both support");
    }
    quamina
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn summary(rows: &[Row]) {
    for (side, time) in
        [("ours", (|row| row.ours) as fn(&Row) -> f64), ("trusting", |row| row.trusting)]
    {
        let ratios: Vec<f64> = rows.iter().map(|row| row.theirs / time(row)).collect();
        let ahead = ratios.iter().filter(|ratio| **ratio >= 1.0).count();
        if !ratios.is_empty() {
            println!(
                "{side}: faster than quamina on {ahead} of {} workloads; median ratio {:.2}",
                ratios.len(),
                median(ratios)
            );
        }
    }
    for family in ["distinct values", "order rules"] {
        let at = |count: &str| {
            let name = format!("{family}, {count} rules");
            rows.iter().find(|row| row.name == name).map(|row| row.ours)
        };
        if let (Some(few), Some(many)) = (at("100"), at("10000")) {
            println!("{family}: 10000 rules take {:.2} times as long as 100 rules", many / few);
        }
    }
}
