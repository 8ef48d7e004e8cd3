//! This crate beside `quamina`, in one process, on the same patterns and the same bytes of JSON.
//!
//! The two take turns, batch by batch, so that whatever else the machine does hits both; a row
//! shows the median batch of each. Before timing, both must return the same rules.

#![allow(clippy::print_stdout, reason = "the table is what a benchmark is run for")]

mod workloads;

use std::hint::black_box;
use std::time::{Duration, Instant};

use event_pattern::{Limits, Matcher, Pattern};
use quamina::Quamina;
use workloads::Workload;

/// Batches per workload and side.
const BATCHES: usize = 301;

/// How long one batch takes, about.
const BATCH: Duration = Duration::from_micros(250);

struct Row {
    name: String,
    ours: f64,
    theirs: f64,
}

fn main() {
    // `cargo test --benches` passes a flag of its own: then one short round proves the agreement.
    let is_test = std::env::args().any(|argument| argument == "--test");
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    println!("{:<34} {:>10} {:>12} {:>7}", "workload", "ours ns", "quamina ns", "ratio");
    let mut rows = Vec::new();
    for workload in workloads::all() {
        if filter.as_ref().is_some_and(|part| !workload.name.contains(part.as_str())) {
            continue;
        }
        let row = measure(&workload, if is_test { 1 } else { BATCHES });
        let ratio = row.theirs / row.ours;
        println!("{:<34} {:>10.0} {:>12.0} {:>7.2}", row.name, row.ours, row.theirs, ratio);
        rows.push(row);
    }
    summary(&rows);
}

fn measure(workload: &Workload, batches: usize) -> Row {
    let ours = ours(workload);
    let theirs = theirs(workload);
    for event in &workload.events {
        let mut expected = theirs.matches_for_event(event.as_bytes()).expect("an event");
        expected.sort_unstable();
        let found = ours.matches(event).expect("an event");
        assert_eq!(found, expected, "{}: {event}", workload.name);
    }
    let mut next = 0;
    let mut turn = |run: &mut dyn FnMut(&str), rounds: usize| {
        let start = Instant::now();
        for _ in 0..rounds {
            next = (next + 1) % workload.events.len();
            run(&workload.events[next]);
        }
        start.elapsed().as_secs_f64() * 1e9 / rounds as f64
    };
    let mut run_ours = |event: &str| {
        black_box(ours.matches(black_box(event)).expect("an event"));
    };
    let mut run_theirs = |event: &str| {
        black_box(theirs.matches_for_event(black_box(event.as_bytes())).expect("an event"));
    };
    let rounds = |nanos: f64| (BATCH.as_nanos() as f64 / nanos).clamp(1.0, 1e6) as usize;
    let (rounds_ours, rounds_theirs) =
        (rounds(turn(&mut run_ours, 64)), rounds(turn(&mut run_theirs, 64)));
    let mut times = (Vec::new(), Vec::new());
    for _ in 0..batches {
        times.0.push(turn(&mut run_ours, rounds_ours));
        times.1.push(turn(&mut run_theirs, rounds_theirs));
    }
    Row { name: workload.name.clone(), ours: median(times.0), theirs: median(times.1) }
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
    let ratios: Vec<f64> = rows.iter().map(|row| row.theirs / row.ours).collect();
    let ahead = ratios.iter().filter(|ratio| **ratio >= 1.0).count();
    if !ratios.is_empty() {
        println!("ahead on {ahead} of {}; median ratio {:.2}", ratios.len(), median(ratios));
    }
    for family in ["distinct values", "order rules"] {
        let at = |count: &str| {
            let name = format!("{family}, {count} rules");
            rows.iter().find(|row| row.name == name).map(|row| row.ours)
        };
        if let (Some(few), Some(many)) = (at("100"), at("10000")) {
            println!("{family}: 10000 rules cost {:.2} times what 100 do", many / few);
        }
    }
}
