//! A tenant with a backlog does not hold up other tenants: neither on the bus, nor in a queue, nor
//! at a partner with a low rate limit.
#![allow(clippy::unwrap_used)]

mod harness;

use std::collections::BTreeMap;
use std::time::Duration;

use chorus_kernel::{Clock, Function, Publisher};
use chorus_local::{AttemptResult, Endpoint, Local, LocalConfig, Taken, VirtualClock, Work};
use chorus_test_table::{TABLE, services};
use harness::{entry_of, rules_of};
use jiff::Timestamp;
use proptest::prelude::*;

/// A shop whose bus has only the rule of this action. The shop calls each partner at most once a
/// second.
fn shop(action: &str) -> (Local, VirtualClock) {
    let clock = VirtualClock::at(Timestamp::from_second(1_000_000).unwrap());
    let functions = [services::ANALYTICS, services::NOTIFICATION, services::DELIVERY];
    let functions = functions.into_iter().map(Function::of).collect();
    let mut config = LocalConfig::new(&TABLE, functions).virtual_time(&clock).seed(1);
    config.rules = rules_of(&[action]);
    config.policies.calls_per_second = 1;
    let config = config.endpoint("StartDelivery", Endpoint::new("http://carrier.example", "key"));
    let shop = Local::open(config).unwrap();
    // Recurring jobs that are due at the start belong to no tenant, so they are finished first.
    for work in shop.bus().take_due(9) {
        if let Work::Job(job) = work {
            shop.bus().finish(job);
        }
    }
    (shop, clock)
}

/// Publishes one event of `tenant` for each number in `numbers`.
async fn publish(shop: &Local, tenant: &str, detail_type: &str, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let entry = entry_of(tenant, detail_type, number);
        assert_eq!(shop.bus().put_events(&[entry]).await.unwrap(), []);
    }
}

fn tenant(taken: &Taken) -> String {
    taken.event.tenant.as_deref().unwrap_or_default().to_owned()
}

/// Takes `pieces` deliveries one after the other, lets each succeed at once, and returns their
/// tenants.
fn tenants_in_turn(shop: &Local, clock: &VirtualClock, pieces: usize) -> Vec<String> {
    let mut tenants = Vec::new();
    while tenants.len() < pieces {
        let works = shop.bus().take_due(1);
        for taken in works.iter().flat_map(Work::taken) {
            tenants.push(tenant(taken));
            shop.bus().settle(taken.ticket, AttemptResult::Done(None));
        }
        if works.is_empty() {
            clock.advance_to(shop.bus().next_delivery().unwrap().max(clock.now()));
        }
    }
    tenants
}

/// Takes the work that is due, and returns how many deliveries it has. Recurring jobs do not count.
fn deliveries(shop: &Local) -> usize {
    shop.bus().take_due(9).iter().map(|work| work.taken().len()).sum()
}

fn place(tenants: &[String], of: &str) -> usize {
    tenants.iter().position(|tenant| tenant == of).unwrap()
}

#[tokio::test]
async fn a_backlog_of_one_tenant_on_the_bus_in_a_queue_or_at_a_partner_delays_no_other() {
    for (action, event, within) in [
        ("CountOrder", "OrderCreated", 2),
        // The first batch may contain ten messages of the tenant `loud`, and none of the tenant
        // `quiet`.
        ("SendEmail", "PaymentMade", 11),
        ("StartDelivery", "DeliveryMarkedAsStarted", 2),
    ] {
        let (shop, clock) = shop(action);
        publish(&shop, "loud", event, 0..500).await;
        assert_eq!(place(&tenants_in_turn(&shop, &clock, 20), "loud"), 0);
        publish(&shop, "quiet", event, 500..501).await;
        let place = place(&tenants_in_turn(&shop, &clock, 40), "quiet");
        assert!(place < within, "{action}: {place}");
    }
}

#[tokio::test]
async fn calls_of_a_partner_wait_for_its_rate_whoever_makes_them() {
    let (shop, clock) = shop("StartDelivery");
    publish(&shop, "loud", "DeliveryMarkedAsStarted", 0..30).await;
    publish(&shop, "quiet", "DeliveryMarkedAsStarted", 30..33).await;
    let began = clock.now();
    let tenants = tenants_in_turn(&shop, &clock, 33);
    assert_eq!(clock.now().duration_since(began).as_secs(), 32, "one at once, one each second");
    let last = tenants.iter().rposition(|tenant| tenant == "quiet").unwrap();
    assert!(last < 6, "{tenants:?}");
}

/// What happens next: a tenant publishes an event, or work is taken.
#[derive(Debug, Clone, Copy)]
enum Act {
    Publish(u8),
    Take,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => Just(Act::Publish(0)),
        1 => (1..5u8).prop_map(Act::Publish),
        2 => Just(Act::Take),
    ]
}

/// The waiting deliveries by tenant. For each delivery: its event's number, and the number of
/// [`Act::Take`]s within which the bus must hand out the delivery.
type Waiting = BTreeMap<String, Vec<(u64, usize)>>;

async fn play(action: &str, event: &str, acts: &[Act]) {
    let (shop, _) = shop(action);
    let (mut waiting, mut published) = (Waiting::new(), 0);
    let rest = (0..acts.len()).map(|_| Act::Take);
    for act in acts.iter().copied().chain(rest) {
        match act {
            Act::Publish(tenant) => {
                let tenant = format!("tenant-{tenant}");
                publish(&shop, &tenant, event, published..published + 1).await;
                let own = waiting.entry(tenant).or_default();
                // There are five tenants. Between two deliveries of one tenant, each other tenant
                // gets at most one delivery.
                own.push((published, (own.len() + 2) * 5));
                published += 1;
            }
            Act::Take => {
                for taken in shop.bus().take_due(1).iter().flat_map(Work::taken) {
                    let own = waiting.get_mut(&tenant(taken)).unwrap();
                    let (number, patience) = own.remove(0);
                    let id = uuid::Uuid::from_u128(u128::from(number) + 1).to_string();
                    assert_eq!(taken.event.event_id, id, "the events of a tenant stay in order");
                    assert!(patience > 0, "{} waited for too long", tenant(taken));
                    shop.bus().settle(taken.ticket, AttemptResult::Done(None));
                }
                for (_, patience) in waiting.values_mut().flatten() {
                    *patience = patience.saturating_sub(1);
                }
            }
        }
    }
    assert!(waiting.values().all(Vec::is_empty), "nothing is lost: {waiting:?}");
    assert!(shop.bus().is_idle());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_a_tenants_order_is_kept_and_nobody_waits_for_anothers_backlog(
        acts in proptest::collection::vec(act(), 1..120),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(play("CountOrder", "OrderCreated", &acts));
        runtime.block_on(play("SendEmail", "PaymentMade", &acts));
    }
}

#[tokio::test]
async fn what_is_due_later_is_nobodys_turn_yet() {
    let (shop, clock) = shop("CountOrder");
    publish(&shop, "loud", "OrderCreated", 0..2).await;
    let failed = shop.bus().take_due(1);
    let fault = chorus_local::DeliveryError::retryable("Busy", "later");
    shop.bus().settle(failed[0].taken()[0].ticket, AttemptResult::Failed(fault));
    let next = shop.bus().take_due(9);
    assert_eq!(next.len(), 1, "the other one; the first is tried again in a minute");
    shop.bus().settle(next[0].taken()[0].ticket, AttemptResult::Done(None));
    clock.advance(Duration::from_secs(59));
    assert_eq!(deliveries(&shop), 0);
    clock.advance(Duration::from_secs(2));
    assert_eq!(deliveries(&shop), 1);
}
