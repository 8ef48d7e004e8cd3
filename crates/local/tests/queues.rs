//! What a FIFO queue between the bus and a function promises.
#![allow(clippy::unwrap_used)]

mod world;

use chorus_events::table::TABLE;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chorus_kernel::{ActionError, Publisher};
use chorus_local::{
    Disorder, Local, LocalConfig, Observation, Replay, Selection, VirtualClock, Work,
};
use jiff::Timestamp;
use world::{always, entry, function, number_of, rules_of};

const SOON: Duration = Duration::from_secs(20);

fn shop(function: chorus_kernel::Function) -> (Local, VirtualClock) {
    let clock = VirtualClock::at(Timestamp::from_second(1_000_000).unwrap());
    let mut config = LocalConfig::new(&TABLE, vec![function]).virtual_time(&clock).seed(1);
    config.rules = rules_of(&["SendEmail"]);
    (Local::open(config).unwrap(), clock)
}

async fn put(shop: &Local, order: &str, number: u64) {
    shop.bus().put_events(&[entry("PaymentMade", order, number)]).await.unwrap();
}

#[tokio::test]
async fn the_events_of_one_order_stay_in_order_though_some_fail() {
    let at_work: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let busy = Arc::clone(&at_work);
    let (mailing, mailed) = function("SendEmail", move |message, attempt| {
        let order = message.metadata.correlation_id.clone();
        assert!(busy.lock().unwrap().insert(order.clone()), "one at a time for {order}");
        busy.lock().unwrap().remove(&order);
        let fails = number_of(message).is_multiple_of(3) && attempt < 3;
        if fails { Err(ActionError::Later("not yet".to_owned())) } else { Ok(()) }
    });
    let (shop, _) = shop(mailing);
    for number in 0..120 {
        put(&shop, ["a", "b", "c", "d"][number as usize % 4], number).await;
    }
    shop.runner().run_until_idle(SOON).await.unwrap();
    let mut by_order: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (order, number) in mailed.lock().unwrap().iter() {
        by_order.entry(order.clone()).or_default().push(*number);
    }
    for (place, (_, numbers)) in (0..).zip(by_order) {
        let expected: Vec<u64> = (0..120).filter(|number| number % 4 == place).collect();
        assert_eq!(numbers, expected);
    }
}

#[tokio::test]
async fn a_poison_message_ends_in_the_dead_letters_alone() {
    let (mailing, mailed) = function("SendEmail", |message, _| match number_of(message) {
        1 => Err(ActionError::Later("poison".to_owned())),
        _ => Ok(()),
    });
    let (shop, _) = shop(mailing);
    for number in 0..4 {
        put(&shop, "a", number).await;
    }
    shop.runner().run_until_idle(SOON).await.unwrap();
    let numbers: Vec<u64> = mailed.lock().unwrap().iter().map(|(_, number)| *number).collect();
    assert_eq!(numbers, [0, 2, 3]);
    let letters = shop.dead_letters(&Selection::default());
    assert_eq!((letters.len(), &*letters[0].queue), (1, "notification-dlq.fifo"));
    assert_eq!(letters[0].attributes["RETRY_ATTEMPTS"], "11");
    assert_eq!(&*letters[0].rule, "notification-SendEmail");
}

#[tokio::test]
async fn the_same_event_within_five_minutes_is_handed_out_once() {
    let (mailing, mailed) = function("SendEmail", always);
    let (shop, clock) = shop(mailing);
    let mut happenings = shop.watch();
    put(&shop, "a", 1).await;
    put(&shop, "a", 1).await;
    shop.runner().run_until_idle(SOON).await.unwrap();
    assert_eq!(mailed.lock().unwrap().len(), 1);
    let mut deduplicated = 0;
    while let Ok(happening) = happenings.try_recv() {
        deduplicated += usize::from(matches!(happening, Observation::Deduplicated(_)));
    }
    assert_eq!(deduplicated, 1);
    clock.advance(Duration::from_secs(301));
    put(&shop, "a", 1).await;
    shop.runner().run_until_idle(SOON).await.unwrap();
    assert_eq!(mailed.lock().unwrap().len(), 2, "later it is new again");
}

#[tokio::test]
async fn a_replay_that_overtakes_an_event_does_not_stand_for_it() {
    let originals = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = Arc::clone(&originals);
    let (mailing, _) = function("SendEmail", move |message, _| {
        if message.metadata.replay_name.is_none() {
            seen.lock().unwrap().insert(number_of(message));
        }
        Ok(())
    });
    let clock = VirtualClock::at(Timestamp::from_second(1_000_000).unwrap());
    let mut config = LocalConfig::new(&TABLE, vec![mailing]).virtual_time(&clock).seed(1);
    config.rules = rules_of(&["SendEmail"]);
    config.disorder = Disorder { fewest_copies: 1, most_copies: 1, delay: Duration::from_secs(60) };
    let shop = Local::open(config).unwrap();
    for number in 0..20 {
        put(&shop, "a", number).await;
    }
    let (from, to) = (Timestamp::MIN, Timestamp::MAX);
    let replay = Replay { name: "again".to_owned(), from, to, rule: None, dry_run: false };
    assert_eq!(shop.replay(&replay).await.unwrap().events, 20);
    shop.runner().run_until_idle(SOON).await.unwrap();
    assert_eq!(originals.lock().unwrap().len(), 20);
}

#[tokio::test]
async fn a_batch_holds_ten_and_what_is_not_settled_comes_back_after_the_visibility_timeout() {
    let (shop, clock) = shop(function("SendEmail", always).0);
    for number in 0..15 {
        put(&shop, "a", number).await;
    }
    let first = shop.bus().take_due(10);
    assert_eq!(first.len(), 1, "one batch of a group at a time");
    assert_eq!(first[0].taken().len(), 10);
    assert!(matches!(first[0], Work::Batch(_)));
    assert!(shop.bus().take_due(10).is_empty());
    clock.advance(Duration::from_secs(360));
    let mut again = shop.bus().take_due(10);
    again.retain(|work| matches!(work, Work::Batch(_)));
    assert_eq!(again[0].taken()[0].attempt, 2);
    let stale = first[0].taken()[0].ticket;
    assert!(!shop.bus().settle(stale, chorus_local::Verdict::Done(None)), "a stale claim");
    let claim = again[0].taken()[0].ticket;
    assert!(shop.bus().settle(claim, chorus_local::Verdict::Done(None)));
}
