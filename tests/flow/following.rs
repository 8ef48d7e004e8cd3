//! Following an order: by repeated requests, by waiting, and by server-sent events.

use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::http::Request;
use chorus_tests::TestShop;
use serde_json::{Value, json};
use tower::ServiceExt;

struct Answer {
    status: u16,
    retry_after: Option<String>,
    text: String,
}

async fn ask(test: &TestShop, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    let answer = test.shop.router().oneshot(request).await.unwrap();
    let header = |name| Some(answer.headers().get(name)?.to_str().unwrap().to_owned());
    let (status, retry_after) = (answer.status().as_u16(), header("retry-after"));
    let bytes = to_bytes(answer.into_body(), 1_000_000).await.unwrap();
    Answer { status, retry_after, text: String::from_utf8(bytes.to_vec()).unwrap() }
}

/// The events that the API shows of an order that is delivered.
const DELIVERED: [&str; 5] =
    ["OrderCreated", "DeliveryEstimated", "PaymentMade", "DeliveryStarted", "OrderDelivered"];

fn sorted(mut received: Vec<String>) -> Vec<String> {
    let place = |name: &String| DELIVERED.iter().position(|it| it == name);
    received.sort_by_key(place);
    received
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_gets_each_event_once_until_the_order_is_over() {
    let test = TestShop::open(&["ana"]).await.unwrap();
    let order = test.order("ana", "chai", 1).await.unwrap();
    let path = format!("/orders/{order}/events?wait=20");
    let (mut known, mut received) = ("0".to_owned(), Vec::new());
    let deadline = Instant::now() + Duration::from_secs(60);
    // Reads on even if the order has ended, because the event about the payment may reach the Order
    // service after the order has ended.
    while received.len() < DELIVERED.len() {
        assert!(Instant::now() < deadline, "{received:?}");
        let answer = ask(&test, &path, &[("last-event-id", &known)]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let news: Value = serde_json::from_str(&answer.text).unwrap();
        assert_eq!(answer.retry_after.is_none(), news["ended"] == true);
        let events = news["events"].as_array().unwrap();
        received.extend(events.iter().map(|event| event["type"].as_str().unwrap().to_owned()));
        known = news["last-event-id"].as_str().unwrap().to_owned();
    }
    assert_eq!(sorted(received), DELIVERED);
    let order = test.ok("GET", &format!("/orders/{order}"), Value::Null).await.unwrap();
    assert_eq!(order["currency"], "EUR");
    assert_eq!(
        (&order["payment"]["status"], &order["delivery"]["status"]),
        (&json!("paid"), &json!("delivered"))
    );
    assert_eq!(order["shipping-address"]["city"], "Berlin");
    for date in
        [&order["payment"]["paid-at"], &order["delivery"]["deliver-by"], &order["delivered-at"]]
    {
        assert!(date.is_string(), "{order}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_without_news_and_says_when_to_ask_again() {
    let test = TestShop::open(&["ana-carrier-silent"]).await.unwrap();
    let order = test.order("ana-carrier-silent", "chai", 1).await.unwrap();
    test.rest().await.unwrap();
    let path = format!("/orders/{order}/events");
    let first: Value = serde_json::from_str(&ask(&test, &path, &[]).await.text).unwrap();
    let known = first["last-event-id"].as_str().unwrap();
    let begun = Instant::now();
    let waited = ask(&test, &format!("{path}?wait=1"), &[("last-event-id", known)]).await;
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let news: Value = serde_json::from_str(&waited.text).unwrap();
    assert_eq!((&news["events"], &news["ended"]), (&json!([]), &json!(false)));
    assert_eq!(waited.retry_after.as_deref(), Some("2"));
    for (asked, headers) in [("?wait=21", [("x-none", "")]), ("", [("last-event-id", "x")])] {
        assert_eq!(ask(&test, &format!("{path}{asked}"), &headers).await.status, 400, "{asked}");
    }
    assert_eq!(ask(&test, "/orders/unheard-of/events?wait=20", &[]).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn server_sent_events_go_on_where_they_were_left_and_end_with_the_order() {
    let test = TestShop::open(&["ana"]).await.unwrap();
    let order = test.order("ana", "chai", 1).await.unwrap();
    let path = format!("/orders/{order}/events");
    let stream = ("accept", "text/event-stream");
    let answer = ask(&test, &path, &[stream]).await;
    let of = |answer: &Answer, field: &str| -> Vec<String> {
        let lines = answer.text.lines().filter_map(|line| line.strip_prefix(field));
        lines.map(|value| value.trim().to_owned()).collect()
    };
    let received = of(&answer, "event:");
    assert_eq!(
        (received.first().unwrap(), received.last().unwrap()),
        (&"OrderCreated".to_owned(), &"OrderDelivered".to_owned())
    );
    test.ended(&order).await.unwrap();
    let ids = of(&answer, "id:");
    let rest = ask(&test, &path, &[stream, ("last-event-id", &ids[0])]).await;
    let again = of(&rest, "event:");
    assert!(!again.contains(&"OrderCreated".to_owned()), "{again:?}");
    assert!(received[1..].iter().all(|event| again.contains(event)), "{again:?}");
    let last = of(&rest, "id:").pop().unwrap();
    assert_eq!(ask(&test, &path, &[stream, ("last-event-id", &last)]).await.status, 204);
    assert_eq!(ask(&test, "/orders/unheard-of/events", &[stream]).await.status, 404);
}
