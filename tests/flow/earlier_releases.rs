//! This release opens the data directories of earlier releases, and their open orders end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use chorus_kernel::{Clock, text};
use chorus_local::SystemClock;
use chorus_shop::upgrade::{ProblemKind, rehearse};
use chorus_shop::{Shop, ShopConfig};
use chorus_tests::TestShop;
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use serde_json::{Value, json};

/// The releases whose data directories are tested: commit, a time just after the shop was killed,
/// and number of open orders. `scripts/freeze.py` makes the directory of a release. The second
/// directory has orders at each step of the flow, and orders that wait for a reviewer, for a silent
/// carrier and for an unavailable carrier.
const RELEASES: [(&str, &str, usize); 2] =
    [("c92b2c2", "2026-11-28T21:25:00Z", 8), ("0bac6b8", "2026-11-29T07:33:00Z", 63)];

/// A clock that runs like the system's, but starts at a given time. A release's directory has
/// timeouts of hours or days. By the system's clock, all these timeouts would have passed.
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

/// Unpacks the directory that `release` left when it was killed.
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

/// Reads the bytes of every file in the data directory. The index of SQLite's write-ahead log is
/// left out, because every reader makes a new index.
fn bytes_in(data: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path());
    let kept = files.filter(|path| !path.to_string_lossy().ends_with("-shm"));
    kept.map(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read(&path).unwrap())
    })
    .collect()
}

fn engine_of(data: &Path) -> Connection {
    Connection::open(data.join("engine.db")).unwrap()
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

/// The shop of commit c92b2c2 was killed on 2026-11-28 at 21:24 UTC. Some of its orders had ended,
/// one waited for a reviewer, one waited for the carrier, and some were in progress.
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

/// The first release stored names and addresses in the clear. When a customer is forgotten, the
/// names and addresses that can be found by the customer's id are erased; docs/SECURITY.md lists
/// what stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_whom_an_earlier_release_stored_in_the_clear_is_forgotten() {
    let data = left_by("c92b2c2");
    let test = open(data.path(), ClockSince::of("2026-11-28T21:25:00Z")).await;
    let known = test.ok("GET", "/customers/ana", Value::Null).await.unwrap();
    let email = known["email"].as_str().unwrap().to_owned();
    let holds = |place: (&'static str, &str)| {
        let (table, pk) = place;
        let items = test.shop.local().store().scan(table, None, None).unwrap().items;
        let mut items = items.into_iter().filter(|item| text(item, "pk") == Some(pk));
        format!("{:?}", items.next().unwrap()).contains(&email)
    };
    let places = [("customer", "customer#ana"), ("notification", "contact#ana")];
    assert!(places.iter().all(|place| holds(*place)), "the release stored it in the clear");
    let forget = "/customers/ana?despite-orders-under-way=true";
    test.ok("DELETE", forget, Value::Null).await.unwrap();
    let erased = async {
        while places.iter().any(|place| holds(*place)) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), erased).await.unwrap();
    assert!(test.ok("GET", "/customers/ana", Value::Null).await.is_err());
}

/// A rehearsal, which runs a copy of the data on virtual time, has no reviewers. An order that
/// waits for a reviewer is canceled when its review times out.
#[tokio::test]
async fn a_rehearsal_says_how_orders_of_an_earlier_release_would_end_and_changes_nothing() {
    for (release, left_at, under_way) in RELEASES {
        let data = left_by(release);
        let before = bytes_in(data.path());
        let rehearsal = rehearse(data.path(), left_at.parse().unwrap()).await.unwrap();
        assert_eq!(rehearsal.problems, [], "{release}");
        assert_eq!(rehearsal.under_way, under_way, "{release}");
        assert_eq!(rehearsal.delivered + rehearsal.canceled, under_way, "{rehearsal:?}");
        assert!(rehearsal.delivered > 0 && rehearsal.canceled > 0, "{rehearsal:?}");
        assert!(bytes_in(data.path()) == before, "the directory of {release} has changed");
    }
}

