//! The bus's guarantees about deliveries.
#![allow(clippy::unwrap_used)]

mod harness;

use chorus_test_table::TABLE;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chorus_kernel::{ActionError, Clock, Publisher};
use chorus_local::{Local, LocalConfig, Observation, Replay, Selection, VirtualClock};
use harness::{always, entry, function, rules_of};
use jiff::Timestamp;

const SOON: Duration = Duration::from_secs(20);

fn start() -> Timestamp {
    "2026-11-20T10:47:00Z".parse().unwrap()
}

fn config(action: &str, function: chorus_kernel::Function) -> (LocalConfig, VirtualClock) {
    let clock = VirtualClock::at(start());
    let mut config = LocalConfig::new(&TABLE, vec![function]).virtual_time(&clock).seed(1);
    config.rules = rules_of(&[action]);
    (config, clock)
}

#[tokio::test]
async fn an_event_reaches_the_target_of_every_rule_that_it_matches() {
    let (counting, counted) = function("CountOrder", always);
    let (reserving, reserved) = function("ReserveItem", always);
    let shop = Local::open(LocalConfig::new(&TABLE, vec![counting, reserving])).unwrap();
    let rejected = shop.kernel().bus.put_events(&[entry("OrderCreated", "a", 1)]).await.unwrap();
    assert_eq!(rejected, []);
    shop.runner().run_until_idle(SOON).await.unwrap();
    assert_eq!(*counted.lock().unwrap(), [("a".to_owned(), 1)]);
    assert_eq!(*reserved.lock().unwrap(), [("a".to_owned(), 1)]);
}

#[tokio::test]
async fn what_fails_is_tried_again_as_lambda_does_after_one_and_two_minutes() {
    let (counting, counted) = function("CountOrder", |_, attempt| match attempt {
        1..=2 => Err(ActionError::Later("not yet".to_owned())),
        _ => Ok(()),
    });
    let (config, clock) = config("CountOrder", counting);
    let shop = Local::open(config).unwrap();
    let mut happenings = shop.watch();
    shop.bus().put_events(&[entry("OrderCreated", "a", 1)]).await.unwrap();
    shop.runner().run_until_idle(SOON).await.unwrap();
    assert_eq!(counted.lock().unwrap().len(), 1);
    let passed = clock.now().duration_since(start());
    assert_eq!(passed.as_secs(), 60 + 120);
    let mut failures = 0;
    while let Ok(happening) = happenings.try_recv() {
        failures += usize::from(matches!(happening, Observation::Failed { again_at: Some(_), .. }));
    }
    assert_eq!(failures, 2);
    let event = uuid::Uuid::from_u128(2).to_string();
    let notes = shop.attempts(&event).await.unwrap();
    assert_eq!((notes[0].failures, notes[0].code.as_str()), (2, "TooEarly"));
}

#[tokio::test]
async fn what_cannot_succeed_is_a_dead_letter_at_once_with_the_attributes_of_eventbridge() {
    let refuse = |_: &_, _| Err(ActionError::Conflict("too late".to_owned()));
    let (counting, _) = function("CountOrder", refuse);
    let (config, _) = config("CountOrder", counting);
    let shop = Local::open(config).unwrap();
    shop.bus().put_events(&[entry("OrderCreated", "a", 1)]).await.unwrap();
    shop.runner().run_until_idle(SOON).await.unwrap();
    let letters = shop.dead_letters(&Selection::default());
    let attributes: Vec<(&str, &str)> =
        letters[0].attributes.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(
        attributes,
        [
            ("ERROR_CODE", "Conflict"),
            ("ERROR_MESSAGE", "too late"),
            ("RETRY_ATTEMPTS", "0"),
            ("RULE_ARN", "arn:aws:events:local:000000000000:rule/chorus/analytics-CountOrder"),
            ("TARGET_ARN", "arn:aws:lambda:local:000000000000:function:analytics"),
        ]
    );
    assert_eq!(&*letters[0].queue, "analytics-CountOrder-dlq");
}

#[tokio::test]
async fn what_failed_three_times_is_tried_again_seldom_and_is_no_dead_letter() {
    let (counting, counted) = function("CountOrder", |_, attempt| {
        if attempt <= 9 { Err(ActionError::Later("not yet".to_owned())) } else { Ok(()) }
    });
    let (config, clock) = config("CountOrder", counting);
    let shop = Local::open(config).unwrap();
    shop.bus().put_events(&[entry("OrderCreated", "a", 1)]).await.unwrap();
    shop.runner().run_until_idle(SOON).await.unwrap();
    assert_eq!(counted.lock().unwrap().len(), 1);
    let passed = clock.now().duration_since(start());
    // The first three attempts take three minutes. The next six pauses are 1, 2, 4, 8, 16 and 32
    // minutes long. Jitter shortens each of these six pauses by at most half.
    assert!((33..=67).contains(&passed.as_mins()), "{passed}");
    assert_eq!((shop.dead_letters(&Selection::default()), shop.redrives()), (vec![], vec![]));
}

