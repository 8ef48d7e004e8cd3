//! The defects of [the AWS demo](https://github.com/mavi888/sam-events-advanced) on which this flow
//! is based. For each defect, a test shows that it does not occur here.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chorus_design::check;
use chorus_events::Settings;
use chorus_events::table::TABLE;
use chorus_http::{Caller, with_default_caller};
use chorus_kernel::{Failure, KnownSecret, Publisher, Rejected};
use chorus_shop::{API, Secrets};
use chorus_table::{Entry, EventSpec, Role};
use chorus_tests::TestShop;
use serde_json::{Value, json};
use tower::ServiceExt;

/// Defect 1: `PaymentFailed` could never be emitted, and a failed payment shipped the item.
#[tokio::test(flavor = "multi_thread")]
async fn a_declined_payment_publishes_payment_failed_and_ships_nothing() {
    let test = TestShop::open(&["ana-declined"]).await.unwrap();
    let id = test.order("ana-declined", "chai", 1).await.unwrap();
    test.ended(&id).await.unwrap();
    let event_names = test.event_names(&id).await.unwrap();
    assert!(event_names.contains(&"PaymentFailed".to_owned()), "{event_names:?}");
    assert!(!event_names.contains(&"DeliveryMarkedAsStarted".to_owned()), "{event_names:?}");
}

/// Defect 2: a rule subscribed to an event name that no handler knew.
#[test]
fn a_rule_and_its_action_cannot_name_an_event_differently() {
    let mut rows = TABLE.rows.to_vec();
    let row = rows.iter_mut().find(|row| row.action == "ReserveItem").unwrap();
    let misspelled = EventSpec { detail_type: "OrderCreate", ..row.on[0] };
    row.on = vec![misspelled].leak();
    let found = check(&rows, &TABLE.messages());
    assert!(found.iter().any(|found| found.problem.contains("consumes OrderCreate,")), "{found:?}");
}

/// Defect 3: an order waited for `DeliveryStarted`, which nothing emitted.
#[tokio::test(flavor = "multi_thread")]
async fn every_callback_that_a_machine_waits_for_has_a_sender() {
    assert_eq!(check(TABLE.rows, &TABLE.messages()), []);
    let test = TestShop::open(&["ana"]).await.unwrap();
    let id = test.order("ana", "chai", 1).await.unwrap();
    test.ended(&id).await.unwrap();
    assert!(test.event_names(&id).await.unwrap().contains(&"DeliveryStarted".to_owned()));
}

/// Defect 4: failure events had no consumer; a failed order left no trace.
#[test]
fn every_failure_event_has_a_consumer() {
    let failures =
        TABLE.messages().into_iter().filter(|message| message.spec.role == Role::Failure);
    for failure in failures {
        let is_consumed = TABLE.rows.iter().any(|row| row.on.contains(&failure.spec));
        assert!(is_consumed, "no row consumes {}", failure.spec.detail_type);
    }
}

/// Defect 5: a duplicate `DeliveryEstimated` charged twice; a duplicate `OrderCanceled` changed the
/// stock again. The test puts every logged event on the bus again.
#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_of_every_event_changes_nothing() {
    let test = TestShop::open(&["ana", "ben-carrier-cancels"]).await.unwrap();
    for customer in ["ana", "ben-carrier-cancels"] {
        let id = test.order(customer, "chai", 2).await.unwrap();
        test.ended(&id).await.unwrap();
        let (event_names, books) =
            (test.event_names(&id).await.unwrap(), test.books().await.unwrap());
        for event in test.log(&id).await {
            test.put_again(&event).await;
        }
        test.rest().await.unwrap();
        assert_eq!(test.event_names(&id).await.unwrap(), event_names);
        assert_eq!(test.books().await.unwrap(), books);
    }
}

/// Defect 6: a late `Delivered` overwrote a cancellation.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_delivery_does_not_overwrite_a_cancellation() {
    let test = TestShop::open(&["ana-carrier-cancels"]).await.unwrap();
    let id = test.order("ana-carrier-cancels", "chai", 2).await.unwrap();
    test.ended(&id).await.unwrap();
    let answer = test.webhook(&id, "Delivered").await.unwrap();
    assert_eq!(answer.status, 409, "{answer:?}");
    test.rest().await.unwrap();
    assert_eq!(test.ended(&id).await.unwrap()["status"], "Canceled");
    let event_names = test.event_names(&id).await.unwrap();
    assert!(
        event_names.contains(&"ErrorDeliveryWasDelivered".to_owned()),
        "an operator is told: {event_names:?}"
    );
    test.books().await.unwrap();
}

