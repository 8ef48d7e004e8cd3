//! The failover drill: a shop fails, and a second shop takes over with an incomplete copy of the
//! first shop's data. After that, the first shop takes over again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use chorus_kernel::{IDEMPOTENCY_TABLE, Item, Key, Store, Write};
use chorus_local::DynoxideStore;
use chorus_payment::{Movement, ledger};
use chorus_shop::{Accounts, Partners};
use serde_json::{Value, json};

use crate::operating::ask;
use crate::running::{Running, until};
use crate::{chorus, stdout_of, well};

const CUSTOMERS: [&str; 6] = [
    "ana",
    "ben-declined",
    "cleo-carrier-cancels",
    "dora-provider-twice",
    "emil-carrier-twice",
    "finn-carrier-slow",
];

/// How many orders are placed in each part of the drill.
const ORDERS: usize = 12;

/// Places orders; returns the ids of the orders that were acknowledged.
fn place(url: &str, numbers: std::ops::Range<usize>) -> BTreeSet<String> {
    let (runtime, client) = (tokio::runtime::Runtime::new().unwrap(), reqwest::Client::new());
    let orders = numbers.map(|number| {
        let order = json!({
            "customer-id": CUSTOMERS[number % CUSTOMERS.len()],
            "lines": [{ "sku": "chai", "quantity": 1 + number % 3 }],
            "shipping-address":
                { "name": "Ana", "street": "Street 1", "city": "Berlin", "country": "DE" },
        });
        let request = client.post(format!("{url}/orders")).body(order.to_string());
        let request = request.header("content-type", "application/json");
        let request = request.header("idempotency-key", format!("order-{number}"));
        let answer =
            runtime.block_on(async { request.send().await.unwrap().text().await.unwrap() });
        let placed: Value = serde_json::from_str(&answer).unwrap();
        placed["order-id"].as_str().unwrap_or_else(|| panic!("{placed}")).to_owned()
    });
    orders.collect()
}

fn open_shop(data: &Path) -> Running {
    let running = Running::on(data);
    let url = running.url.as_str();
    ask(url, "PUT", "/items/chai", &json!({ "name": "Chai", "price": 18, "stock": 10_000 }));
    for customer in CUSTOMERS {
        let kept = json!({ "name": customer, "email": "somebody@example.com" });
        ask(url, "PUT", &format!("/customers/{customer}"), &kept);
    }
    // The shop refuses orders until the Order service has stored the price from an event.
    until("the price", || {
        let order = ["order", "--url", url, "place", "--customer", "ana", "--line", "chai:1"];
        let key = ["--idempotency-key", "price"];
        chorus(&[&order[..], &key].concat()).status.success()
    });
    running
}

fn accounts(url: &str) -> Accounts {
    let answer = ask(url, "GET", "/operator/accounts", &Value::Null);
    serde_json::from_value(answer.clone()).unwrap_or_else(|_| panic!("{answer}"))
}

