//! One noisy tenant with many orders at once delays the quiet tenants only a little. For the quiet
//! tenants' orders, the 99th percentile of the time from acceptance to delivery is at most twice as
//! long as without the noisy tenant.
//!
//! Time is virtual. Every function takes ten milliseconds for an event, at most eight events are
//! handled at once, and the carrier accepts a few calls per second. So a backlog delays all events
//! that wait behind the backlog. The variable `CHORUS_NOISY` sets how many orders the noisy tenant
//! places.
#![allow(clippy::print_stdout)]

mod harness;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chorus_kernel::{ActionError, Clock, Handled, Handler, Kernel, Message};
use chorus_local::{LocalConfig, Observation, Observer, Selection, VirtualClock};
use chorus_shop::Accounts;
use chorus_table::RowSpec;
use jiff::Timestamp;

use harness::Harness;

const NOISY: &str = "noisy";

const QUIET: [&str; 8] = ["ana", "ben", "cleo", "dora", "emil", "fay", "gus", "hana"];

/// How many orders each quiet tenant places.
const FEW: usize = 2;

/// How long a function works on one event.
const TAKES: Duration = Duration::from_millis(10);

/// A handler that takes [`TAKES`] for each event.
struct Slow {
    handler: Arc<dyn Handler>,
    clock: VirtualClock,
}

#[async_trait]
impl Handler for Slow {
    fn row(&self) -> RowSpec {
        self.handler.row()
    }

    fn reads(&self, detail_type: &str) -> bool {
        self.handler.reads(detail_type)
    }

    async fn handle(&self, kernel: &Kernel, message: &Message) -> Result<Handled, ActionError> {
        self.clock.sleep(TAKES).await;
        self.handler.handle(kernel, message).await
    }
}

/// The tenants that an order's events name, and when the order was accepted and delivered.
#[derive(Debug, Default, Clone)]
struct Seen {
    tenants: Vec<String>,
    accepted: Option<Timestamp>,
    delivered: Option<Timestamp>,
}

/// What the accepted events of each order showed, by the order's id.
#[derive(Debug, Default)]
struct Orders(Mutex<BTreeMap<String, Seen>>);

impl Observer for Orders {
    fn observe(&self, observation: &Observation) {
        let Observation::Accepted(event) = observation else { return };
        let mut orders = self.0.lock().expect("no observer panics");
        let seen = orders.entry(event.correlation_id.clone()).or_default();
        seen.tenants.push(event.tenant.as_deref().unwrap_or_default().to_owned());
        match &*event.detail_type {
            "OrderCreated" => seen.accepted = Some(event.at),
            "OrderDelivered" => seen.delivered = Some(event.at),
            _ => {}
        }
    }
}

impl Orders {
    /// Returns, for each delivered order, its tenant and the milliseconds from acceptance to
    /// delivery.
    fn delivered(&self) -> anyhow::Result<Vec<(String, i128)>> {
        let orders = self.0.lock().expect("no observer panics");
        let mut all = Vec::new();
        for (order, Seen { tenants, accepted, delivered }) in orders.iter() {
            let (Some(accepted), Some(delivered)) = (accepted, delivered) else { continue };
            let tenant = &tenants[0];
            anyhow::ensure!(
                tenants.iter().all(|of| of == tenant) && *tenant != *order,
                "the events of order {order} name {tenants:?}"
            );
            all.push((tenant.clone(), delivered.duration_since(*accepted).as_millis()));
        }
        Ok(all)
    }
}

/// Returns the 99th percentile of the times that the orders of quiet tenants took, in milliseconds.
fn p99_of_quiet(delivered: &[(String, i128)]) -> i128 {
    let quiet = delivered.iter().filter(|(tenant, _)| tenant != NOISY);
    let mut took: Vec<i128> = quiet.map(|(_, took)| *took).collect();
    took.sort_unstable();
    assert_eq!(took.len(), QUIET.len() * FEW, "every order of a quiet tenant is delivered");
    took[(took.len() * 99).div_ceil(100) - 1]
}

fn slow(mut config: LocalConfig, clock: &VirtualClock) -> LocalConfig {
    for function in &mut config.functions {
        for handler in &mut function.handlers {
            *handler = Arc::new(Slow { handler: Arc::clone(handler), clock: clock.clone() });
        }
    }
    config.concurrency = 8;
    config
}

/// Places `noisy` orders of the noisy tenant, and then a few orders of each quiet tenant. Once all
/// orders are delivered, returns the 99th percentile of the times that the quiet tenants' orders
/// took, in milliseconds.
async fn run(noisy: usize, calls_per_second: u32) -> anyhow::Result<i128> {
    let clock = VirtualClock::at(Timestamp::from_second(1_795_000_000)?);
    let orders = Arc::<Orders>::default();
    let customers: Vec<&str> = QUIET.into_iter().chain([NOISY]).collect();
    let harness = Harness::on_clock(&clock, &customers, |config| {
        let mut config = slow(config, &clock);
        config.observer = Some(Arc::clone(&orders) as Arc<dyn Observer>);
        config.policies.calls_per_second = calls_per_second;
        config
    })
    .await?;
    harness.move_parcels(true);
    harness.place(0..noisy, |_| NOISY).await?;
    let all = noisy + QUIET.len() * FEW;
    // These numbers continue after the noisy tenant's numbers, because an order's idempotency key
    // contains its number.
    harness.place(noisy..all, |number| QUIET[number % QUIET.len()]).await?;
    harness.run_until_delivered(all).await?;
    let accounts = Accounts::of(&harness.local, &harness.partners).await?;
    anyhow::ensure!(accounts.problems.is_empty(), "{:?}", accounts.problems);
    assert!(harness.local.dead_letters(&Selection::default()).is_empty(), "nothing is given up");
    let delivered = orders.delivered()?;
    assert_eq!(delivered.len(), all);
    Ok(p99_of_quiet(&delivered))
}

async fn at_most_twice(noisy: usize, calls_per_second: u32) -> anyhow::Result<()> {
    let (alone, beside) = (run(0, calls_per_second).await?, run(noisy, calls_per_second).await?);
    println!("p99 of quiet tenants: {alone} ms, beside {noisy} orders of another {beside} ms");
    assert!(beside <= 2 * alone, "{beside} ms, and without the noisy tenant {alone} ms");
    Ok(())
}

fn noisy(default: usize) -> anyhow::Result<usize> {
    Ok(std::env::var("CHORUS_NOISY").map_or(Ok(default), |noisy| noisy.parse())?)
}

#[tokio::test]
async fn a_noisy_tenant_does_not_hold_up_the_others_at_the_carrier() -> anyhow::Result<()> {
    at_most_twice(noisy(60)?, 5).await
}

#[tokio::test]
async fn a_noisy_tenant_does_not_hold_up_the_others_on_the_bus() -> anyhow::Result<()> {
    at_most_twice(noisy(60)?, 1_000_000).await
}
