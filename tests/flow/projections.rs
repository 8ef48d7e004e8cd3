//! The list of orders derives only from events: a list that is deleted and rebuilt equals the
//! former list.

use chorus_kernel::Item;
use chorus_order::VIEW_TABLE;
use chorus_tests::TestShop;
use serde_json::Value;

fn dump(test: &TestShop) -> Vec<String> {
    let page = test.shop.local().store().scan(VIEW_TABLE.name, None, None).unwrap();
    assert!(page.next.is_none(), "a page holds what this test makes");
    let mut lines: Vec<String> = page.items.iter().map(bytes).collect();
    lines.sort();
    lines
}

fn bytes(item: &Item) -> String {
    let sorted: std::collections::BTreeMap<_, _> = item.iter().collect();
    format!("{sorted:?}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuilt_list_is_equal_to_the_byte() {
    let test = TestShop::open(&["ana", "ana-declined"]).await.unwrap();
    for (customer, pieces) in [("ana", 1), ("ana", 2), ("ana-declined", 3)] {
        let id = test.order(customer, "chai", pieces).await.unwrap();
        test.ended(&id).await.unwrap();
    }
    let before = dump(&test);
    assert_eq!(before.len(), 3);
    let answer = test.ok("POST", "/operator/projections/rebuild", Value::Null).await.unwrap();
    assert_eq!((&answer["removed"], &answer["folded"]), (&3.into(), &6.into()));
    assert_eq!(dump(&test), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_orders_are_listed_newest_first_page_by_page() {
    let test = TestShop::open(&["ana"]).await.unwrap();
    let mut placed = Vec::new();
    for pieces in 1..=5 {
        placed.push(test.order("ana", "chai", pieces).await.unwrap());
    }
    test.rest().await.unwrap();
    placed.reverse();
    assert_eq!(listed(&test, "&customer-id=ana").await, placed);
}

/// Returns the ids of the orders on all pages of the list. `asked` contains further query
/// parameters, which select the orders.
async fn listed(test: &TestShop, asked: &str) -> Vec<String> {
    let (mut listed, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/orders?limit=2{asked}{cursor}");
        let page = test.ok("GET", &path, Value::Null).await.unwrap();
        let orders = page["orders"].as_array().unwrap();
        assert!(orders.len() <= 2);
        listed.extend(orders.iter().map(|order| order["order-id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            // The cursor is sent unchanged, because it needs no URL encoding.
            Some(next) => cursor = format!("&cursor={next}"),
            None => return listed,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybodys_orders_are_listed_by_how_they_stand_and_when_they_were_placed() {
    let test = TestShop::open(&["ana", "declined-dora"]).await.unwrap();
    let mut placed = Vec::new();
    let customers = ["ana", "declined-dora", "ana", "declined-dora", "ana"];
    for (pieces, customer) in (1..).zip(customers) {
        placed.push(test.order(customer, "chai", pieces).await.unwrap());
    }
    for order in &placed {
        test.ended(order).await.unwrap();
    }
    placed.reverse();
    let [fifth, fourth, third, second, first] = &placed[..] else { panic!("{placed:?}") };
    assert_eq!(listed(&test, "").await, placed);
    let delivered = [fifth, third, first].map(Clone::clone);
    let canceled = [fourth, second].map(Clone::clone);
    assert_eq!(listed(&test, "&status=Delivered").await, delivered);
    assert_eq!(listed(&test, "&status=Canceled").await, canceled);
    assert_eq!(listed(&test, "&status=Open").await, [""; 0]);
    assert_eq!(listed(&test, "&customer-id=ana&status=Canceled").await, [""; 0]);
    assert_eq!(listed(&test, "&customer-id=declined-dora&status=Canceled").await, canceled);
    let order = test.ok("GET", &format!("/orders/{third}"), Value::Null).await.unwrap();
    let at = order["placed-at"].as_str().unwrap();
    assert_eq!(listed(&test, &format!("&from={at}")).await, placed[..3]);
    assert_eq!(listed(&test, &format!("&to={at}")).await, placed[2..]);
    let day = &at[..10];
    assert_eq!(listed(&test, &format!("&from={day}&to={day}")).await, placed);
    assert_eq!(listed(&test, "&to=2020-01-01").await, [""; 0]);
    // A request searches a limited number of months. So some pages have a cursor but no orders.
    assert_eq!(listed(&test, "&from=1980-01-01").await, placed);
    assert_eq!(listed(&test, "&from=1980-01-01&to=2090-01-01").await, placed);
    for whose in ["", "&customer-id=ana"] {
        let never = format!("{whose}&from=2026-01-02&to=2026-01-01");
        assert_eq!(listed(&test, &never).await, [""; 0]);
        let behind = format!("/orders?limit=2&from=2026-01-01{whose}&cursor=0~a");
        let page = test.ok("GET", &behind, Value::Null).await.unwrap();
        assert_eq!(page["orders"], serde_json::json!([]), "a place before all of them");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_cannot_be_is_refused_by_the_name_of_the_parameter() {
    let test = TestShop::open(&["ana"]).await.unwrap();
    for (asked, field) in [
        ("status=Lost", "status"),
        ("from=yesterday", "from"),
        ("to=2026-13-01", "to"),
        ("cursor=x", "cursor"),
    ] {
        let path = format!("/orders?{asked}");
        let answer = test.raw("GET", &path, None, String::new()).await.unwrap();
        assert_eq!((answer.status, &answer.body["errors"][0]["field"]), (400, &field.into()));
    }
}
