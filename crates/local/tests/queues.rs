//! The guarantees of a queue between the bus and a function.
#![allow(clippy::unwrap_used)]

mod harness;

use chorus_test_table::TABLE;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chorus_kernel::{ActionError, Clock, Failure, PARTNER_UNAVAILABLE, Publisher};
use chorus_local::{AttemptResult, Local, LocalConfig, Selection, VirtualClock, Work};
use chorus_table::policy::{OUTAGE, QUEUE, REDRIVE};
use harness::{always, entry, function, number_of, rules_of};
use jiff::Timestamp;

const SOON: Duration = Duration::from_secs(20);

fn shop(function: chorus_kernel::Function) -> (Local, VirtualClock) {
    let clock = VirtualClock::at(Timestamp::from_second(1_000_000).unwrap());
    shop_at(&clock, function, 1)
}

fn shop_at(
    clock: &VirtualClock,
    function: chorus_kernel::Function,
    seed: u64,
) -> (Local, VirtualClock) {
    let mut config = LocalConfig::new(&TABLE, vec![function]).virtual_time(clock).seed(seed);
    config.rules = rules_of(&["SendEmail"]);
    (Local::open(config).unwrap(), clock.clone())
}

async fn put(shop: &Local, order: &str, number: u64) {
    shop.bus().put_events(&[entry("PaymentMade", order, number)]).await.unwrap();
}

#[tokio::test]
async fn a_message_that_fails_holds_up_no_other_not_even_of_its_own_order() {
    let (mailing, mailed) = function("SendEmail", |message, attempt| {
        let fails = number_of(message).is_multiple_of(3) && attempt < 3;
        if fails { Err(ActionError::Later("not yet".to_owned())) } else { Ok(()) }
    });
    let (shop, _) = shop(mailing);
    for number in 0..12 {
        put(&shop, "a", number).await;
    }
    shop.runner().run_until_idle(SOON).await.unwrap();
    let numbers: Vec<u64> = mailed.lock().unwrap().iter().map(|(_, number)| *number).collect();
    let (first, last) = numbers.split_at(8);
    assert!(first.iter().all(|number| !number.is_multiple_of(3)), "{numbers:?}");
    assert_eq!(BTreeSet::from_iter(last), BTreeSet::from([&0, &3, &6, &9]));
}

#[tokio::test]
async fn a_consumer_backs_off_and_outlasts_an_outage_with_few_calls() {
    for seed in 1..20 {
        let clock = VirtualClock::at(Timestamp::from_second(1_000_000).unwrap());
        let calls: Arc<Mutex<Vec<Timestamp>>> = Arc::default();
        let (called, time, back) = (Arc::clone(&calls), clock.clone(), clock.now() + OUTAGE);
        let (mailing, mailed) = function("SendEmail", move |_, _| {
            called.lock().unwrap().push(time.now());
            let away = time.now() < back;
            if away { Err(ActionError::Later("away".to_owned())) } else { Ok(()) }
        });
        let (shop, clock) = shop_at(&clock, mailing, seed);
        put(&shop, "a", 1).await;
        shop.runner().run_until_idle(SOON).await.unwrap();
        assert_eq!(mailed.lock().unwrap().len(), 1);
        assert_eq!(shop.dead_letters(&Selection::default()), []);
        let late = clock.now().duration_since(back).unsigned_abs();
        assert!(late <= QUEUE.retry.longest_pause, "by itself, and soon: {late:?}");
        let calls = calls.lock().unwrap();
        assert!((15..100).contains(&calls.len()), "{} calls in six hours", calls.len());
        let gaps: BTreeSet<_> = calls.windows(2).map(|two| two[1].duration_since(two[0])).collect();
        assert!(gaps.len() + 2 > calls.len(), "chance has its share in every pause");
    }
}

#[tokio::test]
async fn a_message_that_always_fails_is_a_dead_letter_after_a_day_and_alone() {
    let (mailing, mailed) = function("SendEmail", |message, _| match number_of(message) {
        1 => Err(ActionError::Later("poison".to_owned())),
        _ => Ok(()),
    });
    let (shop, clock) = shop(mailing);
    let began = clock.now();
    for number in 0..4 {
        put(&shop, "a", number).await;
    }
    shop.runner().run_until_idle(SOON).await.unwrap();
    let numbers: Vec<u64> = mailed.lock().unwrap().iter().map(|(_, number)| *number).collect();
    assert_eq!(numbers, [0, 2, 3]);
    let letters = shop.dead_letters(&Selection::default());
    assert_eq!((letters.len(), &*letters[0].queue), (1, "notification-dlq"));
    assert_eq!(letters[0].attributes["EXHAUSTED_RETRY_CONDITION"], "MaximumEventAgeInSeconds");
    assert_eq!(&*letters[0].rule, "notification-SendEmail");
    let age = letters[0].cause.at.duration_since(began).unsigned_abs();
    assert!(age + QUEUE.retry.longest_pause >= QUEUE.retry.max_age, "{age:?}");
}

