//! No delivery is lost, and no delivery is settled twice, whatever the sequence of events is, and
//! whatever fails.
#![allow(clippy::unwrap_used)]

mod harness;

use chorus_test_table::TABLE;
use chorus_test_table::services;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chorus_kernel::{Clock, Function, Publisher};
use chorus_local::{
    AttemptResult, DeliveryError, Disorder, Local, LocalConfig, Observation, Selection, Taken,
    VirtualClock,
};
use harness::{entry, rules_of};
use jiff::Timestamp;
use proptest::prelude::*;

/// One operation that a test performs on a bus.
#[derive(Debug, Clone)]
enum Act {
    Put { order: u8 },
    Take { most: usize },
    Settle { place: usize, as_: Ending },
    Pass { seconds: u64 },
    Redrive,
}

#[derive(Debug, Clone, Copy)]
enum Ending {
    Well,
    Badly,
    ForGood,
}

fn act() -> impl Strategy<Value = Act> {
    let ending = prop_oneof![
        4 => Just(Ending::Well),
        3 => Just(Ending::Badly),
        1 => Just(Ending::ForGood),
    ];
    prop_oneof![
        4 => (0..4u8).prop_map(|order| Act::Put { order }),
        4 => (1..6usize).prop_map(|most| Act::Take { most }),
        6 => (0..64usize, ending).prop_map(|(place, as_)| Act::Settle { place, as_ }),
        2 => (0..400u64).prop_map(|seconds| Act::Pass { seconds }),
        1 => Just(Act::Redrive),
    ]
}

fn shop(seed: u64, copies: u32) -> (Local, VirtualClock) {
    let clock = VirtualClock::at(Timestamp::from_second(1_000_000).unwrap());
    let functions = [services::ANALYTICS, services::NOTIFICATION, services::INVENTORY];
    let functions = functions.into_iter().map(Function::of).collect();
    let mut config = LocalConfig::new(&TABLE, functions).virtual_time(&clock).seed(seed);
    config.rules = rules_of(&["CountOrder", "SendEmail", "ReserveItem"]);
    config.policies.function.max_attempts = 3;
    let delay = Duration::from_secs(u64::from(copies) * 10);
    config.disorder = Disorder { fewest_copies: copies.min(2), most_copies: copies, delay };
    (Local::open(config).unwrap(), clock)
}

fn verdict(ending: Ending) -> AttemptResult {
    match ending {
        Ending::Well => AttemptResult::Done(None),
        Ending::Badly => AttemptResult::Failed(DeliveryError::retryable("Busy", "later")),
        Ending::ForGood => AttemptResult::Failed(DeliveryError::terminal("Wrong", "never")),
    }
}

/// The violations that the engine's observations show, such as deliveries that ended twice.
fn ledger(happenings: &mut tokio::sync::broadcast::Receiver<Observation>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut over: BTreeMap<u64, &str> = BTreeMap::new();
    let mut dead: BTreeSet<u64> = BTreeSet::new();
    while let Ok(happening) = happenings.try_recv() {
        let (id, end) = match &happening {
            Observation::Succeeded { step, .. } => (step.id, "succeeded"),
            Observation::DeadLettered { step, .. } => {
                if !dead.insert(step.id) {
                    wrong.push(format!("{} died twice", step.id));
                }
                continue;
            }
            Observation::Redriven(step) => {
                if !dead.remove(&step.id) {
                    wrong.push(format!("{} was not dead", step.id));
                }
                continue;
            }
            _ => continue,
        };
        if let Some(before) = over.insert(id, end) {
            wrong.push(format!("{id} {before} and then {end}"));
        }
        if dead.contains(&id) {
            wrong.push(format!("{id} {end} although it was dead"));
        }
    }
    wrong
}

/// Performs the operations, and then lets every delivery succeed until no delivery is left. Returns
/// how many events were published.
async fn play(shop: &Local, clock: &VirtualClock, acts: &[Act]) -> usize {
    let mut taken: Vec<Taken> = Vec::new();
    let mut put = 0;
    for act in acts {
        match act {
            Act::Put { order } => {
                let order = format!("order-{order}");
                let detail_type = if put % 2 == 0 { "OrderCreated" } else { "PaymentMade" };
                let entry = entry(detail_type, &order, put as u64);
                assert_eq!(shop.bus().put_events(&[entry]).await.unwrap(), []);
                put += 1;
            }
            Act::Take { most } => {
                let work = shop.bus().take_due(*most);
                taken.extend(work.iter().flat_map(chorus_local::Work::taken).cloned());
            }
            Act::Settle { place, as_ } if !taken.is_empty() => {
                let claim = taken.swap_remove(place % taken.len());
                shop.bus().settle(claim.ticket, verdict(*as_));
            }
            Act::Settle { .. } => {}
            Act::Pass { seconds } => clock.advance(Duration::from_secs(*seconds)),
            Act::Redrive => {
                shop.redrive(&Selection::default()).await.unwrap();
            }
        }
    }
    for claim in taken {
        shop.bus().settle(claim.ticket, AttemptResult::Done(None));
    }
    settle_the_rest(shop, clock);
    put
}

fn settle_the_rest(shop: &Local, clock: &VirtualClock) {
    for _ in 0..10_000 {
        for work in shop.bus().take_due(100) {
            for claim in work.taken() {
                shop.bus().settle(claim.ticket, AttemptResult::Done(None));
            }
        }
        match shop.bus().next_delivery() {
            Some(next) => clock.advance_to(next.max(clock.now())),
            None => return,
        }
    }
    panic!("it does not come to rest: {:?}", shop.bus().load());
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn every_delivery_ends_once(
        acts in proptest::collection::vec(act(), 0..120),
        seed in any::<u64>(),
        copies in 0..4u32,
    ) {
        let (shop, clock) = shop(seed, copies);
        let mut happenings = shop.watch();
        let mut counting = shop.watch();
        let put = block_on(play(&shop, &clock, &acts));
        prop_assert!(shop.bus().is_idle());
        prop_assert_eq!(ledger(&mut happenings), Vec::<String>::new());
        let mut ended: BTreeMap<(String, String), u32> = BTreeMap::new();
        while let Ok(happening) = counting.try_recv() {
            if let Observation::Succeeded { step, .. } = happening {
                *ended.entry((step.event.event_id.clone(), step.rule.to_string())).or_default() += 1;
            }
        }
        for letter in shop.dead_letters(&Selection::default()) {
            let key = (letter.event.event_id.clone(), letter.rule.to_string());
            *ended.entry(key).or_default() += 1;
        }
        // Each event with an even number goes to two targets. Each event with an odd number goes to
        // one target, a queue.
        prop_assert_eq!(ended.len(), put.div_ceil(2) * 2 + put / 2);
        if copies <= 1 {
            prop_assert!(ended.values().all(|times| *times == 1), "{:?}", ended);
        } else {
            prop_assert!(ended.values().all(|times| (2..=copies).contains(times)), "{:?}", ended);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_run(
        acts in proptest::collection::vec(act(), 0..60),
        seed in any::<u64>(),
    ) {
        let tell = || {
            let (shop, clock) = shop(seed, 3);
            let mut happenings = shop.watch();
            block_on(play(&shop, &clock, &acts));
            let mut story = Vec::new();
            while let Ok(happening) = happenings.try_recv() {
                story.push(format!("{happening:?}"));
            }
            story
        };
        prop_assert_eq!(tell(), tell());
    }
}
