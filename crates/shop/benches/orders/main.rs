//! Measures orders in the whole shop, the bare store operations of these orders, and the memory of
//! many orders in flight. Run `cargo bench -p chorus-shop --bench orders`.
//!
//! Rounds of orders and rounds of replayed operations alternate, so that other load on the machine
//! affects both kinds of rounds. Each line of the output shows the median round.

#![allow(clippy::print_stdout, reason = "the table is what a benchmark is run for")]

#[path = "../../tests/harness/mod.rs"]
mod harness;
mod memory;
mod tape;

use std::num::ParseIntError;
use std::path::Path;
use std::time::{Duration, Instant};

use chorus_shop::Partners;
use cpu_time::ProcessTime;
use tokio::runtime::{Builder, Runtime};

use harness::Harness;
use tape::{Recording, RequestRecorder};

const CUSTOMER: &str = "alfki";

/// How many orders run before the orders that [`count`] measures.
const COUNTED_WARM_UP: usize = 5;

/// The name, in arguments and in the output, of the measurements that use a data directory.
const DURABLE: &str = "durable";

#[derive(Clone, Copy)]
struct Size {
    rounds: usize,
    warm_up: usize,
    orders: usize,
    in_flight: usize,
}

impl Size {
    /// Returns the full size if `cargo bench` runs this program, which passes `--bench`; a small
    /// size if `cargo test` runs it.
    fn of_this_run() -> Self {
        if std::env::args().any(|argument| argument == "--bench") {
            Self { rounds: 5, warm_up: 50, orders: 200, in_flight: 10_000 }
        } else {
            Self { rounds: 1, warm_up: 2, orders: 5, in_flight: 5 }
        }
    }
}

/// The wall time and CPU time of the measured orders of one round, and the number of their requests
/// to the shop's store.
struct Usage {
    wall: Duration,
    cpu: Duration,
    requests: u64,
}

fn main() -> anyhow::Result<()> {
    let size = Size::of_this_run();
    if let Some(orders) = counted() {
        return count(orders?);
    }
    // Two threads on any machine, so that results of different machines can be compared.
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    row("workload", "value", "ratio");
    // The memory of orders in flight is measured first, while the process has allocated nothing
    // else.
    if wanted("in-flight") {
        runtime.block_on(memory::in_flight(size))?;
    }
    let tape = Builder::new_current_thread().enable_all().build()?.block_on(record(size))?;
    for place in ["memory", DURABLE].into_iter().filter(|place| wanted(place)) {
        compare(place, &runtime, &tape, size)?;
    }
    Ok(())
}

/// Whether this part runs: `-- memory`, `-- durable` or `-- in-flight` selects one part; otherwise
/// all parts run.
fn wanted(part: &str) -> bool {
    let asked: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    asked.is_empty() || asked.iter().any(|asked| asked == part)
}

/// Returns how many orders a script requests by `-- count 250`, or by `-- count 250 durable`.
fn counted() -> Option<Result<usize, ParseIntError>> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "count").skip(1);
    arguments.next().map(|orders| orders.parse())
}

/// Runs this many orders, and prints the orders per second and the CPU time of an order in
/// milliseconds. Orders in memory run on one thread, so that two runs under a profiler execute the
/// same code.
fn count(orders: usize) -> anyhow::Result<()> {
    let size = Size { rounds: 1, warm_up: COUNTED_WARM_UP, orders, in_flight: 0 };
    let took = if std::env::args().any(|argument| argument == DURABLE) {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(flow(Some(tempfile::tempdir()?.path()), size))?
    } else {
        Builder::new_current_thread().enable_all().build()?.block_on(flow(None, size))?
    };
    let orders = orders as f64;
    let (rate, cpu) = (orders / took.wall.as_secs_f64(), took.cpu.as_secs_f64() / orders * 1e3);
    println!("{rate:.1} {cpu:.2}");
    Ok(())
}

/// Runs all orders once, one piece of the engine's work at a time, and records the requests to the
/// stores.
async fn record(size: Size) -> anyhow::Result<Recording> {
    let mut tape = RequestRecorder::default();
    let harness = Harness::open(None, &[CUSTOMER], |store| tape.watch(store)).await?;
    tape.tables = [Partners::TABLES.to_vec(), harness.tables.clone()];
    harness.move_parcels(true);
    harness.place(0..size.warm_up, |_| CUSTOMER).await?;
    harness.step_to(size.warm_up).await;
    tape.mark();
    let end = size.warm_up + size.orders;
    harness.place(size.warm_up..end, |_| CUSTOMER).await?;
    harness.step_to(end).await;
    Ok(tape.stop())
}

/// Runs orders through a new shop, in a directory or in memory.
async fn flow(data: Option<&Path>, size: Size) -> anyhow::Result<Usage> {
    let harness = Harness::open(data, &[CUSTOMER], |store| store).await?;
    harness.move_parcels(true);
    harness.local.runner().start();
    harness.place(0..size.warm_up, |_| CUSTOMER).await?;
    harness.run_until_delivered(size.warm_up).await?;
    let meter = harness.local.store().meter();
    let (before, wall, cpu) = (meter.total().requests, Instant::now(), ProcessTime::now());
    let end = size.warm_up + size.orders;
    harness.place(size.warm_up..end, |_| CUSTOMER).await?;
    harness.run_until_delivered(end).await?;
    let (wall, cpu) = (wall.elapsed(), cpu.elapsed());
    let requests = meter.total().requests - before;
    harness.local.runner().shutdown(Duration::from_secs(10)).await?;
    Ok(Usage { wall, cpu, requests })
}

/// Alternates rounds of the shop and rounds of the shop's bare store operations, and prints the
/// medians.
fn compare(place: &str, runtime: &Runtime, tape: &Recording, size: Size) -> anyhow::Result<()> {
    let mut rounds = Vec::new();
    for _ in 0..size.rounds {
        let [ours, theirs] = [tempfile::tempdir()?, tempfile::tempdir()?];
        let [ours, theirs] =
            [&ours, &theirs].map(|directory| (place == DURABLE).then(|| directory.path()));
        let took = runtime.block_on(flow(ours, size))?;
        rounds.push((took, runtime.block_on(tape.replay(theirs))?));
    }
    let orders = size.orders as f64;
    let median = |of: &dyn Fn(&(Usage, Duration)) -> f64| {
        let mut sorted: Vec<f64> = rounds.iter().map(of).collect();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    };
    let rate = median(&|(took, _)| orders / took.wall.as_secs_f64());
    let cpu = median(&|(took, _)| took.cpu.as_secs_f64() / orders * 1e3);
    let bare = median(&|(_, bare)| bare.as_secs_f64() / orders * 1e3);
    let ratio = median(&|(took, bare)| took.cpu.as_secs_f64() / bare.as_secs_f64());
    let requests = median(&|(took, _)| took.requests as f64 / orders);
    row(&format!("orders, {place}"), &format!("{rate:.0} a second"), "");
    row("  CPU time of an order", &format!("{cpu:.2} ms"), &format!("{ratio:.2}x"));
    row("  CPU time of its bare operations", &format!("{bare:.2} ms"), "1x");
    row("  requests to the shop's store", &format!("{requests:.1} an order"), "");
    let replayed = tape.requests() as f64 / orders;
    row("  of them replayed", &format!("{replayed:.1} an order"), "");
    Ok(())
}

fn row(workload: &str, value: &str, ratio: &str) {
    println!("{workload:<44} {value:>18} {ratio:>8}");
}
