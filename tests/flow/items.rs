//! The items that a front end reads: the list, page by page, and searches.

use chorus_http::Caller;
use chorus_tests::TestShop;
use serde_json::{Value, json};

/// A shop with five items that are sold, and one that is discontinued.
async fn shop() -> TestShop {
    let test = TestShop::open(&["ana"]).await.unwrap();
    let items = [
        ("latte", "Chai Latte", false),
        ("boysenberry", "Boysenberry Spread", false),
        ("aeble", "Æblegrød", false),
        ("mocca", "Mocca Chai", true),
    ];
    for (sku, name, discontinued) in items {
        let item = json!({ "name": name, "price": 2, "stock": 9, "discontinued": discontinued });
        test.ok("PUT", &format!("/items/{sku}"), item).await.unwrap();
    }
    test
}

/// Returns the SKUs on all pages of a list.
async fn listed(test: &TestShop, asked: &str) -> Vec<String> {
    let (mut listed, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/items?limit=2{asked}{cursor}");
        let page = test.ok("GET", &path, Value::Null).await.unwrap();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        listed.extend(items.iter().map(|item| item["sku"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return listed,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn items_are_listed_by_name_page_by_page_and_found_by_what_they_are_called() {
    let test = shop().await;
    assert_eq!(listed(&test, "").await, ["boysenberry", "chai", "latte", "tofu", "aeble"]);
    assert_eq!(listed(&test, "&name=cha").await, ["chai", "latte"]);
    assert_eq!(listed(&test, "&name=CHAI%20").await, ["latte"]);
    assert_eq!(listed(&test, "&name=%C3%A6").await, ["aeble"]);
    assert_eq!(listed(&test, "&text=spread").await, ["boysenberry"]);
    assert_eq!(listed(&test, "&text=TT").await, ["latte"], "in the SKU");
    assert_eq!(listed(&test, "&name=c&text=e").await, ["latte"]);
    assert_eq!(listed(&test, "&text=nothing%20like%20it").await, [""; 0]);
    assert_eq!(listed(&test, "&discontinued=true").await, ["mocca"]);
    let behind = test.ok("GET", "/items?name=cha&cursor=tofu", Value::Null).await.unwrap();
    assert_eq!(behind["items"], json!([]), "a place behind all of them");
    let page = test.ok("GET", "/items?name=tofu", Value::Null).await.unwrap();
    let tofu = json!({
        "sku": "tofu", "name": "tofu", "price": 23.25, "discontinued": false, "available": 35,
    });
    assert_eq!(page, json!({ "items": [tofu], "currency": "EUR" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_follows_an_item_that_is_renamed_withdrawn_or_ordered() {
    let test = shop().await;
    let renamed = json!({ "name": "Zest", "price": 2, "stock": 9 });
    test.ok("PUT", "/items/boysenberry", renamed).await.unwrap();
    let withdrawn = json!({ "name": "Latte", "price": 2, "stock": 9, "discontinued": true });
    test.ok("PUT", "/items/latte", withdrawn).await.unwrap();
    assert_eq!(listed(&test, "").await, ["chai", "tofu", "boysenberry", "aeble"]);
    assert_eq!(listed(&test, "&discontinued=true").await, ["latte", "mocca"]);
    let order = test.order("ana", "chai", 4).await.unwrap();
    test.ended(&order).await.unwrap();
    let page = test.ok("GET", "/items?name=chai", Value::Null).await.unwrap();
    assert_eq!(page["items"][0]["available"], 35);
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_may_look_around_and_a_list_that_cannot_be_is_refused() {
    let test = shop().await;
    let (caller, nothing) = (Caller::unknown(), Value::Null);
    let answer = test.ask_as(caller, "GET", "/items", None, &nothing).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    for (asked, field) in [
        ("cursor=unheard-of", "cursor"),
        ("name=", "name"),
        ("discontinued=maybe", "discontinued"),
        ("limit=101", "limit"),
    ] {
        let answer = test.raw("GET", &format!("/items?{asked}"), None, "").await.unwrap();
        assert_eq!((answer.status, &answer.body["errors"][0]["field"]), (400, &field.into()));
    }
}