/// Defect 7: the event log was keyed by the wall clock, ignored errors, and failed on an
/// apostrophe.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_keeps_an_event_once_whatever_its_content() {
    let test = TestShop::open(&["ana"]).await.unwrap();
    let mut order = chorus_tests::order_of("ana", "chai", 1);
    order["shipping-address"]["street"] = json!("59 rue de l'Abbaye'); DELETE FROM events; --");
    let asked = test.raw("POST", "/orders", Some("quoted"), order.to_string()).await.unwrap();
    let id = asked.body["order-id"].as_str().unwrap().to_owned();
    test.ended(&id).await.unwrap();
    let log = test.log(&id).await;
    let shown = test.ok("GET", &format!("/orders/{id}"), Value::Null).await.unwrap();
    let street = &shown["shipping-address"]["street"];
    assert_eq!(street, "59 rue de l'Abbaye'); DELETE FROM events; --");
    assert!(!json!(log).to_string().contains("Abbaye"), "{log:?}");
    test.put_again(&log[0]).await;
    test.rest().await.unwrap();
    assert_eq!(test.log(&id).await.len(), log.len());
}

/// Defect 8: no publisher checked whether the bus accepted an event.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_the_bus_refuses_at_first_is_not_lost() {
    let test = TestShop::open(&["ana"]).await.unwrap();
    let mut kernel = test.shop.local().kernel().clone();
    let refusals = Arc::new(AtomicUsize::new(0));
    kernel.bus = Arc::new(RefusingBus { bus: kernel.bus, refusals: Arc::clone(&refusals) });
    let ids = Arc::new(KnownSecret(Secrets::fixed().order_ids));
    let routes = chorus_order::function(ids, Settings::DEFAULT).routes;
    let caller = Caller::trusted("maria", &routes);
    let router = with_default_caller(chorus_http::router(&kernel, API, routes), caller);
    let body = chorus_tests::order_of("ana", "chai", 1).to_string();
    let request = axum::http::Request::post("/orders").header("idempotency-key", "refused");
    let answer = router.oneshot(request.body(axum::body::Body::from(body)).unwrap()).await.unwrap();
    assert_eq!((answer.status().as_u16(), refusals.load(Ordering::Relaxed)), (201, 2));
    let id = answer.headers()["location"].to_str().unwrap().replace("/orders/", "");
    assert_eq!(test.ended(&id).await.unwrap()["status"], "Delivered");
}

/// A bus that rejects every entry of the first two calls, in responses with the status 200.
struct RefusingBus {
    bus: Arc<dyn Publisher>,
    refusals: Arc<AtomicUsize>,
}

#[async_trait::async_trait]
impl Publisher for RefusingBus {
    async fn put_events(&self, entries: &[Entry]) -> Result<Vec<Rejected>, Failure> {
        if self.refusals.load(Ordering::Relaxed) == 2 {
            return self.bus.put_events(entries).await;
        }
        self.refusals.fetch_add(1, Ordering::Relaxed);
        let (code, message) = ("ThrottlingException".to_owned(), "later".to_owned());
        let refused = |index| Rejected { index, code: code.clone(), message: message.clone() };
        Ok((0..entries.len()).map(refused).collect())
    }
}

/// Defect 8, second part: no event had a correlation id, a cause or a version.
#[tokio::test(flavor = "multi_thread")]
async fn every_event_says_what_it_belongs_to_and_what_caused_it() {
    let test = TestShop::open(&["ana"]).await.unwrap();
    let id = test.order("ana", "chai", 1).await.unwrap();
    test.ended(&id).await.unwrap();
    for event in test.log(&id).await {
        assert_eq!(event["metadata"]["correlation-id"], json!(id), "{event}");
        assert!(event["metadata"]["causation-id"].is_string(), "{event}");
        assert_eq!(event["metadata"]["version"], 1, "{event}");
    }
    let dead = test.shop.local().dead_letters(&chorus_local::Selection::default());
    assert!(dead.is_empty(), "{dead:?}");
}

/// Access to the shop's event log and bus, which these tests need in addition to the shop's API.
pub(crate) trait Bus {
    async fn log(&self, order_id: &str) -> Vec<Value>;
    async fn put_again(&self, logged: &Value);
}

impl Bus for TestShop {
    async fn log(&self, order_id: &str) -> Vec<Value> {
        let path = format!("/events?order-id={order_id}&limit=1000");
        let log = self.ok("GET", &path, Value::Null).await.unwrap();
        log["events"].as_array().unwrap().clone()
    }

    /// Puts an event from the event log on the bus again, unchanged.
    async fn put_again(&self, logged: &Value) {
        let detail = json!({ "metadata": logged["metadata"], "data": logged["data"] });
        let entry = Entry {
            source: logged["source"].as_str().unwrap().to_owned(),
            detail_type: logged["detail-type"].as_str().unwrap().to_owned(),
            detail: detail.to_string(),
        };
        let rejected = self.shop.local().kernel().bus.put_events(&[entry]).await.unwrap();
        assert!(rejected.is_empty(), "{rejected:?}");
    }
}
