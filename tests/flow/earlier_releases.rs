//! Data directories of earlier releases open, and their orders go on to their ends.

use std::path::{Path, PathBuf};
use std::process::Command;

use chorus_shop::{Shop, ShopConfig};
use chorus_tests::TestShop;
use serde_json::{Value, json};

/// The directory that `release` left when it was killed, unpacked.
fn left_by(release: &str) -> tempfile::TempDir {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let to = tempfile::tempdir().unwrap();
    let unpacked = Command::new("tar")
        .arg("-xzf")
        .arg(fixtures.join(format!("{release}.tar.gz")))
        .arg("-C")
        .arg(to.path())
        .status();
    assert!(unpacked.unwrap().success());
    to
}

async fn open(data: &Path) -> TestShop {
    let config = ShopConfig { data: Some(data.into()), ..ShopConfig::default() };
    TestShop { shop: Shop::start(&config).await.unwrap() }
}

async fn orders_of(test: &TestShop, customer: &str) -> Vec<String> {
    let path = format!("/orders?customer-id={customer}");
    let page = test.ok("GET", &path, Value::Null).await.unwrap();
    let orders = page["orders"].as_array().unwrap().iter();
    orders.map(|order| order["order-id"].as_str().unwrap().to_owned()).collect()
}

/// Kept of commit c92b2c2: killed with orders that had ended, one that waited for a reviewer, one
/// that waited for the carrier, and some on their way.
#[tokio::test(flavor = "multi_thread")]
async fn the_orders_that_the_first_release_left_all_end() {
    let data = left_by("c92b2c2");
    let test = open(data.path()).await;
    let [reviewed] = &orders_of(&test, "rosa").await[..] else { panic!("rosa ordered once") };
    test.review(reviewed, "approve").await.unwrap();
    assert_eq!(test.ended(reviewed).await.unwrap()["status"], "Delivered");
    let mut ends = Vec::new();
    for customer in ["ana", "declined-dora", "carrier-slow-carl"] {
        for order in orders_of(&test, customer).await {
            ends.push((customer, test.ended(&order).await.unwrap()["status"].clone()));
        }
    }
    let canceled = |customer: &str| customer == "declined-dora";
    for (customer, status) in &ends {
        let expected = if canceled(customer) { "Canceled" } else { "Delivered" };
        assert_eq!(*status, json!(expected), "{customer}");
    }
    assert!(ends.len() >= 8, "{ends:?}");
    test.books().await.unwrap();
    assert!(test.shop.local().dead_letters(&chorus_local::Selection::default()).is_empty());
}
