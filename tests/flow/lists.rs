//! With many orders, a page of the list needs few reads of an index, and the console shows a
//! limited number of orders at once.

use axum::body::{Body, to_bytes};
use axum::http::Request;
use chorus_events::Money;
use chorus_local::Reading;
use chorus_order::{OrderView, Status};
use chorus_tests::TestShop;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tower::ServiceExt;

/// How many orders the list has. Ten consecutive orders belong to one customer, and the next ten to
/// the next customer.
const ORDERS: i64 = 2_000;
const CUSTOMERS: i64 = 20;

/// When the newest order was placed. The earlier orders were placed at intervals of twenty minutes.
fn newest() -> Timestamp {
    "2026-10-20T12:00:00Z".parse().unwrap()
}

fn line(number: i64) -> OrderView {
    let status = match number % 10 {
        0 | 1 => Status::Open,
        2 => Status::Canceled,
        _ => Status::Delivered,
    };
    OrderView {
        order_id: format!("order-{number:04}").parse().unwrap(),
        customer_id: format!("customer-{}", number / 10 % CUSTOMERS).parse().unwrap(),
        status,
        total: Money::from_minor(1_800 + number),
        reason: (status == Status::Canceled).then(|| "the customer canceled it".to_owned()),
        placed_at: newest() - SignedDuration::from_mins(20 * number),
    }
}

async fn with_orders() -> TestShop {
    let test = TestShop::open(&[]).await.unwrap();
    for number in 0..ORDERS {
        let written = test.shop.local().kernel().store.write(&[line(number).put().unwrap()]).await;
        written.unwrap();
    }
    test
}

/// Returns the page, and the cost of the store's reads for it.
async fn page(test: &TestShop, filter: &str) -> (Vec<Value>, Reading) {
    let meter = test.shop.local().store().meter();
    let before = meter.total();
    let path = format!("/orders?limit=50{filter}");
    let page = test.ok("GET", &path, Value::Null).await.unwrap();
    (page["orders"].as_array().unwrap().clone(), meter.total() - before)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_two_thousand_orders_takes_one_query_for_each_state_that_is_asked_for() {
    let test = with_orders().await;
    let up_to = "&to=2026-10-20T12:00:00Z";
    for (filter, requests, orders) in [
        ("", 3, 50),
        ("&status=Open", 1, 50),
        ("&status=Canceled", 1, 50),
        ("&status=Delivered", 1, 50),
        ("&from=2026-10-20", 3, 37),
        ("&from=2026-10-19&status=Delivered", 1, 50),
        ("&customer-id=customer-7", 1, 50),
        ("&customer-id=customer-7&from=2026-10-01", 1, 50),
        // For this query, the service reads all orders of the customer, and keeps those with the
        // requested status. So one page may take two requests to the store.
        ("&customer-id=customer-7&status=Delivered", 2, 50),
        ("&customer-id=customer-7&status=Canceled", 2, 10),
    ] {
        let (listed, used) = page(&test, &format!("{filter}{up_to}")).await;
        assert_eq!((listed.len(), used.requests), (orders, requests), "{filter}");
        // An order in the list takes a quarter of a kilobyte. Even at twice that size, a read unit
        // (4 KB) covers eight orders.
        assert!(used.read_units <= 3.0 * 52.0 / 8.0, "{filter}: {used:?}");
        assert!(used.write_units < 0.5, "{filter}: {used:?}");
        let newest_first =
            |pair: &[Value]| pair[0]["placed-at"].as_str() > pair[1]["placed-at"].as_str();
        assert!(listed.windows(2).all(newest_first), "{filter}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_of_the_console_has_more_than_three_hundred_rows() {
    let test = with_orders().await;
    for path in ["/console/orders?to=2026-10-20", "/console/books", "/console/work", "/console"] {
        let request = Request::get(path).header("accept", "text/html").body(Body::empty()).unwrap();
        let answer = test.shop.router().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let html = to_bytes(answer.into_body(), 10_000_000).await.unwrap();
        let html = String::from_utf8(html.to_vec()).unwrap();
        let rows = html.matches("<tr").count();
        assert!(rows <= 300, "{path} has {rows} rows");
        assert!(path != "/console/orders?to=2026-10-20" || rows == 51, "{rows}");
    }
}