/// The test changes the version of the earlier release's events, so that this release cannot read
/// them.
#[tokio::test]
async fn a_rehearsal_names_the_events_that_are_refused() {
    let data = left_by("c92b2c2");
    let changed = engine_of(data.path())
        .execute(
            r#"UPDATE events SET json = replace(json, '"version":1,', '"version":99,')
               WHERE sequence IN (SELECT event FROM deliveries WHERE queue IS NULL)"#,
            [],
        )
        .unwrap();
    assert!(changed > 0, "nothing was under way");
    let now = "2026-11-28T21:25:00Z".parse().unwrap();
    let problems = rehearse(data.path(), now).await.unwrap().problems;
    let mut refused = problems.iter().filter(|it| it.kind == ProblemKind::Refused);
    assert!(refused.any(|it| it.what.contains("version 99 is unknown here")), "{problems:?}");
}

/// The test deletes the executions that the earlier release had started.
#[tokio::test]
async fn a_rehearsal_names_the_orders_that_would_get_stuck() {
    let data = left_by("c92b2c2");
    let store = Connection::open(data.path().join("store.db")).unwrap();
    let tables = ["executions", "executions::gsi::by-order", "executions::gsi::waking"];
    let deleted = tables.map(|it| store.execute(&format!("DELETE FROM \"{it}\""), []).unwrap());
    assert!(deleted[0] > 0, "nothing was under way");
    drop(store);
    let now = "2026-11-28T21:25:00Z".parse().unwrap();
    let rehearsal = rehearse(data.path(), now).await.unwrap();
    let stuck = rehearsal.problems.iter().filter(|it| it.kind == ProblemKind::Stuck);
    let ended = rehearsal.delivered + rehearsal.canceled;
    assert_eq!(stuck.count(), rehearsal.under_way - ended, "{rehearsal:?}");
    assert!(ended < rehearsal.under_way, "{rehearsal:?}");
}

/// The test changes the idempotency keys of events that were handled, and delivers the events
/// again. This release does not recognize them as duplicates.
#[tokio::test]
async fn a_rehearsal_names_what_would_be_done_twice() {
    let data = left_by("c92b2c2");
    let engine = engine_of(data.path());
    let delivered = r#"json LIKE '%"detail-type":"OrderDelivered"%'"#;
    let key = r#"UPDATE events SET json =
        replace(json, '"idempotency-key":"', '"idempotency-key":"0') WHERE "#;
    assert!(engine.execute(&format!("{key}{delivered}"), []).unwrap() > 0, "no order had ended");
    let again = r#"INSERT INTO deliveries (id, event, rule, attempts, first_at, due_at, forced)
        SELECT 1000000 + sequence, sequence, 'notification-SendEmail', 0, at, at, 0
        FROM events WHERE "#;
    engine.execute(&format!("{again}{delivered}"), []).unwrap();
    drop(engine);
    let now = "2026-11-28T21:25:00Z".parse().unwrap();
    let rehearsal = rehearse(data.path(), now).await.unwrap();
    let mut repeated = rehearsal.problems.iter().filter(|it| it.kind == ProblemKind::Repeated);
    let twice = "2 different EmailSent are published because of one event";
    assert!(repeated.any(|it| it.what == twice), "{:?}", rehearsal.problems);
}

#[tokio::test]
async fn a_shop_that_runs_is_not_rehearsed_and_what_holds_none_neither() {
    let data = tempfile::tempdir().unwrap();
    let none = rehearse(data.path(), Timestamp::now()).await.unwrap_err();
    assert!(none.to_string().starts_with("there is no shop in"), "{none}");
    let config = ShopConfig { data: Some(data.path().into()), ..ShopConfig::default() };
    let running = Shop::start(&config).await.unwrap();
    let refused = rehearse(data.path(), Timestamp::now()).await.unwrap_err();
    assert!(refused.to_string().contains("a shop runs on"), "{refused}");
    running.stop().await.unwrap();
}
