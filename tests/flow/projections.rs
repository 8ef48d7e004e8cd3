//! The list of orders is nothing but a fold: thrown away and made anew, it is the same.

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
    let (mut listed, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/orders?customer-id=ana&limit=2{cursor}");
        let page = test.ok("GET", &path, Value::Null).await.unwrap();
        let orders = page["orders"].as_array().unwrap();
        assert!(orders.len() <= 2);
        listed.extend(orders.iter().map(|order| order["order-id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            // As it is: a cursor needs no encoding.
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    placed.reverse();
    assert_eq!(listed, placed);
}
