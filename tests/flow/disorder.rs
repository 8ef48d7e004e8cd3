//! Any event, delivered 2 to 5 times in any order with others, changes nothing.

use std::time::Duration;

use chorus_local::Disorder;
use chorus_shop::ShopConfig;
use chorus_tests::TestShop;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;

const CUSTOMERS: [&str; 6] =
    ["ana", "ben-declined", "cleo-carrier-cancels", "dora-provider-twice", "emil", "nobody"];

/// The orders of a run: who, how many pieces, and whether the customer cancels at once.
type Orders = Vec<(usize, u32, bool)>;

async fn carry_out(orders: &Orders, seed: u64) -> anyhow::Result<()> {
    let disorder = Disorder { fewest_copies: 2, most_copies: 5, delay: Duration::from_millis(30) };
    let config = ShopConfig { disorder, seed: Some(seed), ..ShopConfig::default() };
    let test = TestShop::with(config, &CUSTOMERS[..5]).await?;
    let mut placed = Vec::new();
    for (place, (customer, pieces, cancels)) in orders.iter().enumerate() {
        let body = chorus_tests::order_of(CUSTOMERS[*customer], "chai", *pieces);
        let key = format!("order-{place}");
        let answer = test.raw(("POST", "/orders"), Some(&key), body.to_string()).await?;
        anyhow::ensure!(answer.status == 201, "{answer:?}");
        let id = answer.body["order-id"].as_str().unwrap_or_default().to_owned();
        if *cancels {
            test.ok("POST", &format!("/orders/{id}/cancel"), json!({})).await?;
        }
        placed.push(id);
    }
    for id in &placed {
        test.ended(id).await?;
    }
    test.books().await?;
    test.shop.stop().await?;
    Ok(())
}

#[test]
fn events_delivered_up_to_five_times_in_any_order_change_nothing() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let orders = prop::collection::vec((0..CUSTOMERS.len(), 1..20_u32, any::<bool>()), 1..6);
    let config = ProptestConfig { cases: 16, failure_persistence: None, ..Default::default() };
    TestRunner::new(config)
        .run(&(orders, any::<u64>()), |(orders, seed)| {
            let done = runtime.block_on(carry_out(&orders, seed));
            done.map_err(|error| TestCaseError::fail(format!("{error:#}")))
        })
        .unwrap();
}
