//! The console's pages, as a browser requests them: what they show, how they are protected, and
//! what their forms do.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use chorus_http::Caller;
use chorus_shop::{Shop, ShopConfig};
use serde_json::{Value, json};
use tower::ServiceExt;

const HOST: &str = "127.0.0.1:3000";

struct Page {
    status: StatusCode,
    headers: HeaderMap,
    html: String,
}

async fn send(shop: &Shop, request: Request<Body>) -> Page {
    let answer = shop.router().oneshot(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    let html = to_bytes(body, 10_000_000).await.unwrap().to_vec();
    let html = String::from_utf8(html).unwrap();
    Page { status: parts.status, headers: parts.headers, html }
}

async fn page(shop: &Shop, path: &str) -> Page {
    let request = Request::get(path).header(header::ACCEPT, "text/html");
    send(shop, request.body(Body::empty()).unwrap()).await
}

async fn ask(shop: &Shop, method: &str, path: &str, body: Value) -> Value {
    let request = Request::builder().method(method).uri(path).header("idempotency-key", path);
    let answer = send(shop, request.body(Body::from(body.to_string())).unwrap()).await;
    assert!(answer.status.is_success(), "{method} {path}: {}", answer.html);
    serde_json::from_str(&answer.html).unwrap()
}

/// Sends a form as a browser does from a page of the same origin.
async fn form(shop: &Shop, path: &str, fields: &[(&str, &str)]) -> Page {
    form_of("http://127.0.0.1:3000", shop, path, fields).await
}

async fn form_of(origin: &str, shop: &Shop, path: &str, fields: &[(&str, &str)]) -> Page {
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let request = Request::post(path)
        .header(header::HOST, HOST)
        .header(header::ORIGIN, origin)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    send(shop, request.body(Body::from(pairs.join("&"))).unwrap()).await
}

/// Returns the value of a hidden field.
fn hidden(html: &str, name: &str) -> String {
    let (_, after) = html.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
    after.split('"').next().unwrap().to_owned()
}

async fn open() -> Shop {
    let quick = Duration::from_millis(5);
    let config = ShopConfig { pickup_after: quick, delivery_after: quick, ..ShopConfig::default() };
    let shop = Shop::start(&config).await.unwrap();
    for (sku, price) in [("chai", 18), ("desk", 1_800)] {
        let item = json!({ "name": sku, "price": price, "stock": 100 });
        ask(&shop, "PUT", &format!("/items/{sku}"), item).await;
    }
    // Waits until the Order service knows the prices.
    shop.local().bus().until_idle().await;
    shop
}

async fn until(shop: &Shop, path: &str, part: &str) -> String {
    for _ in 0..600 {
        let html = page(shop, path).await.html;
        if html.contains(part) {
            return html;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{path} never says {part}: {}", page(shop, path).await.html)
}

/// Places an order by the form, and returns the path of the order's page.
async fn placed(shop: &Shop, customer: &str, sku: &str) -> String {
    let html = page(shop, "/console/try").await.html;
    let (token, key) = (hidden(&html, "token"), hidden(&html, "key"));
    let fields = [
        ("token", &*token),
        ("key", &*key),
        ("customer", customer),
        ("sku", sku),
        ("quantity", "1"),
    ];
    let sent = form(shop, "/console/orders", &fields).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.html);
    let location = sent.headers[header::LOCATION].to_str().unwrap();
    location.split('?').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_placed_by_the_form_is_seen_delivered() {
    let shop = open().await;
    let order = placed(&shop, "ana", "chai").await;
    let html = until(&shop, &order, ">OrderDelivered</a>").await;
    for part in ["OrderCreated", "OrderDelivered", "18.00 charged", "/console/machines/"] {
        assert!(html.contains(part), "no {part}: {html}");
    }
    let list = page(&shop, "/console/orders?status=Delivered").await.html;
    assert!(list.contains(&order), "{list}");
    assert!(!page(&shop, "/console/orders?status=Canceled").await.html.contains(&order));
    let books = page(&shop, "/console/books").await.html;
    assert!(books.contains("adds up: 18.00 charged"), "{books}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_is_decided_on_the_page_and_the_order_goes_on() {
    let shop = open().await;
    let order = placed(&shop, "ana", "desk").await;
    let html = until(&shop, "/console/work", "name=\"handle\"").await;
    let waiting = until(&shop, &order, "waits in AskReviewer since").await;
    assert!(waiting.contains("at=AskReviewer"), "the picture marks the state: {waiting}");
    let id = order.rsplit('/').next().unwrap();
    let [token, key, handle] = ["token", "key", "handle"].map(|name| hidden(&html, name));
    let fields = [("token", &*token), ("key", &*key), ("handle", &*handle), ("verdict", "approve")];
    let decided = form(&shop, &format!("/console/reviews/{id}"), &fields).await;
    assert_eq!(decided.headers[header::LOCATION], "/console/work?done=approved");
    until(&shop, &order, ">Delivered</span>").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_sent_again_from_the_page_after_a_dry_run() {
    let shop = open().await;
    let order = placed(&shop, "carrier-refuses-recall", "chai").await;
    let id = order.rsplit('/').next().unwrap();
    until(&shop, &order, "started").await;
    ask(&shop, "POST", &format!("/orders/{id}/cancel"), json!({})).await;
    let html = until(&shop, "/console/work", "Send again").await;
    let token = hidden(&html, "token");
    let dry = form(&shop, "/console/dead-letters", &[("token", &token), ("dry_run", "true")]).await;
    assert!(dry.html.contains("1 would be sent"), "{}", dry.html);
    assert!(page(&shop, "/console/work").await.html.contains("Send again"), "it only told");
    let sent =
        form(&shop, "/console/dead-letters", &[("token", &token), ("dry_run", "false")]).await;
    assert_eq!(sent.headers[header::LOCATION], "/console/work?done=redriven");
    until(&shop, "/console/work", "There are no dead letters").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_no_page_of_the_console_sent_changes_nothing() {
    let shop = open().await;
    let token = hidden(&page(&shop, "/console/try").await.html, "token");
    let item =
        |token| [("token", token), ("sku", "tea"), ("name", "Tea"), ("price", "1"), ("stock", "1")];
    let wrong = form(&shop, "/console/items", &item("wrong")).await;
    let foreign = form_of("http://evil.example", &shop, "/console/items", &item(&token)).await;
    let forms = ["/console/dead-letters", "/console/reviews/x", "/console/refunds/x"];
    let all = [("token", "wrong"), ("key", "k"), ("verdict", "approve"), ("handle", "h")];
    for path in forms {
        assert_eq!(form(&shop, path, &all).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!((wrong.status, foreign.status), (StatusCode::FORBIDDEN, StatusCode::FORBIDDEN));
    assert_eq!(page(&shop, "/items/tea").await.status, StatusCode::NOT_FOUND);
    let good = form(&shop, "/console/items", &item(&token)).await;
    assert_eq!(good.status, StatusCode::SEE_OTHER, "{}", good.html);
    assert_eq!(page(&shop, "/items/tea").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_guarded_and_shows_nobodys_street() {
    let shop = open().await;
    let order = placed(&shop, "ana", "chai").await;
    until(&shop, &order, ">Delivered</span>").await;
    for path in [
        "/console",
        "/console/events/OrderCreated",
        "/console/orders",
        &order,
        "/console/work",
        "/console/books",
        "/console/try",
        "/console/orders/nothing-of-the-kind",
        "/console/events/Nothing",
    ] {
        let page = page(&shop, path).await;
        let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(!page.html.contains("Hauptstr"), "{path}");
        for inline in ["<style", " style=", "<script>", " onclick", "javascript:"] {
            assert!(!page.html.contains(inline), "{path} has {inline}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_sees_the_parts_of_a_page_that_are_for_it() {
    let shop = open().await;
    let order = placed(&shop, "ana", "desk").await;
    until(&shop, "/console/work", "name=\"handle\"").await;
    let work = "/console/work";
    let [reviews, letters, doctor] = ["<h2>Reviews", "<h2>Dead letters", "<h2>Findings of chorus"];
    let machines = "<dt>State machines</dt>";
    for (role, path, shown, left_out) in [
        ("reviewer", work, vec![reviews, "Approve"], vec![letters, doctor]),
        ("operator", work, vec![letters, doctor], vec![reviews]),
        ("staff", work, vec!["Your token has neither role"], vec![reviews, letters, doctor]),
        ("reviewer", &order, vec!["OrderCreated"], vec![machines]),
        ("staff", &order, vec!["OrderCreated"], vec![machines]),
        ("operator", &order, vec!["OrderCreated", machines], vec![]),
        ("reviewer", "/console/books", vec!["shown to operators"], vec!["<h2>Money"]),
        ("staff", "/console/books", vec!["shown to operators"], vec!["<h2>Money"]),
        ("operator", "/console/books", vec!["<h2>Money"], vec!["shown to operators"]),
    ] {
        let request = Request::get(path).extension(Caller::with_roles("maria", [role]));
        let page = send(&shop, request.body(Body::empty()).unwrap()).await;
        assert_eq!(page.status, StatusCode::OK, "{path} for {role}: {}", page.html);
        assert!(shown.iter().all(|part| page.html.contains(part)), "{path} for {role}");
        assert!(!left_out.iter().any(|part| page.html.contains(part)), "{path} for {role}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_write_is_shown_as_text() {
    let shop = open().await;
    let order = placed(&shop, "ana", "desk").await;
    let id = order.rsplit('/').next().unwrap();
    let reason = "<script>alert(1)</script>\"'&";
    ask(&shop, "POST", &format!("/orders/{id}/cancel"), json!({ "reason": reason })).await;
    for path in [&*order, "/console/orders"] {
        let html = until(&shop, path, "alert(1)").await;
        assert!(!html.contains("<script>alert"), "{html}");
    }
    let filter = "/console/orders?customer=%22%3E%3Cscript%3Ealert(2)";
    assert!(!page(&shop, filter).await.html.contains("<script>alert"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_orders_holds_fifty_and_leads_to_older_ones() {
    let shop = open().await;
    let body = |customer: &str| {
        json!({
            "customer-id": customer, "lines": [{ "sku": "chai", "quantity": 1 }],
            "shipping-address": { "name": "A", "street": "S", "city": "B", "country": "DE" },
        })
    };
    for n in 0..60 {
        let request = Request::post("/orders").header("idempotency-key", format!("key-{n}"));
        let request = request.body(Body::from(body("declined-dora").to_string())).unwrap();
        assert_eq!(send(&shop, request).await.status, StatusCode::CREATED);
    }
    shop.local().bus().until_idle().await;
    let older = page(&shop, "/console/orders").await.html;
    assert_eq!(older.matches("<tr>").count(), 51);
    let (before, _) = older.split_once("\">Older orders").unwrap();
    let next = before.rsplit("href=\"").next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    let last = page(&shop, &next).await.html;
    assert_eq!(last.matches("<tr>").count(), 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_at_the_root_is_led_to_the_console_and_nobody_else() {
    let shop = open().await;
    let led = page(&shop, "/").await;
    assert_eq!(led.headers[header::LOCATION], "/console");
    let plain = send(&shop, Request::get("/").body(Body::empty()).unwrap()).await;
    assert_eq!(plain.status, StatusCode::OK);
    assert!(plain.html.contains("/openapi.json"), "{}", plain.html);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_is_for_whoever_works_at_the_shop() {
    let shop = open().await;
    let maria = Caller::with_roles("maria", ["reviewer"]);
    for (caller, wanted) in [
        (Caller::unknown(), StatusCode::SEE_OTHER),
        (Caller::customer("ana"), StatusCode::FORBIDDEN),
        (maria.clone(), StatusCode::OK),
    ] {
        for path in ["/console", "/console/orders", "/console/live?topic=any&since=0"] {
            let request = Request::get(path).extension(caller.clone());
            let answer = shop.router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!(answer.status(), wanted, "{path} for {caller:?}");
        }
    }
    let sign_in = page(&shop, "/console/sign-in").await;
    let fields = [("token", hidden(&sign_in.html, "token")), ("bearer", "a.b-c._d".to_owned())];
    let fields = fields.map(|(name, value)| format!("{name}={value}")).join("&");
    let request = Request::post("/console/sign-in")
        .extension(Caller::unknown())
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let request = request.body(Body::from(fields)).unwrap();
    let signed_in = shop.router().oneshot(request).await.unwrap();
    assert_eq!(signed_in.status(), StatusCode::SEE_OTHER);
    let cookie = signed_in.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("chorus-token=a.b-c._d; "), "{cookie}");
    assert!(cookie.contains("; Path=/console; "), "{cookie}");
    assert!(cookie.ends_with("HttpOnly; SameSite=Strict"), "{cookie}");
    // A form has no more rights than the caller who sends it: a reviewer may not add items.
    let token = hidden(&page(&shop, "/console/try").await.html, "token");
    let fields = format!("token={token}&sku=tea&name=Tea&price=1&stock=1");
    let request = Request::post("/console/items")
        .extension(maria)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let refused = send(&shop, request.body(Body::from(fields)).unwrap()).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.html.contains("only these callers"), "{}", refused.html);
}
