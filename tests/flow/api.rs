//! The response to an invalid request has the fitting 4xx status, and names the field and the rule.
//! An invalid request never leads to a 5xx status or a panic.

use chorus_tests::{Answer, TestShop, order_of};
use serde_json::{Value, json};
use tower::ServiceExt;

async fn post(test: &TestShop, body: impl Into<axum::body::Body>) -> Answer {
    test.raw("POST", "/orders", Some("a-key"), body).await.unwrap()
}

#[track_caller]
fn refused(answer: &Answer, status: u16, field: &str) {
    let named = &answer.body["errors"][0]["field"];
    assert_eq!((answer.status, named), (status, &json!(field)), "{answer:?}");
}

async fn changed(change: impl FnOnce(&mut Value)) -> Answer {
    let test = TestShop::open(&["ana"]).await.unwrap();
    let mut order = order_of("ana", "chai", 1);
    change(&mut order);
    post(&test, order.to_string()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_json_is_malformed() {
    let test = TestShop::open(&[]).await.unwrap();
    for body in ["", "{", "[1,", "{\"customer-id\":}", "nonsense", "{} trailing", "{\"a\":NaN}"] {
        let answer = post(&test, body).await;
        assert_eq!(answer.status, 400, "{body:?}: {answer:?}");
    }
    let deep = post(&test, "[".repeat(100_000)).await;
    assert_eq!(deep.status, 400, "{deep:?}");
    let answer = post(&test, vec![0xff, 0xfe, b'{', b'}']).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(answer.body["detail"].as_str().unwrap().contains("must be UTF-8"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn quantities_of_nothing_less_or_too_much_are_refused_by_their_place() {
    for quantity in [json!(0), json!(-1), json!(10_001), json!(1e30), json!(1.5), json!("2")] {
        let answer = changed(|order| order["lines"][0]["quantity"] = quantity.clone()).await;
        refused(&answer, 422, "/lines/0/quantity");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_no_lines_or_ten_thousand_are_refused() {
    refused(&changed(|order| order["lines"] = json!([])).await, 422, "/lines");
    let line = json!({ "sku": "chai", "quantity": 1 });
    refused(&changed(|order| order["lines"] = json!(vec![line; 10_000])).await, 422, "/lines");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_fields_missing_ones_and_odd_names_are_refused() {
    refused(&changed(|order| order["coupon"] = json!("FREE")).await, 422, "/coupon");
    refused(&changed(|order| order["lines"][0]["price"] = json!(0)).await, 422, "/lines/0/price");
    refused(&changed(|order| order["customer-id"] = json!("")).await, 422, "/customer-id");
    refused(
        &changed(|order| order["lines"][0]["sku"] = json!("no such")).await,
        422,
        "/lines/0/sku",
    );
    refused(
        &changed(|order| order["lines"][0]["sku"] = json!("unlisted")).await,
        422,
        "/lines/0/sku",
    );
    let answer = changed(|order| order["shipping-address"]["city"] = json!(" ")).await;
    refused(&answer, 422, "/shipping-address/city");
    let answer = changed(|order| order["shipping-address"]["postal_code"] = json!("12209")).await;
    refused(&answer, 422, "/shipping-address/postal_code");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_an_object_throughout_and_no_field_is_given_twice() {
    let answer = changed(|order| order["lines"][0] = json!(["chai", 1])).await;
    refused(&answer, 422, "/lines/0");
    let answer = changed(|order| *order = json!(["ana", [], {}])).await;
    refused(&answer, 422, "");
    let test = TestShop::open(&[]).await.unwrap();
    let twice = r#"{"customer-id":"ana","customer-id":"ben","lines":[],"shipping-address":{}}"#;
    refused(&post(&test, twice).await, 422, "/customer-id");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_says_that_it_is_no_json_is_not_read() {
    let test = TestShop::open(&["ana"]).await.unwrap();
    let asked = async |content_type: &str| {
        let request = axum::http::Request::builder()
            .method("POST")
            .uri("/orders")
            .header("content-type", content_type)
            .header("idempotency-key", "a-key")
            .body(axum::body::Body::from(order_of("ana", "chai", 1).to_string()))
            .unwrap();
        test.shop.router().oneshot(request).await.unwrap().status().as_u16()
    };
    assert_eq!(asked("text/xml").await, 415);
    assert_eq!(asked("application/json; charset=utf-8").await, 201);
    assert_eq!(asked("application/x-www-form-urlencoded").await, 201, "what `curl -d` says");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_cannot_be_is_refused_by_its_parameter() {
    let test = TestShop::open(&[]).await.unwrap();
    for (query, field) in [
        ("/orders?customer-id=", "customer-id"),
        ("/orders?customer-id=ana&limit=0", "limit"),
        ("/orders?customer-id=ana&limit=101", "limit"),
        ("/orders?customer-id=ana&cursor=", "cursor"),
        ("/orders?customer-id=ana&cursor=%00", "cursor"),
        ("/events", "order-id"),
        ("/events?order-id=a&cursor=b", "cursor"),
        ("/reviews?limit=many", "limit"),
        ("/reviews?cursor=", "cursor"),
    ] {
        refused(&test.raw("GET", query, None, "").await.unwrap(), 400, field);
    }
}

/// Returns every path and method in the API's OpenAPI document, with the names of the documented
/// query parameters.
async fn documented(test: &TestShop) -> Vec<(String, String, Vec<String>)> {
    let document = test.ok("GET", "/openapi.json", Value::Null).await.unwrap();
    let paths = document["paths"].as_object().unwrap();
    let mut documented = Vec::new();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().unwrap().iter();
            let read = parameters.filter(|parameter| parameter["in"] == "query");
            let read = read.map(|parameter| parameter["name"].as_str().unwrap().to_owned());
            documented.push((path.clone(), method.to_uppercase(), read.collect()));
        }
    }
    documented
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_parameter_that_no_route_reads_is_refused_on_every_route() {
    let test = TestShop::open(&[]).await.unwrap();
    let documented = documented(&test).await;
    assert!(documented.len() > 10, "{documented:?}");
    for (path, method, read) in documented {
        let path = format!("{}?colour=blue", path.replace(['{', '}'], ""));
        let answer = test.raw(&method, &path, None, "").await.unwrap();
        refused(&answer, 400, "colour");
        let rule = answer.body["errors"][0]["rule"].as_str().unwrap();
        assert!(read.iter().all(|name| rule.contains(name)), "{method} {path}: {rule}");
    }
    for path in ["/", "/openapi.json", "/operator/load", "/operator/doctor", "/operator/attempts"] {
        let path = format!("{path}?colour=blue");
        let answer = test.raw("GET", &path, None, "").await.unwrap();
        assert_eq!(answer.status, 400, "{path}: {answer:?}");
        assert!(answer.body["detail"].as_str().unwrap().contains("colour"), "{path}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_parameter_that_is_given_twice_is_refused() {
    let test = TestShop::open(&[]).await.unwrap();
    let answer = test.raw("GET", "/orders?limit=1&limit=2", None, "").await.unwrap();
    refused(&answer, 400, "limit");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_more_than_a_megabyte_is_too_large() {
    let test = TestShop::open(&[]).await.unwrap();
    assert_eq!(post(&test, vec![b' '; 1_000_001]).await.status, 413);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_found() {
    let test = TestShop::open(&[]).await.unwrap();
    let paths = [
        "/orders/unknown",
        "/items/unknown",
        "/customers/unknown",
        "/payments/unknown",
        "/deliveries/unknown",
        "/nothing",
        "/orders/a%20b",
    ];
    for path in paths {
        let answer = test.raw("GET", path, None, "").await.unwrap();
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
    }
    let answer = test.raw("POST", "/orders/unknown/cancel", None, "").await.unwrap();
    assert_eq!(answer.status, 404, "{answer:?}");
    for (method, path, status) in [
        ("DELETE", "/orders", 405),
        ("GET", "/operator/projections/rebuild", 405),
        ("GET", "/orders/%ff", 400),
        ("GET", "/operator/recent-events?last=some", 400),
    ] {
        let answer = test.raw(method, path, None, "").await.unwrap();
        assert_eq!((answer.status, &answer.body["status"]), (status, &json!(status)), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_without_an_idempotency_key_is_refused() {
    let test = TestShop::open(&["ana"]).await.unwrap();
    let order = order_of("ana", "chai", 1).to_string();
    let answer = test.raw("POST", "/orders", None, order.clone()).await.unwrap();
    refused(&answer, 400, "Idempotency-Key");
    let long = "k".repeat(256);
    refused(
        &test.raw("POST", "/orders", Some(&long), order).await.unwrap(),
        400,
        "Idempotency-Key",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_gets_the_same_response_and_with_another_body_422() {
    let test = TestShop::open(&["ana"]).await.unwrap();
    let first = post(&test, order_of("ana", "chai", 1).to_string()).await;
    let id = first.body["order-id"].as_str().unwrap().to_owned();
    test.ended(&id).await.unwrap();
    let again = post(&test, order_of("ana", "chai", 1).to_string()).await;
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    let books = test.books().await.unwrap();
    let other = post(&test, order_of("ana", "chai", 2).to_string()).await;
    refused(&other, 422, "Idempotency-Key");
    assert_eq!(test.books().await.unwrap(), books);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsigned_webhook_is_not_believed() {
    let test = TestShop::open(&["ana-carrier-silent"]).await.unwrap();
    let id = test.order("ana-carrier-silent", "chai", 1).await.unwrap();
    test.rest().await.unwrap();
    let body = json!({ "order-id": id, "status": "Delivered" }).to_string();
    let answer = test.raw("POST", "/webhooks/logistics", None, body).await.unwrap();
    assert_eq!(answer.status, 401, "{answer:?}");
    assert_eq!(
        test.ok("GET", &format!("/orders/{id}"), Value::Null).await.unwrap()["status"],
        "Open"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivered_order_cannot_be_canceled() {
    let test = TestShop::open(&["ana"]).await.unwrap();
    let id = test.order("ana", "chai", 1).await.unwrap();
    test.ended(&id).await.unwrap();
    let answer = test.raw("POST", &format!("/orders/{id}/cancel"), None, "{}").await.unwrap();
    assert_eq!(answer.status, 409, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_root_address_lists_what_there_is() {
    let test = TestShop::open(&[]).await.unwrap();
    let request = axum::http::Request::builder().uri("/").header("accept", "*/*");
    let request = request.body(axum::body::Body::empty()).unwrap();
    let answer = test.shop.router().oneshot(request).await.unwrap();
    let bytes = axum::body::to_bytes(answer.into_body(), 1_000_000).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(text.contains("/orders/{id}/cancel") && text.contains("/openapi.json"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_describes_itself_in_openapi() {
    let test = TestShop::open(&[]).await.unwrap();
    let document = test.ok("GET", "/openapi.json", Value::Null).await.unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let schemas = document["components"]["schemas"].as_object().unwrap();
    assert!(["Order", "Item", "Problem"].iter().all(|name| schemas.contains_key(*name)));
    assert!(!schemas.keys().any(|name| name.ends_with("Input")), "two are called the same");
    assert!(!document.to_string().contains("multipleOf"));
    let paths = [
        ("/orders", "post"),
        ("/orders", "get"),
        ("/orders/{id}", "get"),
        ("/orders/{id}/cancel", "post"),
        ("/items/{sku}", "put"),
        ("/items/{sku}", "get"),
        ("/customers/{id}", "put"),
        ("/customers/{id}", "get"),
        ("/payments/{order-id}", "get"),
        ("/deliveries/{order-id}", "get"),
        ("/events", "get"),
        ("/webhooks/logistics", "post"),
        ("/reviews/{order-id}", "post"),
        ("/items", "get"),
        ("/orders/{id}/events", "get"),
    ];
    for (path, method) in paths {
        assert!(document["paths"][path][method]["responses"].is_object(), "{method} {path}");
    }
}