#[tokio::test]
async fn what_fails_for_days_is_a_dead_letter_and_a_redrive_takes_it_to_its_target_only() {
    let mended = Arc::new(AtomicBool::new(false));
    let works = Arc::clone(&mended);
    let (counting, counted) = function("CountOrder", move |_, _| {
        if works.load(Ordering::Relaxed) {
            Ok(())
        } else {
            Err(ActionError::Later("no".to_owned()))
        }
    });
    let (reserving, reserved) = function("ReserveItem", always);
    let (mut config, clock) = config("CountOrder", counting);
    config.functions.push(reserving);
    config.rules = rules_of(&["CountOrder", "ReserveItem"]);
    let shop = Local::open(config).unwrap();
    shop.bus().put_events(&[entry("OrderCreated", "a", 1)]).await.unwrap();
    // A debug build needs some nine seconds for the deliveries and schedules of thirteen days.
    shop.runner().run_until_idle(3 * SOON).await.unwrap();
    let days = clock.now().duration_since(start()).as_hours() / 24;
    assert!((12..=13).contains(&days), "{days} days");
    mended.store(true, Ordering::Relaxed);
    let of_code = Selection { code: Some("TooEarly".to_owned()), ..Selection::default() };
    let letter = &shop.dead_letters(&of_code)[0];
    assert_eq!(letter.attributes["EXHAUSTED_RETRY_CONDITION"], "MaximumEventAgeInSeconds");
    let retries: u32 = letter.attributes["RETRY_ATTEMPTS"].parse().unwrap();
    assert!((312..700).contains(&retries), "{retries}");
    let other = Selection { code: Some("Other".to_owned()), ..Selection::default() };
    assert_eq!(shop.redrive(&other).await.unwrap(), []);
    assert_eq!(shop.redrive(&of_code).await.unwrap().len(), 1);
    shop.runner().run_until_idle(SOON).await.unwrap();
    assert_eq!(counted.lock().unwrap().len(), 1);
    assert_eq!(reserved.lock().unwrap().len(), 1, "the other target is not bothered again");
    assert_eq!(shop.dead_letters(&Selection::default()), []);
}

#[tokio::test]
async fn a_panic_of_a_function_is_a_failure_of_its_delivery_only() {
    let (counting, counted) = function("CountOrder", |_, attempt| {
        assert!(attempt > 1, "the first attempt panics");
        Ok(())
    });
    let (config, _) = config("CountOrder", counting);
    let shop = Local::open(config).unwrap();
    shop.bus().put_events(&[entry("OrderCreated", "a", 1)]).await.unwrap();
    shop.runner().run_until_idle(SOON).await.unwrap();
    assert_eq!(counted.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn the_dead_letters_of_one_row_start_the_row_that_consumes_them() {
    let (delivering, canceled) = function("CancelDelivery", always);
    let (mut config, _) = config("CancelDelivery", delivering);
    config.rules = rules_of(&["StartDelivery", "CancelDelivery"]);
    let shop = Local::open(config).unwrap();
    shop.bus().put_events(&[entry("DeliveryMarkedAsStarted", "a", 1)]).await.unwrap();
    shop.runner().run_until_idle(SOON).await.unwrap();
    assert_eq!(*canceled.lock().unwrap(), [("a".to_owned(), 1)], "there is no endpoint");
    assert_eq!(shop.dead_letters(&Selection::default()), []);
}

#[tokio::test]
async fn a_replay_reaches_one_rule_and_says_so() {
    let (counting, counted) = function("CountOrder", |message, _| {
        let replayed = message.metadata.replay_name.as_deref();
        assert!(replayed.is_none() || replayed == Some("again"));
        Ok(())
    });
    let (reserving, reserved) = function("ReserveItem", always);
    let (mut config, _) = config("CountOrder", counting);
    config.functions.push(reserving);
    config.rules = rules_of(&["CountOrder", "ReserveItem"]);
    let shop = Local::open(config).unwrap();
    shop.bus().put_events(&[entry("OrderCreated", "a", 1)]).await.unwrap();
    shop.runner().run_until_idle(SOON).await.unwrap();
    let mut replay = Replay {
        name: "again".to_owned(),
        from: start(),
        to: Timestamp::MAX,
        rule: Some("analytics-CountOrder".to_owned()),
        dry_run: true,
    };
    let would = shop.replay(&replay).await.unwrap();
    replay.dry_run = false;
    assert_eq!(shop.replay(&replay).await.unwrap(), would);
    shop.runner().run_until_idle(SOON).await.unwrap();
    assert_eq!((counted.lock().unwrap().len(), reserved.lock().unwrap().len()), (2, 1));
    replay.rule = Some("nobody-Nothing".to_owned());
    assert!(shop.replay(&replay).await.is_err());
}

#[tokio::test]
async fn an_entry_that_is_too_large_is_refused_and_the_others_are_taken() {
    let (counting, counted) = function("CountOrder", always);
    let shop = Local::open(LocalConfig::new(&TABLE, vec![counting])).unwrap();
    let bus = Arc::clone(shop.bus());
    let mut large = entry("OrderCreated", "a", 1);
    large.detail = format!(r#"{{"x":"{}"}}"#, "x".repeat(1_100_000));
    let rejected = bus.put_events(std::slice::from_ref(&large)).await.unwrap();
    assert_eq!((rejected[0].index, rejected[0].code.as_str()), (0, "ValidationException"));
    let broken = chorus_table::Entry { detail: "{".to_owned(), ..large };
    let rejected = bus.put_events(&[broken, entry("OrderCreated", "a", 2)]).await.unwrap();
    assert_eq!((rejected[0].index, rejected.len()), (0, 1));
    let eleven = vec![entry("OrderCreated", "a", 3); 11];
    assert!(bus.put_events(&eleven).await.is_err());
    let stranger =
        chorus_table::Entry { source: "org.strangers".to_owned(), ..entry("OrderCreated", "a", 4) };
    assert_eq!(bus.put_events(&[stranger]).await.unwrap(), []);
    shop.runner().run_until_idle(SOON).await.unwrap();
    assert_eq!(*counted.lock().unwrap(), [("a".to_owned(), 2)]);
}
