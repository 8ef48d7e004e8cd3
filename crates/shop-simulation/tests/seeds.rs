//! Runs whose orders and faults derive from a seed: nothing is lost, nothing happens twice, and a
//! seed always gives the same run.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use chorus_shop_simulation::{Campaign, Report, Simulator, Story, all_faults, faults};
use chorus_simulation::{Backing, Fault, Faults, Setting};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many seeds are tried: 2,000 in optimized code (`cargo test --profile simulation`), and a
/// tenth of them in a debug build.
const SEEDS: u64 = if cfg!(debug_assertions) { 200 } else { 2_000 };

const ORDERS: u32 = 4;

/// Prints the report. If a run failed, panics with the failures that the report describes.
#[track_caller]
fn assert_holds(report: &Report) {
    println!("{}", serde_json::to_string_pretty(report).unwrap());
    assert_eq!(report.failed, 0, "{}", serde_json::to_string_pretty(&report.failures).unwrap());
}

#[test]
fn whatever_goes_wrong_nothing_is_lost_and_nothing_happens_twice() {
    let campaign = Campaign::Seeds { seeds: 0..SEEDS, faults: all_faults(), size: ORDERS };
    let report = Simulator::new().campaign(&campaign, &Setting::default(), &|_| {}).unwrap();
    assert_holds(&report);
    assert_eq!(report.runs, SEEDS);
    assert!(report.ends.delivered > SEEDS / 10, "{:?}", report.ends);
    assert!(report.ends.canceled > SEEDS / 10, "{:?}", report.ends);
    assert!(report.ends.forgotten > SEEDS / 10, "{:?}", report.ends);
    assert!(report.ends.disputed > SEEDS / 50, "{:?}", report.ends);
    assert!(report.ends.kept > SEEDS / 50, "{:?}", report.ends);
}

/// The process dies after it has asked the provider for the charge, and the retry starts the state
/// machine. The provider reports the customer's confirmation before the state machine waits for it.
#[test]
fn a_customer_who_confirms_before_the_shop_waits_for_it_is_charged_before_the_deadline() {
    let simulator = Simulator::new();
    let crashes = simulator.single_faults(Story::Confirmed).unwrap().into_iter().filter(|it| {
        matches!(it.fault, Fault::CrashBefore | Fault::CrashAfter)
            && it.task.contains("CollectPayment")
    });
    let mut early = 0;
    for crash in crashes {
        let outcome =
            simulator.trace_story(Story::Confirmed, std::slice::from_ref(&crash)).unwrap();
        assert_eq!(outcome.violations, [""; 0], "{crash}");
        assert_eq!((outcome.ends.delivered, outcome.ends.canceled), (1, 0), "{crash}");
        if !outcome.trace.iter().any(|line| line.contains("-> ConfirmationRequired")) {
            early += 1;
            let took = outcome.virtual_seconds;
            assert!(took < 3_600, "{took} s, after {crash}");
        }
    }
    assert!(early > 0, "no notice came before the shop waited for it");
}

#[test]
fn where_nothing_goes_wrong_every_order_is_delivered_but_for_what_is_not_in_stock() {
    let campaign = Campaign::Seeds { seeds: 0..50, faults: Faults::none(), size: ORDERS };
    let report = Simulator::new().campaign(&campaign, &Setting::default(), &|_| {}).unwrap();
    assert_holds(&report);
    assert_eq!(report.ends.unplaced, 0);
    assert!(report.ends.delivered > report.ends.canceled, "{:?}", report.ends);
    assert!(report.injected.is_empty());
}

#[test]
fn the_same_seed_gives_the_same_trace_to_the_byte() {
    let simulator = Simulator::new();
    let traced = |seed| simulator.trace_seed(seed, &all_faults(), ORDERS).unwrap();
    for seed in 0..20 {
        let (first, second) = (traced(seed), traced(seed));
        assert_eq!(first.trace, second.trace, "seed {seed}");
        assert_eq!(first.fingerprint, second.fingerprint);
        assert!(first.trace.len() > 100);
    }
}

#[test]
fn services_of_two_releases_publish_and_read_the_versions_that_each_has() {
    let simulator = Simulator::new();
    let versions = faults("versions").unwrap();
    let (mut alone, mut refused) = (0, 0);
    for seed in 0..200 {
        let run = simulator.trace_seed(seed, &versions, ORDERS).unwrap();
        assert_eq!(run.violations, Vec::<String>::new(), "seed {seed}");
        let of_earlier_release = |line: &&String| {
            line.contains("-> ItemNotAvailable")
                && line.contains(r#""version":1,"#)
                && !line.contains("copy-of")
        };
        alone += run.trace.iter().filter(of_earlier_release).count();
        refused += run.trace.iter().filter(|line| line.contains("NewerVersion")).count();
    }
    assert!(alone > 0, "no sender ran the earlier release");
    assert!(refused > 0, "no consumer ran the earlier release");
}

#[test]
fn another_seed_gives_another_trace() {
    let simulator = Simulator::new();
    let of = |seed| simulator.seed(seed, &all_faults(), ORDERS).unwrap().fingerprint;
    assert_ne!(of(1), of(2));
}

#[test]
fn the_map_and_the_embedded_store_give_the_same_runs_to_the_byte() {
    let (map, dynoxide) = (Simulator::on(Backing::Map), Simulator::on(Backing::Dynoxide));
    for seed in 0..SEEDS / 50 {
        let run = |on: &Simulator| on.seed(seed, &all_faults(), ORDERS).unwrap();
        let (map, dynoxide) = (run(&map), run(&dynoxide));
        assert_eq!(dynoxide.violations, Vec::<String>::new(), "seed {seed}");
        assert_eq!(map.fingerprint, dynoxide.fingerprint, "seed {seed}");
    }
}
