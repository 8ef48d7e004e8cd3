//! Delivers one message in the usual situations, such as again or twice at once, and checks that
//! its effect happens only once. The cost of each situation, in requests and in DynamoDB's units,
//! is compared with `costs.txt`.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use chorus_kernel::testing::expect_ready;
use chorus_kernel::{Clock, Failure, Message, Outcome, RECORD_LIFETIME};
use support::{Hook, Shop, event, order_created};

const KEY: &str = "c1b95b88";

fn estimated() -> String {
    let data = concat!(
        r#"{"order-id":"1073459984","customer-id":"456","total":39.80,"#,
        r#""deliver-by":"2026-11-22T10:47:00Z"}"#
    );
    event("DeliveryEstimated", "event", KEY, data)
}

#[test]
fn first_delivery() {
    let shop = Shop::with_stock(10);
    let cost = shop.cost();
    let answered = expect_ready(shop.reserve(&order_created(KEY, 2))).unwrap();
    assert_eq!(answered.outcome, Outcome::Decided);
    assert_eq!(shop.stock(), (8, 2, 0));
    assert_eq!(shop.published_types(), ["ItemReserved"]);
    cost.is("first delivery");
}

#[test]
fn duplicate_of_a_completed_one() {
    let shop = Shop::with_stock(10);
    expect_ready(shop.reserve(&order_created(KEY, 2))).unwrap();
    let first = shop.bus.entries();
    let cost = shop.cost();
    let answered = expect_ready(shop.reserve(&order_created(KEY, 2))).unwrap();
    assert_eq!(answered.outcome, Outcome::Repeated);
    assert_eq!(shop.stock(), (8, 2, 0));
    let both = shop.bus.entries();
    assert_eq!(both, [first.clone(), first].concat(), "the very same, byte for byte");
    cost.is("first duplicate of a completed one");
    let cost = shop.cost();
    let answered = expect_ready(shop.reserve(&order_created(KEY, 2))).unwrap();
    assert_eq!(answered.outcome, Outcome::Absorbed);
    assert_eq!(shop.published_types().len(), 2, "further duplicates publish nothing");
    cost.is("further duplicate of a completed one");
}

#[test]
fn duplicate_of_a_concurrent_one() {
    let shop = Arc::new(Shop::with_stock(10));
    let other = Arc::clone(&shop);
    // Two attempts read the same state. The attempt in this hook commits before the attempt below.
    shop.hook(Hook::Meanwhile(Box::pin(async move {
        let answered = other.reserve(&order_created(KEY, 2)).await.unwrap();
        assert_eq!(answered.outcome, Outcome::Decided);
    })));
    let cost = shop.cost();
    let answered = expect_ready(shop.reserve(&order_created(KEY, 2))).unwrap();
    assert_eq!(answered.outcome, Outcome::Repeated);
    assert_eq!(shop.stock(), (8, 2, 0));
    assert_eq!(shop.published_types(), ["ItemReserved", "ItemReserved"], "the very same event");
    cost.is("two at once, both together");
}

#[test]
fn expired_record() {
    let shop = Shop::with_stock(10);
    expect_ready(shop.reserve(&order_created(KEY, 2))).unwrap();
    // The record has expired but still exists, because TTL deletes late. The record must not count.
    shop.clock.advance(Duration::from_secs(RECORD_LIFETIME.unsigned_abs() + 1));
    let cost = shop.cost();
    let answered = expect_ready(shop.reserve(&order_created(KEY, 2))).unwrap();
    assert_eq!(answered.outcome, Outcome::Decided);
    assert_eq!(shop.stock(), (8, 2, 0), "the reservation itself remembers");
    assert_eq!(shop.published_types(), ["ItemReserved"]);
    cost.is("after its record expired");
}