/// Waits until every order has ended and the accounts add up, and returns the accounts. Even after
/// that, the shop may retry events of lost orders.
fn wait_until_ended(url: &str) -> Accounts {
    let ended = |books: &Accounts| {
        books.orders.iter().all(|order| order.status != chorus_order::Status::Open)
            && books.problems.is_empty()
    };
    // A function that fails on a busy machine is tried again after a minute, and again after
    // another two minutes, so this loop waits for six minutes.
    for _ in 0..1_800 {
        let books = accounts(url);
        if ended(&books) {
            return books;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    let doctor = stdout_of(&chorus(&["doctor", "--url", url]));
    panic!("some orders have not ended within six minutes: {:?}\n{doctor}", accounts(url).problems);
}

fn ids(accounts: &Accounts) -> BTreeSet<String> {
    accounts.orders.iter().map(|order| order.order_id.to_string()).collect()
}

/// Copies to the second shop some of the items that the first shop wrote after the backup, as if
/// replication had lost the other items. Items are chosen one by one, so perhaps only one item of a
/// transaction arrives. Returns how many items arrived, and how many were lost.
fn lag(first: &Path, second: &Path) -> (usize, usize) {
    let open = |data: &Path| DynoxideStore::open(&data.join("store.db"), &[]).unwrap();
    let (first, second) = (open(first), open(second));
    let services = chorus_services::described()
        .into_iter()
        .filter(|it| !matches!(it.function.service.name, "storefront" | "enterprise"));
    let tables = services.flat_map(|service| service.function.tables).map(|table| table.name);
    let tables: BTreeSet<&'static str> = tables.chain([IDEMPOTENCY_TABLE.name]).collect();
    let (mut arrived, mut lost) = (0, 0);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for table in tables {
        let known = keyed(table, second.all(table).unwrap());
        for (key, item) in keyed(table, first.all(table).unwrap()) {
            if known.get(&key) == Some(&item) {
                continue;
            }
            if arrives(&format!("{table} {} {}", key.pk, key.sk)) {
                arrived += 1;
                let put = Write::Put { key, item, condition: None };
                runtime.block_on(second.write(&[put])).unwrap();
            } else {
                lost += 1;
            }
        }
    }
    (arrived, lost)
}

fn keyed(table: &'static str, items: Vec<Item>) -> BTreeMap<Key, Item> {
    items.into_iter().map(|item| (Key::of(table, &item).unwrap(), item)).collect()
}

/// Whether the item with this key arrives in the second directory: about half of all items do.
fn arrives(key: &str) -> bool {
    chorus_kernel::derived_id("arrives", key, 0).as_u128().is_multiple_of(2)
}

/// Returns the orders for which the shop's payment provider charged more than it refunded.
fn kept_charges(data: &Path) -> BTreeSet<String> {
    let store = DynoxideStore::open(&data.join(Partners::FILE), &Partners::TABLES).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut sums = BTreeMap::<String, (usize, i64)>::new();
    for entry in runtime.block_on(ledger(&store)).unwrap() {
        let (charges, sum) = sums.entry(entry.order_id.to_string()).or_default();
        match entry.movement {
            Movement::Charge => (*charges, *sum) = (*charges + 1, *sum + entry.amount.minor()),
            Movement::Refund => *sum -= entry.amount.minor(),
        }
    }
    assert!(sums.values().all(|(charges, sum)| *charges <= 1 && *sum >= 0), "{sums:?}");
    sums.into_iter().filter(|(_, (_, sum))| *sum > 0).map(|(order, _)| order).collect()
}

fn words<'a>(first: &'a str, second: &'a str) -> [&'a str; 5] {
    ["failover", "--from", first, "--to", second]
}

#[test]
fn a_shop_takes_over_from_one_that_went_away_with_a_copy_that_lags_and_the_first_gets_its_place_back()
 {
    let place_of = tempfile::tempdir().unwrap();
    let path = |name: &str| place_of.path().join(name);
    let text_of = |name: &str| path(name).display().to_string();
    let (first, second) = (text_of("first"), text_of("second"));

    let running = open_shop(&path("first"));
    let before = place(&running.url, 0..ORDERS);
    well(&["backup", "--url", &running.url, &text_of("copy")]);
    let within = place(&running.url, ORDERS..2 * ORDERS);
    std::thread::sleep(Duration::from_millis(400));
    running.kill();
    well(&["restore", &text_of("copy"), "--data", &second]);
    let (arrived, lost_items) = lag(&path("first"), &path("second"));
    assert!(arrived > 10 && lost_items > 10, "{arrived} arrived, {lost_items} lost");

    // Follows the runbook: a dry run changes nothing, so a second dry run has the same plan.
    let dry = || -> Value {
        serde_json::from_str(&well(&[&words(&first, &second)[..], &["--json"]].concat())).unwrap()
    };
    let planned = dry();
    assert_eq!((&planned["dry-run"], &planned), (&json!(true), &dry()));
    assert!(planned["plan"]["changed"].as_u64().unwrap() > 0, "{planned}");
    let read = well(&words(&first, &second));
    assert!(read.contains("Nothing was changed. Add --yes to do it."), "{read}");
    let done = chorus(&[&words(&first, &second)[..], &["--yes"]].concat());
    let said = stdout_of(&done);
    assert!(
        done.status.success() && said.contains("second is active, and first no longer is"),
        "{said}"
    );
    let again = well(&[&words(&first, &second)[..], &["--yes"]].concat());
    assert!(again.contains("second is already active"), "{again}");

    // The first shop starts again, and refuses requests, because the second shop is the active one.
    let fenced = Running::on(&path("first"));
    let refused =
        ask(&fenced.url, "PUT", "/customers/ana", &json!({ "name": "A", "email": "a@b.example" }));
    assert_eq!(refused["status"], 503, "{refused}");
    fenced.kill();

    let running = Running::on(&path("second"));
    let books = wait_until_ended(&running.url);
    let known = ids(&books);
    let missing: Vec<_> = before.difference(&known).collect();
    assert!(missing.is_empty(), "orders from before the backup are lost: {missing:?}");
    let lost: BTreeSet<String> = within.difference(&known).cloned().collect();
    let delivered = |books: &Accounts| {
        let delivered =
            books.orders.iter().filter(|it| it.status == chorus_order::Status::Delivered);
        delivered.map(|it| it.order_id.to_string()).collect::<BTreeSet<_>>()
    };
    assert!(!delivered(&books).is_empty());

    // A planned switch back: everything is copied, and nothing is lost.
    let after = place(&running.url, 2 * ORDERS..3 * ORDERS);
    assert!(running.interrupt().success());
    assert_eq!(
        kept_charges(&path("second")).intersection(&lost).count(),
        0,
        "charges of lost orders must be refunded"
    );
    well(&["backup", "--data", &second, &text_of("copy-back")]);
    std::fs::remove_dir_all(path("first")).unwrap();
    well(&["restore", &text_of("copy-back"), "--data", &first]);
    let back = well(&[&words(&second, &first)[..], &["--yes"]].concat());
    assert!(back.contains("first is active, and second no longer is"), "{back}");
    let running = Running::on(&path("first"));
    let books = wait_until_ended(&running.url);
    let all: BTreeSet<String> = known.union(&after).cloned().collect();
    assert_eq!(ids(&books), all);
    assert!(running.interrupt().success());
    assert_eq!(kept_charges(&path("first")), delivered(&books));
}

/// Runs a command, which must fail, and returns its error.
#[track_caller]
fn refused(arguments: &[&str]) -> String {
    let output = chorus(arguments);
    assert!(!output.status.success(), "chorus {arguments:?}: {}", stdout_of(&output));
    String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn only_a_fresh_copy_takes_over_and_what_was_interrupted_is_finished_first() {
    let place_of = tempfile::tempdir().unwrap();
    let text_of = |name: &str| place_of.path().join(name).display().to_string();
    let (first, second, other) = (text_of("first"), text_of("second"), text_of("other"));
    open_shop(Path::new(&other)).kill();
    open_shop(Path::new(&first)).kill();
    well(&["backup", "--data", &first, &text_of("copy")]);
    well(&["restore", &text_of("copy"), "--data", &second]);
    let running = Running::on(Path::new(&first));
    let order = ["order", "--url", &running.url, "place", "--customer", "ana", "--line", "chai:1"];
    well(&order);
    running.kill();

    let same = refused(&words(&first, &first));
    assert!(same.contains("must be two directories"), "{same}");
    let unrelated = refused(&words(&first, &other));
    assert!(unrelated.contains("was not restored from a backup of"), "{unrelated}");
    let empty = text_of("empty");
    Running::on(Path::new(&empty)).kill();
    let unrelated = refused(&words(&first, &empty));
    assert!(unrelated.contains("was not restored from a backup of"), "{unrelated}");
    let backwards = refused(&words(&second, &first));
    assert!(backwards.contains("has later events than"), "{backwards}");

    let store = DynoxideStore::open(&Path::new(&second).join("store.db"), &[]).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let regions =
        chorus_shop::failover::Regions { from: "first".to_owned(), to: "second".to_owned() };
    let cancels = BTreeSet::new();
    let begun = chorus_shop::failover::begin(
        &store,
        "ana",
        &regions,
        chorus_shop::failover::Step::Repair,
        &cancels,
    );
    let _interrupted = runtime.block_on(begun).unwrap();
    drop(store);
    let early = refused(&["up", "--port", "0", "--data", &second]);
    assert!(early.contains("from first to") && early.contains("was interrupted"), "{early}");
    well(&[&words(&first, &second)[..], &["--yes"]].concat());
    Running::on(Path::new(&second)).kill();

    let stale = refused(&[&words(&second, &first)[..], &["--yes"]].concat());
    assert!(stale.contains("older than the last failover of"), "{stale}");
}
