//! If a setting of the shop is changed, rules, services, state machines and `chorus doctor` use the
//! new value for new orders. An order keeps the settings under which it was placed.

use chorus_events::{Money, Settings};
use chorus_shop::doctor::examine;
use chorus_shop::{DELIVERY_DEADLINE, ShopConfig};
use chorus_tests::{TestShop, order_of};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The home country of a shop in France.
const ELSEWHERE: &str = "FR";

fn numbers(home_country: &str, review_above: i64) -> Settings {
    let review_above = Money::from_minor(review_above * 100);
    Settings { home_country: home_country.parse().unwrap(), review_above, ..Settings::DEFAULT }
}

/// Places an order of chai, at 18 a piece, that goes to `country`.
async fn order_to(test: &TestShop, country: &str, pieces: u32) -> String {
    let mut body = order_of("ana", "chai", pieces);
    body["shipping-address"]["country"] = json!(country);
    let key = format!("{country}-{pieces}");
    let answer = test.raw("POST", "/orders", Some(&key), body.to_string()).await.unwrap();
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.body["order-id"].as_str().unwrap().to_owned()
}

async fn order(test: &TestShop, id: &str) -> Value {
    test.ok("GET", &format!("/orders/{id}"), Value::Null).await.unwrap()
}

/// Returns how many days after its placement the order should arrive.
async fn days(test: &TestShop, id: &str) -> i64 {
    let order = order(test, id).await;
    let time = |value: &Value| -> Timestamp { value.as_str().unwrap().parse().unwrap() };
    let takes = time(&order["delivery"]["deliver-by"]).duration_since(time(&order["placed-at"]));
    (takes.as_hours() + 12) / 24
}