#[test]
fn expired_command() {
    let shop = Shop::with_stock(10);
    let command =
        event("PutItem", "command", KEY, r#"{"sku":"chai","name":"Chai","price":1.00,"stock":99}"#);
    shop.clock.advance(Duration::from_secs(60));
    let failed = expect_ready(shop.reserve(&command)).unwrap_err();
    assert!(failed.is_retryable(), "an earlier delivery may still be handled: {failed}");
    shop.clock.advance(Duration::from_secs(300));
    let cost = shop.cost();
    let failed = expect_ready(shop.reserve(&command)).unwrap_err();
    assert!(!failed.is_retryable() && failed.code() == "CommandExpired", "{failed}");
    assert_eq!(shop.stock(), (10, 0, 0));
    cost.is("a command that expired");
}

/// The process was suspended for a minute, so the command has expired. The kernel writes no
/// idempotency record, so that the caller's next attempt with the same key can succeed.
#[test]
fn expired_command_of_a_caller() {
    let shop = Shop::with_stock(10);
    let json =
        event("PutItem", "command", KEY, r#"{"sku":"chai","name":"Chai","price":1.00,"stock":99}"#);
    let mut command = Message { redelivered: false, ..Message::from_event(&json).unwrap() };
    shop.clock.advance(Duration::from_secs(60));
    let failed = expect_ready(shop.put_item(&command)).unwrap_err();
    assert!(failed.is_retryable() && failed.code() == "CommandExpired", "{failed}");
    command.metadata.occurred_at = shop.clock.now();
    let answered = expect_ready(shop.put_item(&command)).unwrap();
    assert_eq!(answered.outcome, Outcome::Decided);
}

#[test]
fn failed_then_retried() {
    let shop = Shop::with_stock(10);
    shop.hook(Hook::Throttled);
    let cost = shop.cost();
    let failed = expect_ready(shop.reserve(&order_created(KEY, 2))).unwrap_err();
    assert!(failed.is_retryable(), "{failed}");
    assert_eq!(shop.stock(), (10, 0, 0));
    let answered = expect_ready(shop.reserve(&order_created(KEY, 2))).unwrap();
    assert_eq!(answered.outcome, Outcome::Decided);
    assert_eq!(shop.stock(), (8, 2, 0));
    assert_eq!(shop.published_types(), ["ItemReserved"]);
    cost.is("failed, then retried: both attempts");
}

#[test]
fn timed_out_before_the_commit() {
    let shop = Shop::with_stock(10);
    shop.hook(Hook::DiesBefore);
    assert!(support::dies(shop.reserve(&order_created(KEY, 2))));
    assert_eq!(shop.stock(), (10, 0, 0), "nothing is left behind");
    let cost = shop.cost();
    expect_ready(shop.reserve(&order_created(KEY, 2))).unwrap();
    assert_eq!(shop.stock(), (8, 2, 0));
    cost.is("timed out before the commit: the retry");
}

#[test]
fn timed_out_after_the_commit() {
    let shop = Shop::with_stock(10);
    shop.hook(Hook::DiesAfter);
    assert!(support::dies(shop.reserve(&order_created(KEY, 2))));
    assert_eq!(
        (shop.stock(), shop.published_types().len()),
        ((8, 2, 0), 0),
        "committed, and not said"
    );
    let cost = shop.cost();
    let answered = expect_ready(shop.reserve(&order_created(KEY, 2))).unwrap();
    assert_eq!(answered.outcome, Outcome::Repeated);
    assert_eq!(shop.stock(), (8, 2, 0));
    assert_eq!(shop.published_types(), ["ItemReserved"]);
    cost.is("timed out after the commit: the retry");
}

#[test]
fn record_lost_mid_way() {
    let shop = Shop::with_stock(10);
    shop.hook(Hook::Lost);
    let failed = expect_ready(shop.reserve(&order_created(KEY, 2))).unwrap_err();
    assert!(failed.is_retryable(), "whether it wrote is unknown");
    let cost = shop.cost();
    let answered = expect_ready(shop.reserve(&order_created(KEY, 2))).unwrap();
    assert_eq!(answered.outcome, Outcome::Repeated);
    assert_eq!(shop.stock(), (8, 2, 0));
    assert_eq!(shop.published_types(), ["ItemReserved"]);
    cost.is("the commit's answer was lost: the retry");
}

#[test]
fn published_but_not_marked() {
    let shop = Shop::with_stock(10);
    expect_ready(shop.reserve(&order_created(KEY, 2))).unwrap();
    shop.hook_second(Hook::DiesBefore);
    assert!(support::dies(shop.reserve(&order_created(KEY, 2))));
    assert_eq!(
        shop.published_types().len(),
        2,
        "the duplicate published, and died before its mark"
    );
    let cost = shop.cost();
    let answered = expect_ready(shop.reserve(&order_created(KEY, 2))).unwrap();
    assert_eq!(answered.outcome, Outcome::Repeated);
    cost.is("published again but not marked: the retry");
    let answered = expect_ready(shop.reserve(&order_created(KEY, 2))).unwrap();
    assert_eq!(answered.outcome, Outcome::Absorbed);
    assert_eq!(shop.published_types().len(), 3);
}

#[test]
fn payload_changed_under_the_same_key() {
    let shop = Shop::with_stock(10);
    expect_ready(shop.reserve(&order_created(KEY, 2))).unwrap();
    let cost = shop.cost();
    let refused = expect_ready(shop.reserve(&order_created(KEY, 3))).unwrap_err();
    assert!(matches!(refused, Failure::Terminal { code: "KeyReused", .. }), "{refused}");
    assert_eq!(shop.stock(), (8, 2, 0));
    assert_eq!(shop.published_types(), ["ItemReserved"]);
    cost.is("another payload under the same key");
}

#[test]
fn key_order_in_json_is_irrelevant() {
    let shop = Shop::with_stock(10);
    let sku = r#""sku":"chai""#;
    let one = order_created(KEY, 2);
    let other = one.replace(&format!("{sku},\"quantity\":2"), &format!("\"quantity\":2,{sku}"));
    assert_ne!(one, other);
    expect_ready(shop.reserve(&one)).unwrap();
    let cost = shop.cost();
    let answered = expect_ready(shop.reserve(&other)).unwrap();
    assert_eq!(answered.outcome, Outcome::Repeated, "the first duplicate");
    assert_eq!(shop.stock(), (8, 2, 0));
    cost.is("the same in another order of keys");
}

#[test]
fn two_consumers_of_one_event_are_apart() {
    let shop = Shop::with_stock(10);
    let message = order_created(KEY, 2);
    expect_ready(shop.reserve(&message)).unwrap();
    let cost = shop.cost();
    let answered = expect_ready(shop.count(&message)).unwrap();
    assert_eq!(answered.outcome, Outcome::Decided, "each consumer has its own record");
    assert_eq!(expect_ready(shop.count(&message)).unwrap().outcome, Outcome::Absorbed);
    assert_eq!((shop.stock(), shop.counted()), ((8, 2, 0), 1));
    cost.is("another consumer of the same event, twice");
}

#[test]
fn unknown_status_of_a_charge() {
    let shop = Shop::with_stock(10);
    shop.bank.loses_its_next_answer();
    let failed = expect_ready(shop.pay(&estimated())).unwrap_err();
    assert!(failed.is_retryable(), "{failed}");
    assert_eq!(shop.bank.charges(), 1, "the bank charged; its answer was lost");
    let cost = shop.cost();
    let answered = expect_ready(shop.pay(&estimated())).unwrap();
    assert_eq!(answered.outcome, Outcome::Decided);
    assert_eq!((shop.bank.charges(), shop.bank.requests()), (1, 2), "asked twice, charged once");
    assert_eq!(shop.published_types(), ["PaymentMade"]);
    cost.is("a charge of unknown status: the retry");
}

#[test]
fn replayed_before_the_original() {
    let shop = Shop::with_stock(10);
    let replayed = estimated().replacen('{', r#"{"replay-name":"r-1","#, 1);
    let cost = shop.cost();
    assert_eq!(expect_ready(shop.pay(&replayed)).unwrap().outcome, Outcome::Suppressed);
    assert_eq!(
        (shop.bank.requests(), shop.published_types().len()),
        (0, 0),
        "a replay reaches nobody outside"
    );
    cost.is("a replay that would reach outside");
    assert_eq!(expect_ready(shop.pay(&estimated())).unwrap().outcome, Outcome::Decided);
    assert_eq!(shop.bank.charges(), 1, "its original is answered all the same");
    assert_eq!(shop.published_types(), ["PaymentMade"]);
}

#[test]
fn replayed_after_the_original() {
    let shop = Shop::with_stock(10);
    let original = order_created(KEY, 2);
    let replayed = original.replacen('{', r#"{"replay-name":"r-1","#, 1);
    expect_ready(shop.reserve(&original)).unwrap();
    let cost = shop.cost();
    assert_eq!(expect_ready(shop.reserve(&replayed)).unwrap().outcome, Outcome::Absorbed);
    assert_eq!(shop.stock(), (8, 2, 0));
    assert_eq!(shop.published_types(), ["ItemReserved"], "a replay publishes nothing again");
    cost.is("a replay of a completed one");
}
