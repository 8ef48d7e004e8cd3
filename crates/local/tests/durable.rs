//! Accepted events, dead letters and the archive survive a kill of the process.
#![allow(clippy::unwrap_used)]

mod harness;

use chorus_test_table::TABLE;
use std::path::Path;
use std::time::Duration;

use chorus_kernel::{ActionError, Publisher};
use chorus_local::{Error, Local, LocalConfig, Replay, Selection};
use harness::{Seen, always, entry, function, killed, rules_of};
use jiff::Timestamp;

const SOON: Duration = Duration::from_secs(30);

fn shop(directory: &Path, function: chorus_kernel::Function) -> Local {
    let mut config = LocalConfig::new(&TABLE, vec![function]).data(directory);
    config.rules = rules_of(&["CountOrder"]);
    // The test runs in real time, because virtual time does not wait for a disk. So the pauses
    // between attempts are short, and the retry policy allows more attempts than can fail before
    // the test kills the shop.
    config.policies.function.first_pause = Duration::from_millis(50);
    config.policies.function.max_attempts = 12;
    Local::open(config).unwrap()
}

fn numbers(seen: &Seen) -> Vec<u64> {
    let mut numbers: Vec<u64> = seen.lock().unwrap().iter().map(|(_, number)| *number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

#[tokio::test]
async fn what_was_accepted_survives_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let before = shop(directory.path(), function("CountOrder", always).0);
    for number in 0..50 {
        before.bus().put_events(&[entry("OrderCreated", "a", number)]).await.unwrap();
    }
    let left = killed(before, directory.path());
    let (counting, counted) = function("CountOrder", always);
    let after = shop(left.path(), counting);
    after.runner().run_until_idle(SOON).await.unwrap();
    assert_eq!(numbers(&counted), (0..50).collect::<Vec<_>>());
    assert_eq!(counted.lock().unwrap().len(), 50, "each of them once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_at_work_it_still_delivers_everything() {
    let mut directory = tempfile::tempdir().unwrap();
    let mut all: Vec<u64> = Vec::new();
    for round in 0..8 {
        let flaky = |_: &_, attempt: usize| match attempt % 3 {
            0 => Ok(()),
            _ => Err(ActionError::Later("not yet".to_owned())),
        };
        let (counting, counted) = function("CountOrder", flaky);
        let shop = shop(directory.path(), counting);
        shop.runner().start();
        for number in round * 40..(round + 1) * 40 {
            shop.bus().put_events(&[entry("OrderCreated", "a", number)]).await.unwrap();
        }
        let left = killed(shop, directory.path());
        all.extend(numbers(&counted));
        directory = left;
    }
    let (counting, counted) = function("CountOrder", always);
    let last = shop(directory.path(), counting);
    last.runner().run_until_idle(SOON).await.unwrap();
    all.extend(numbers(&counted));
    all.sort_unstable();
    all.dedup();
    assert_eq!(all, (0..320).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_was_settled_before_an_orderly_end_is_not_delivered_again() {
    let directory = tempfile::tempdir().unwrap();
    let (counting, counted) = function("CountOrder", always);
    let first = shop(directory.path(), counting);
    first.bus().put_events(&[entry("OrderCreated", "a", 1)]).await.unwrap();
    first.runner().run_until_idle(SOON).await.unwrap();
    first.runner().shutdown(SOON).await.unwrap();
    drop(first);
    assert_eq!(counted.lock().unwrap().len(), 1);
    let (counting, counted) = function("CountOrder", always);
    let second = shop(directory.path(), counting);
    second.runner().run_until_idle(SOON).await.unwrap();
    assert_eq!(counted.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn what_waits_to_be_redriven_survives_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let open = |directory: &Path, function| {
        let mut config = LocalConfig::new(&TABLE, vec![function]).data(directory);
        config.rules = rules_of(&["CountOrder"]);
        config.policies.function.max_attempts = 1;
        config.policies.redrive.first_pause = Duration::from_millis(50);
        Local::open(config).unwrap()
    };
    let refuse = |_: &_, _| Err(ActionError::Later("not yet".to_owned()));
    let before = open(directory.path(), function("CountOrder", refuse).0);
    before.bus().put_events(&[entry("OrderCreated", "a", 1)]).await.unwrap();
    before.runner().run_until_idle(Duration::from_millis(300)).await.unwrap_err();
    assert_eq!(before.redrives()[0].events, 1);
    let left = killed(before, directory.path());
    let (counting, counted) = function("CountOrder", always);
    let after = open(left.path(), counting);
    assert_eq!((after.redrives()[0].events, &*after.redrives()[0].queue), (1, "analytics-redrive"));
    after.runner().run_until_idle(SOON).await.unwrap();
    assert_eq!(numbers(&counted), [1]);
    assert_eq!(after.redrives(), []);
}

#[tokio::test]
async fn dead_letters_their_cause_and_the_failed_attempts_survive() {
    let directory = tempfile::tempdir().unwrap();
    let refuse = |_: &_, _| Err(ActionError::Conflict("too late".to_owned()));
    let first = shop(directory.path(), function("CountOrder", refuse).0);
    first.bus().put_events(&[entry("OrderCreated", "a", 1)]).await.unwrap();
    first.runner().run_until_idle(SOON).await.unwrap();
    let letters = first.dead_letters(&Selection::default());
    first.runner().shutdown(SOON).await.unwrap();
    drop(first);
    let (counting, counted) = function("CountOrder", always);
    let second = shop(directory.path(), counting);
    assert_eq!(second.dead_letters(&Selection::default()), letters);
    let notes = second.attempts(&letters[0].event.event_id).await.unwrap();
    assert_eq!((notes[0].failures, notes[0].message.as_str()), (1, "too late"));
    second.redrive(&Selection::default()).await.unwrap();
    let left = killed(second, directory.path());
    let third = shop(left.path(), function("CountOrder", always).0);
    assert_eq!(third.dead_letters(&Selection::default()), [], "a redrive survives, too");
    third.runner().run_until_idle(SOON).await.unwrap();
    assert_eq!(counted.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn the_archive_is_read_in_order_and_replayed_from_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let (counting, counted) = function("CountOrder", always);
    let shop = shop(directory.path(), counting);
    for number in 0..5 {
        shop.bus().put_events(&[entry("OrderCreated", "a", number)]).await.unwrap();
    }
    shop.runner().run_until_idle(SOON).await.unwrap();
    let all = shop.archive(Timestamp::MIN, Timestamp::MAX, 0).await.unwrap();
    assert_eq!(all.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(shop.archive(Timestamp::MIN, all[0].at, 0).await.unwrap(), []);
    shop.runner().shutdown(SOON).await.unwrap();
    let replay = Replay {
        name: "again".to_owned(),
        from: Timestamp::MIN,
        to: Timestamp::MAX,
        rule: None,
        dry_run: false,
    };
    assert_eq!(shop.replay(&replay).await.unwrap().deliveries["analytics-CountOrder"], 5);
    let left = killed(shop, directory.path());
    let (counting, counted_again) = function("CountOrder", |message, _| {
        assert_eq!(message.metadata.replay_name.as_deref(), Some("again"));
        Ok(())
    });
    let after = self::shop(left.path(), counting);
    after.runner().run_until_idle(SOON).await.unwrap();
    assert_eq!(counted.lock().unwrap().len(), 5);
    assert_eq!(counted_again.lock().unwrap().len(), 5);
}

#[tokio::test]
async fn a_directory_belongs_to_one_process() {
    let directory = tempfile::tempdir().unwrap();
    let _first = shop(directory.path(), function("CountOrder", always).0);
    let second = LocalConfig::new(&TABLE, vec![]).data(directory.path());
    assert!(matches!(Local::open(second), Err(Error::InUse(_))));
}
