//! A noisy customer, with many orders at once, delays the other customers' orders only a little.
//! For these orders, the 99th percentile of the time from acceptance to delivery is at most twice
//! as long as without the noisy customer.
//!
//! Every seed is run twice: once with the 12 to 23 orders that the noisy customer places at one
//! moment, and once without them. Both runs have the same orders of the other customers, and the
//! same faults in calls for these orders. In both, at most eight messages are handled at a time. Of
//! the other customers, only one has orders that are delivered. This customer and the noisy one
//! take turns, so half of the eight messages are for this customer's orders.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::BTreeMap;

use chorus_shop_simulation::{Simulator, faults};
use chorus_simulation::{Faults, Trouble};
use jiff::Timestamp;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many seeds are run; in a debug build, only a tenth as many.
const SEEDS: u64 = if cfg!(debug_assertions) { 12 } else { 120 };

/// The number of orders in a run, not counting those of the noisy customer.
const ORDERS: u32 = 4;

/// An order as its events show it.
#[derive(Default)]
struct Told {
    is_noisy: bool,
    /// Whether the shop waited for a person.
    was_reviewed: bool,
    accepted: Option<Timestamp>,
    delivered: Option<Timestamp>,
}

/// The results of all seeds: the violations, and how many milliseconds each order took, by the
/// order's seed and id. Orders of the noisy customer are left out.
#[derive(Default)]
struct Runs {
    took: BTreeMap<(u64, String), i128>,
    violations: Vec<String>,
}

/// The event in a line of a trace: when the bus accepted it, its type, its order and its JSON.
fn event(line: &str) -> Option<(Timestamp, &str, &str, &str)> {
    let (at, event) = line.split_once(" -> ")?;
    let (detail_type, event) = event.split_once(" of ")?;
    let (order, json) = event.split_once(" (")?;
    Some((at.parse().ok()?, detail_type, order, json))
}

fn orders(trace: &[String]) -> BTreeMap<&str, Told> {
    let mut orders: BTreeMap<&str, Told> = BTreeMap::new();
    for (at, detail_type, order, json) in trace.iter().filter_map(|line| event(line)) {
        let told = orders.entry(order).or_default();
        match detail_type {
            "OrderCreated" => {
                told.is_noisy = json.contains(r#""tenant":"noisy""#);
                // The same event may be published again.
                told.accepted.get_or_insert(at);
            }
            "ReviewRequested" => told.was_reviewed = true,
            "OrderDelivered" => {
                told.delivered.get_or_insert(at);
            }
            _ => {}
        }
    }
    orders
}

/// Runs every seed with these faults. An order that a reviewer has to approve does not count: it
/// takes as long as the reviewer does, which is up to thirty hours.
fn run(faults: &Faults) -> Runs {
    let (simulator, mut runs) = (Simulator::new(), Runs::default());
    for seed in 0..SEEDS {
        let outcome = simulator.trace_seed(seed, faults, ORDERS).unwrap();
        for (order, told) in orders(&outcome.trace) {
            let (Some(accepted), Some(delivered)) = (told.accepted, told.delivered) else {
                continue;
            };
            if !told.is_noisy && !told.was_reviewed {
                let took = delivered.duration_since(accepted).as_millis();
                runs.took.insert((seed, order.to_owned()), took);
            }
        }
        runs.violations.extend(outcome.violations);
    }
    runs
}

fn percentile(percent: usize, took: impl Iterator<Item = i128>) -> i128 {
    let mut took: Vec<i128> = took.collect();
    took.sort_unstable();
    took[(took.len() * percent).div_ceil(100) - 1]
}

/// Compares how long orders take in the runs with and without the noisy customer. Only orders that
/// are delivered in both runs count.
#[track_caller]
fn at_most_twice(names: &str) {
    let with = |trouble| {
        let mut faults = faults(names).unwrap();
        faults.0.insert(trouble);
        run(&faults)
    };
    let (alone, beside) = (with(Trouble::SCARCE_CONCURRENCY), with(Trouble::NOISY_TENANT));
    let both: Vec<(i128, i128)> = alone
        .took
        .iter()
        .filter_map(|(order, took)| Some((*took, *beside.took.get(order)?)))
        .collect();
    let [median, p99] = [50, 99].map(|percent| {
        let of = |times: fn(&(i128, i128)) -> i128| percentile(percent, both.iter().map(times));
        (of(|times| times.0), of(|times| times.1))
    });
    println!(
        "{names}: {} orders; alone and beside, in ms: median {median:?}, p99 {p99:?}",
        both.len()
    );
    assert!(both.len() as u64 > SEEDS, "{} orders", both.len());
    assert!(p99.1 <= 2 * p99.0, "{} ms, and {} ms without the noisy customer", p99.1, p99.0);
    assert_eq!([alone.violations, beside.violations], [const { Vec::<String>::new() }; 2]);
}

#[test]
fn a_noisy_customer_does_not_hold_up_the_others_where_nothing_goes_wrong() {
    at_most_twice("none");
}

/// The injected faults delay an order by only seconds. They cause a retry of PutEvents, a stale
/// list of orders, duplicates that run at the same time, or the rollout of a service's next
/// version. Other faults are not injected, because they would hide how much one tenant delays the
/// others:
///
/// - `outages`, `delays`, `lost-answers`, `carrier`, `reviews` and `customers` make an order wait
///   for hours, with the noisy customer and without;
/// - after `crashes`, `refusals` and `timeouts`, the bus tries a function again after a minute, and
///   once more two minutes later. These delays alone would determine the 99th percentile, so the
///   test would pass even if tenants did not take turns.
#[test]
fn a_noisy_customer_does_not_hold_up_the_others_beside_duplicates_and_rejected_entries() {
    at_most_twice("partial-publishes,stale-reads,duplicates,versions");
}
