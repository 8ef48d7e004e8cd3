//! The API does not send a response that the caller already has. It refuses to overwrite a change
//! that the caller has not read. A repeated request to add stock adds the stock once.

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response};
use chorus_tests::TestShop;
use serde_json::{Value, json};
use tower::ServiceExt;

struct Answer {
    status: u16,
    etag: Option<String>,
    location: Option<String>,
    body: Value,
}

async fn ask(
    test: &TestShop,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Value,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_string())).unwrap();
    let answer: Response<Body> = test.shop.router().oneshot(request).await.unwrap();
    let header = |name| Some(answer.headers().get(name)?.to_str().unwrap().to_owned());
    let (status, etag, location) = (answer.status().as_u16(), header("etag"), header("location"));
    let bytes = to_bytes(answer.into_body(), 1_000_000).await.unwrap();
    Answer { status, etag, location, body: serde_json::from_slice(&bytes).unwrap_or_default() }
}

fn item(price: u32) -> Value {
    json!({ "name": "Tea", "price": price, "stock": 9 })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_caller_has_already_is_not_sent_again() {
    let test = TestShop::open(&["ana"]).await.unwrap();
    let order = test.order("ana", "chai", 1).await.unwrap();
    test.ended(&order).await.unwrap();
    for path in ["/items/chai", "/items", &format!("/orders/{order}"), "/customers/ana"] {
        let first = ask(&test, "GET", path, &[], Value::Null).await;
        let etag = first.etag.unwrap();
        let known = [("if-none-match", etag.as_str())];
        let again = ask(&test, "GET", path, &known, Value::Null).await;
        assert_eq!((again.status, again.body), (304, Value::Null), "{path}");
        assert_eq!(again.etag.as_ref(), Some(&etag), "{path}");
        let other = ask(&test, "GET", path, &[("if-none-match", "\"else\"")], Value::Null).await;
        assert_eq!((other.status, other.body), (200, first.body), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_version_that_was_read_is_replaced() {
    let test = TestShop::open(&[]).await.unwrap();
    let tea = "/items/tea";
    let new = [("if-none-match", "*")];
    let made = ask(&test, "PUT", tea, &new, item(2)).await;
    assert_eq!((made.status, made.location.as_deref()), (201, Some("/items/tea")));
    assert_eq!(ask(&test, "PUT", tea, &new, item(3)).await.status, 412, "there is one now");
    let etag = made.etag.unwrap();
    let read = [("if-match", etag.as_str()), ("idempotency-key", "a-price")];
    assert_eq!(ask(&test, "PUT", tea, &read, item(3)).await.status, 200);
    assert_eq!(
        ask(&test, "PUT", tea, &read, item(3)).await.status,
        200,
        "the same request, repeated"
    );
    let late = ask(&test, "PUT", tea, &[("if-match", etag.as_str())], item(4)).await;
    assert_eq!((late.status, &late.body["status"]), (412, &json!(412)));
    let any = [("if-match", "*")];
    assert_eq!(ask(&test, "PUT", tea, &any, item(5)).await.status, 200);
    assert_eq!(ask(&test, "PUT", "/items/coffee", &any, item(5)).await.status, 412);
    assert_eq!(test.ok("GET", "/items/tea", Value::Null).await.unwrap()["price"], 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_is_answered_with_201_and_its_place_and_what_is_changed_with_200() {
    let test = TestShop::open(&[]).await.unwrap();
    let customer = |name: &str| json!({ "name": name, "email": "eva@example.com" });
    for (path, first, second) in [
        ("/items/tea", item(2), item(3)),
        ("/customers/eva", customer("Eva"), customer("Eva Lind")),
    ] {
        let key = [("idempotency-key", "first")];
        for _ in 0..2 {
            let made = ask(&test, "PUT", path, &key, first.clone()).await;
            assert_eq!((made.status, made.location.as_deref()), (201, Some(path)));
        }
        let changed = ask(&test, "PUT", path, &[], second).await;
        assert_eq!((changed.status, changed.location), (200, None), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_received_is_added_once_however_often_the_message_comes() {
    let test = TestShop::open(&[]).await.unwrap();
    let stock = "/items/chai/stock";
    let received = |pieces: i32| json!({ "received": pieces });
    for _ in 0..2 {
        let answer =
            ask(&test, "POST", stock, &[("idempotency-key", "monday")], received(10)).await;
        assert_eq!((answer.status, &answer.body["available"]), (200, &json!(49)));
    }
    let lost = ask(&test, "POST", stock, &[("idempotency-key", "flood")], received(-9)).await;
    assert_eq!(lost.body["available"], 40);
    for (key, pieces, status, field) in
        [("a", 0, 422, "/received"), ("monday", 11, 422, "Idempotency-Key")]
    {
        let answer = ask(&test, "POST", stock, &[("idempotency-key", key)], received(pieces)).await;
        assert_eq!((answer.status, &answer.body["errors"][0]["field"]), (status, &json!(field)));
    }
    let more = [("idempotency-key", "b")];
    assert_eq!(ask(&test, "POST", stock, &more, received(-41)).await.status, 409, "than there are");
    assert_eq!(ask(&test, "POST", stock, &[], received(1)).await.status, 400, "without a key");
    let unknown = "/items/unheard-of/stock";
    let answer = ask(&test, "POST", unknown, &[("idempotency-key", "c")], received(1)).await;
    assert_eq!(answer.status, 404);
    test.books().await.unwrap();
}
