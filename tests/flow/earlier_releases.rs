//! Data directories of earlier releases open, and their orders go on to their ends.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use chorus_kernel::Clock;
use chorus_local::SystemClock;
use chorus_shop::{Shop, ShopConfig};
use chorus_tests::TestShop;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// A clock that runs as the system's does, but stood at a given instant when it was made: what a
/// release left waits for hours or days, and would have timed out by the date on which the test
/// runs.
struct ClockSince {
    behind: SignedDuration,
}

impl ClockSince {
    fn of(instant: &str) -> Self {
        let instant: Timestamp = instant.parse().unwrap();
        Self { behind: Timestamp::now().duration_since(instant) }
    }
}

#[async_trait::async_trait]
impl Clock for ClockSince {
    fn now(&self) -> Timestamp {
        Timestamp::now() - self.behind
    }

    async fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration).await;
    }
}

/// The directory that `release` left when it was killed, unpacked.
fn left_by(release: &str) -> tempfile::TempDir {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let to = tempfile::tempdir().unwrap();
    let unpacked = Command::new("tar")
        .arg("-xzf")
        .arg(fixtures.join(format!("{release}.tar.gz")))
        .arg("-C")
        .arg(to.path())
        .status();
    assert!(unpacked.unwrap().success());
    to
}

async fn open(data: &Path, clock: ClockSince) -> TestShop {
    let clock = Arc::new(clock);
    let config = ShopConfig { data: Some(data.into()), clock, ..ShopConfig::default() };
    TestShop { shop: Shop::start(&config).await.unwrap() }
}

async fn orders_of(test: &TestShop, customer: &str) -> Vec<String> {
    let path = format!("/orders?customer-id={customer}");
    let page = test.ok("GET", &path, Value::Null).await.unwrap();
    let orders = page["orders"].as_array().unwrap().iter();
    orders.map(|order| order["order-id"].as_str().unwrap().to_owned()).collect()
}

/// Kept of commit c92b2c2: killed on 2026-11-28 at 21:24 UTC, with orders that had ended, one that waited for a reviewer, one
/// that waited for the carrier, and some on their way.
#[tokio::test(flavor = "multi_thread")]
async fn the_orders_that_the_first_release_left_all_end() {
    let data = left_by("c92b2c2");
    let test = open(data.path(), ClockSince::of("2026-11-28T21:25:00Z")).await;
    let [reviewed] = &orders_of(&test, "rosa").await[..] else { panic!("rosa ordered once") };
    test.review(reviewed, "approve").await.unwrap();
    assert_eq!(test.ended(reviewed).await.unwrap()["status"], "Delivered");
    let mut ends = Vec::new();
    for customer in ["ana", "declined-dora", "carrier-slow-carl"] {
        for order in orders_of(&test, customer).await {
            ends.push((customer, test.ended(&order).await.unwrap()["status"].clone()));
        }
    }
    let canceled = |customer: &str| customer == "declined-dora";
    for (customer, status) in &ends {
        let expected = if canceled(customer) { "Canceled" } else { "Delivered" };
        assert_eq!(*status, json!(expected), "{customer}");
    }
    assert!(ends.len() >= 8, "{ends:?}");
    test.books().await.unwrap();
    assert!(test.shop.local().dead_letters(&chorus_local::Selection::default()).is_empty());
}