#[tokio::test]
async fn a_message_that_waits_for_a_partner_is_no_dead_letter_after_a_day() {
    let clock = VirtualClock::at(Timestamp::from_second(1_000_000).unwrap());
    let (time, back) = (clock.clone(), clock.now() + 2 * QUEUE.retry.max_age);
    let (mailing, mailed) = function("SendEmail", move |_, _| {
        let away = || Failure::later(PARTNER_UNAVAILABLE, "away");
        if time.now() < back { Err(away().into()) } else { Ok(()) }
    });
    let (shop, _) = shop_at(&clock, mailing, 1);
    put(&shop, "a", 1).await;
    shop.runner().run_until_idle(SOON).await.unwrap();
    assert_eq!(mailed.lock().unwrap().len(), 1);
    assert_eq!(shop.dead_letters(&Selection::default()), []);
    let late = clock.now().duration_since(back).unsigned_abs();
    assert!(late <= REDRIVE.retry.longest_pause, "{late:?}");
}

#[tokio::test]
async fn a_message_that_always_fails_is_answered_after_a_day_by_the_row_that_its_own_gives_up_to() {
    let clock = VirtualClock::at(Timestamp::from_second(1_000_000).unwrap());
    let (began, time) = (clock.now(), clock.clone());
    let refused: Arc<Mutex<Vec<Timestamp>>> = Arc::default();
    let seen = Arc::clone(&refused);
    let (mut payment, charged) =
        function("CollectPayment", |_, _| Err(ActionError::Later("away".to_owned())));
    let (refusing, _) = function("RefusePayment", move |_, attempt| {
        seen.lock().unwrap().push(time.now());
        if attempt < 3 { Err(ActionError::Later("not yet".to_owned())) } else { Ok(()) }
    });
    payment.handlers.extend(refusing.handlers);
    let mut config = LocalConfig::new(&TABLE, vec![payment]).virtual_time(&clock).seed(1);
    config.rules = rules_of(&["CollectPayment"]);
    let shop = Local::open(config).unwrap();
    shop.bus().put_events(&[entry("DeliveryEstimated", "a", 1)]).await.unwrap();
    shop.runner().run_until_idle(SOON).await.unwrap();
    assert!(charged.lock().unwrap().is_empty());
    let refused = refused.lock().unwrap();
    assert_eq!(refused.len(), 3, "it is tried until it has answered");
    let patience = refused[0].duration_since(began).unsigned_abs();
    let retry = QUEUE.retry;
    assert!(patience >= retry.max_age && patience <= retry.max_age + retry.longest_pause);
    assert_eq!(shop.dead_letters(&Selection::default()), []);
}

#[tokio::test]
async fn a_message_whose_consumer_never_answers_is_received_so_often_and_no_more() {
    let (shop, clock) = shop(function("SendEmail", always).0);
    put(&shop, "a", 1).await;
    let mut received = 0;
    while shop.bus().next_delivery().is_some() {
        received += shop.bus().take_due(10).iter().map(|work| work.taken().len()).sum::<usize>();
        clock.advance(QUEUE.visibility);
    }
    assert_eq!(received, QUEUE.retry.max_attempts as usize);
    let letters = shop.dead_letters(&Selection::default());
    assert_eq!(letters[0].attributes["ERROR_CODE"], "VisibilityExpired");
}

#[tokio::test]
async fn a_batch_holds_ten_and_what_is_not_settled_comes_back_after_the_visibility_timeout() {
    let (shop, clock) = shop(function("SendEmail", always).0);
    for number in 0..15 {
        put(&shop, "a", number).await;
    }
    let mut first = shop.bus().take_due(10);
    first.retain(|work| !matches!(work, Work::Job(_)));
    let sizes: Vec<usize> = first.iter().map(|work| work.taken().len()).collect();
    assert_eq!(sizes, [10, 5], "nothing waits for what is in flight");
    assert!(matches!(first[0], Work::Batch(_)));
    assert!(shop.bus().take_due(10).is_empty());
    clock.advance(QUEUE.visibility);
    let mut again = shop.bus().take_due(10);
    again.retain(|work| matches!(work, Work::Batch(_)));
    assert_eq!(again[0].taken()[0].attempt, 2);
    let stale = first[0].taken()[0].ticket;
    assert!(!shop.bus().settle(stale, AttemptResult::Done(None)), "a stale claim");
    let claim = again[0].taken()[0].ticket;
    assert!(shop.bus().settle(claim, AttemptResult::Done(None)));
}

#[tokio::test]
async fn dead_letters_of_a_queue_that_goes_by_another_name_now_are_found() {
    let home = tempfile::tempdir().unwrap();
    let open = |at: &std::path::Path| {
        let terminal = |_: &_, _| Err(ActionError::Conflict("never".to_owned()));
        let functions = vec![function("SendEmail", terminal).0];
        let mut config = LocalConfig::new(&TABLE, functions).data(at);
        config.rules = rules_of(&["SendEmail"]);
        Local::open(config).unwrap()
    };
    let shop = open(home.path());
    put(&shop, "a", 1).await;
    shop.runner().run_until_idle(SOON).await.unwrap();
    let letters = shop.dead_letters(&Selection::default());
    assert_eq!(letters.len(), 1);
    shop.runner().shutdown(SOON).await.unwrap();
    drop(shop);
    let journal = rusqlite::Connection::open(home.path().join("engine.db")).unwrap();
    let renamed = "UPDATE deliveries SET queue = 'notification-dlq.fifo' WHERE queue IS NOT NULL";
    assert_eq!(journal.execute(renamed, []).unwrap(), 1);
    drop(journal);
    assert_eq!(open(home.path()).dead_letters(&Selection::default()), letters);
}