/// Returns the actions that the doctor would report as overdue if it ran a day later.
async fn missing(test: &TestShop) -> Vec<String> {
    let soon = Timestamp::now() + SignedDuration::from_hours(25);
    let store = test.shop.local().store();
    let checkup = examine(store.as_ref(), soon, Timestamp::UNIX_EPOCH).await.unwrap();
    checkup.stuck.into_iter().map(|stuck| stuck.action).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_home_country_decides_what_customs_declare_and_how_long_a_parcel_takes() {
    for (home, abroad) in [("DE", "FR"), (ELSEWHERE, "DE")] {
        let config = ShopConfig { settings: numbers(home, 1_000), ..ShopConfig::default() };
        let test = TestShop::with(config, &["ana"]).await.unwrap();
        for (country, declared, takes) in [(home, false, 2), (abroad, true, 5)] {
            let id = order_to(&test, country, 1).await;
            test.ended(&id).await.unwrap();
            let event_names = test.event_names(&id).await.unwrap();
            let customs = event_names.contains(&"CustomsDeclared".to_owned());
            assert_eq!(customs, declared, "from {home} to {country}: {event_names:?}");
            assert_eq!(days(&test, &id).await, takes, "from {home} to {country}");
        }
        assert_eq!(missing(&test).await, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_threshold_decides_what_is_reviewed() {
    let config = ShopConfig { settings: numbers("DE", 54), ..ShopConfig::default() };
    let test = TestShop::with(config, &["ana"]).await.unwrap();
    let below = order_to(&test, "DE", 2).await;
    let at = order_to(&test, "DE", 3).await;
    assert_eq!(test.ended(&below).await.unwrap()["status"], "Delivered");
    test.rest().await.unwrap();
    assert_eq!(order(&test, &at).await["payment"]["status"], "in-review");
    assert!(missing(&test).await.contains(&"ReviewOrder".to_owned()));
    test.review(&at, "approve").await.unwrap();
    assert_eq!(test.ended(&at).await.unwrap()["status"], "Delivered");
    assert_eq!(missing(&test).await, Vec::<String>::new());
    test.books().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_judged_by_the_threshold_that_it_was_placed_under() {
    for (placed_under, later, reviewed) in [(50, 1_000, true), (1_000, 50, false)] {
        let directory = tempfile::tempdir().unwrap();
        let config = |review_above| ShopConfig {
            data: Some(directory.path().to_owned()),
            settings: numbers("DE", review_above),
            ..ShopConfig::default()
        };
        let test = TestShop::with(config(placed_under), &["ana"]).await.unwrap();
        let id = order_to(&test, "DE", 4).await;
        // The order's events are on the bus; the next process delivers them.
        test.shop.stop().await.unwrap();
        drop(test);
        let test = TestShop::with(config(later), &["ana"]).await.unwrap();
        test.rest().await.unwrap();
        if reviewed {
            assert_eq!(order(&test, &id).await["payment"]["status"], "in-review");
            test.review(&id, "decline").await.unwrap();
        }
        let ended = test.ended(&id).await.unwrap();
        assert_eq!(ended["status"], if reviewed { "Canceled" } else { "Delivered" });
        let reviews = test.ok("GET", "/reviews", Value::Null).await.unwrap();
        assert_eq!(reviews["reviews"], json!([]), "a review of it is left open");
        let event_names = test.event_names(&id).await.unwrap();
        assert_eq!(
            event_names.contains(&"ReviewRequested".to_owned()),
            reviewed,
            "{event_names:?}"
        );
        test.shop.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_currency_is_named_by_every_answer_and_public_event_with_an_amount() {
    for currency in ["EUR", "CHF"] {
        let settings = Settings { currency: currency.parse().unwrap(), ..numbers("DE", 54) };
        let config = ShopConfig { settings, public_events: true, ..ShopConfig::default() };
        let test = TestShop::with(config, &["ana"]).await.unwrap();
        let delivered = order_to(&test, "DE", 1).await;
        let reviewed = order_to(&test, "DE", 3).await;
        test.ended(&delivered).await.unwrap();
        test.rest().await.unwrap();
        let of_orders = [&delivered, &reviewed].map(|id| format!("/orders/{id}"));
        let others = ["/items", "/items/chai", "/orders", "/analytics", "/reviews"];
        let others = others.map(ToOwned::to_owned).into_iter();
        let more = [format!("/payments/{delivered}"), format!("/reviews/{reviewed}")];
        for path in of_orders.into_iter().chain(others).chain(more) {
            let answer = test.ok("GET", &path, Value::Null).await.unwrap();
            let text = answer.to_string();
            let named: Vec<&str> = text.split(r#""currency":""#).skip(1).collect();
            let same = named.iter().all(|rest| rest.starts_with(currency));
            assert!(!named.is_empty() && same, "{path}: {answer:#}");
        }
        let log = format!("/events?order-id={delivered}&limit=1000");
        let log = test.ok("GET", &log, Value::Null).await.unwrap();
        let named = |event: &&Value| event["data"].get("currency").is_some();
        let public: Vec<&Value> = log["events"].as_array().unwrap().iter().filter(named).collect();
        assert!(!public.is_empty(), "{log:#}");
        assert!(public.iter().all(|event| event["data"]["currency"] == currency), "{public:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_decides_when_a_delivery_is_given_up() {
    let limits = [(DELIVERY_DEADLINE.to_owned(), 1)].into();
    let config = ShopConfig { limits, ..ShopConfig::default() };
    let test = TestShop::with(config, &["ana-carrier-silent"]).await.unwrap();
    let id = test.order("ana-carrier-silent", "chai", 1).await.unwrap();
    let ended = test.ended(&id).await.unwrap();
    let reason = ended["reason"].as_str().unwrap();
    assert!(reason.starts_with("the delivery was canceled"), "{reason}");
    test.books().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_country_that_there_is_not_is_refused_by_its_field() {
    let test = TestShop::open(&["ana"]).await.unwrap();
    for unknown in ["Atlantis", "ZZ", "", "276"] {
        let mut body = order_of("ana", "chai", 1);
        body["shipping-address"]["country"] = json!(unknown);
        let key = format!("to-{unknown}");
        let answer = test.raw("POST", "/orders", Some(&key), body.to_string()).await.unwrap();
        assert_eq!(answer.status, 422, "{answer:?}");
        let text = answer.body.to_string();
        assert!(text.contains("/shipping-address/country"), "{text}");
        assert!(text.contains("ISO 3166 code of a country, such as DE"), "{text}");
    }
    let id = order_to(&test, "Germany", 1).await;
    assert_eq!(order(&test, &id).await["shipping-address"]["country"], "DE");
}
