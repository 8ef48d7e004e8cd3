//! Recurring schedules start their jobs, and survive the jobs' failures.
#![allow(clippy::unwrap_used)]

mod harness;

use chorus_test_table::TABLE;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chorus_kernel::{Failure, Kernel};
use chorus_local::{FORGET, Job, Local, LocalConfig, Schedule, VirtualClock, Work};
use jiff::Timestamp;

/// A job that counts its runs. The second run fails, and the third run panics.
#[derive(Default)]
struct Counts(AtomicU32);

#[async_trait]
impl Job for Counts {
    async fn run(&self, _: &Kernel) -> Result<(), Failure> {
        match self.0.fetch_add(1, Ordering::Relaxed) {
            1 => Err(Failure::later("Unlucky", "this time not")),
            2 => panic!("the third time it panics"),
            _ => Ok(()),
        }
    }
}

fn shop(every: u64) -> (Local, VirtualClock, Arc<Counts>) {
    let clock = VirtualClock::at(Timestamp::from_second(1_000_000).unwrap());
    let counts = Arc::new(Counts::default());
    let mut config = LocalConfig::new(&TABLE, vec![]).virtual_time(&clock);
    let schedule = Schedule { job: "count", every: Duration::from_secs(every) };
    config.schedules.push((schedule, Arc::clone(&counts) as Arc<dyn Job>));
    (Local::open(config).unwrap(), clock, counts)
}

#[tokio::test]
async fn a_job_runs_in_its_time_and_again_though_it_failed_or_panicked() {
    let (shop, clock, counts) = shop(10);
    shop.runner().start();
    for ran in 1..=5 {
        clock.advance(Duration::from_secs(10));
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(counts.0.load(Ordering::Relaxed), ran);
    }
}

#[tokio::test]
async fn a_job_runs_although_no_process_lasts_until_it_is_due() {
    let directory = tempfile::tempdir().unwrap();
    let clock = VirtualClock::at(Timestamp::from_second(1_000_000).unwrap());
    let mut ran = Vec::new();
    for start in 0..14 {
        let mut config = LocalConfig::new(&TABLE, vec![]).data(directory.path());
        config.clock = Arc::new(clock.clone());
        let local = Local::open(config).unwrap();
        let due = local.bus().take_due(10);
        ran.extend(due.iter().filter(|work| matches!(work, Work::Job(FORGET))).map(|_| start));
        local.runner().shutdown(Duration::from_secs(5)).await.unwrap();
        drop(local);
        clock.advance(Duration::from_secs(600));
    }
    assert_eq!(ran, [6, 12], "every hour, at a start");
}

#[tokio::test]
async fn waiting_for_rest_does_not_wait_for_schedules() {
    let (shop, _, counts) = shop(10);
    shop.runner().run_until_idle(Duration::from_secs(5)).await.unwrap();
    assert_eq!(counts.0.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_job_does_not_overtake_itself_and_what_was_missed_is_not_made_up_for() {
    let (shop, clock, _) = shop(10);
    clock.advance(Duration::from_secs(35));
    let first = shop.bus().take_due(10);
    assert!(matches!(first[..], [Work::Job("count")]));
    clock.advance(Duration::from_secs(20));
    assert!(shop.bus().take_due(10).is_empty(), "it is still running");
    shop.bus().finish("count");
    assert!(matches!(shop.bus().take_due(10)[..], [Work::Job("count")]));
}
