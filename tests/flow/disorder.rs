//! The bus delivers each event 2 to 5 times, before or after any other events. This does not change
//! how orders end.

use std::time::Duration;

use chorus_local::Disorder;
use chorus_shop::ShopConfig;
use chorus_tests::{TestShop, reviewer};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

const CUSTOMERS: [&str; 6] =
    ["ana", "ben-declined", "cleo-carrier-cancels", "dora-provider-twice", "emil", "nobody"];

/// The items; an order for a ring waits for a reviewer.
const ITEMS: [&str; 3] = ["chai", "tofu", "ring"];

/// An order may have these events several times: the shop sends one email for each step.
const EMAILS: [&str; 2] = ["EmailSent", "EmailFailed"];

#[derive(Debug, Clone)]
struct Ordered {
    customer: usize,
    item: usize,
    pieces: u32,
    /// Whether the customer cancels at once.
    cancels: bool,
    /// The reviewer's verdict, if a review is requested.
    verdict: &'static str,
}

fn ordered() -> impl Strategy<Value = Ordered> {
    let verdict = prop_oneof![Just("approve"), Just("decline")];
    (0..CUSTOMERS.len(), 0..ITEMS.len(), 1..20_u32, any::<bool>(), verdict).prop_map(
        |(customer, item, pieces, cancels, verdict)| Ordered {
            customer,
            item,
            pieces,
            cancels,
            verdict,
        },
    )
}

async fn place(test: &TestShop, place: usize, ordered: &Ordered) -> anyhow::Result<String> {
    let Ordered { customer, item, pieces, cancels, verdict } = ordered;
    let mut body = chorus_tests::order_of(CUSTOMERS[*customer], ITEMS[*item], *pieces);
    if place % 2 == 1 {
        // The order goes abroad, so that Customs declares it.
        body["shipping-address"]["country"] = json!("MX");
    }
    let key = format!("order-{place}");
    let answer = test.raw("POST", "/orders", Some(&key), body.to_string()).await?;
    anyhow::ensure!(answer.status == 201, "{answer:?}");
    let id = answer.body["order-id"].as_str().unwrap_or_default().to_owned();
    if *cancels {
        test.ok("POST", &format!("/orders/{id}/cancel"), json!({})).await?;
    }
    if ITEMS[*item] == "ring" {
        let path = format!("/reviews/{id}");
        let mut review = Value::Null;
        test.until(async || {
            review = test.raw("GET", &path, None, "").await?.body;
            Ok(review["handle"].is_string() || review["closed"] == true)
        })
        .await?;
        let handle = &review["handle"];
        let event_names = json!({ "verdict": verdict, "handle": handle });
        if handle.is_string() {
            let answer = test.ask_as(reviewer(), "POST", &path, None, &event_names).await?;
            // The status is 409 if the order was canceled before the verdict arrived.
            anyhow::ensure!(matches!(answer.status, 200 | 409), "{answer:?}");
        }
    }
    Ok(id)
}

async fn carry_out(orders: &[Ordered], seed: u64) -> anyhow::Result<()> {
    let disorder = Disorder { fewest_copies: 2, most_copies: 5, delay: Duration::from_millis(30) };
    let config = ShopConfig { disorder, seed: Some(seed), ..ShopConfig::default() };
    let test = TestShop::with(config, &CUSTOMERS[..5]).await?;
    let ring = json!({ "name": "Ring", "price": 1200, "stock": 30 });
    test.ok("PUT", "/items/ring", ring).await?;
    test.rest().await?;
    let mut placed = Vec::new();
    for (number, ordered) in orders.iter().enumerate() {
        placed.push(place(&test, number, ordered).await?);
    }
    for id in &placed {
        test.ended(id).await?;
    }
    test.books().await?;
    for id in &placed {
        each_is_published_once(&test, id).await?;
    }
    let placed_in_all = &test.ok("GET", "/analytics", Value::Null).await?["placed"]["orders"];
    anyhow::ensure!(*placed_in_all == json!(placed.len()), "{placed_in_all} orders are counted");
    test.shop.stop().await?;
    Ok(())
}

/// Checks that each event of an order, emails excepted, was published once, although events were
/// delivered several times.
async fn each_is_published_once(test: &TestShop, id: &str) -> anyhow::Result<()> {
    let mut event_names = test.event_names(id).await?;
    event_names.retain(|event| !EMAILS.contains(&event.as_str()));
    event_names.sort();
    let all = event_names.clone();
    event_names.dedup();
    anyhow::ensure!(event_names == all, "an event of {id} was published twice: {all:?}");
    Ok(())
}

#[test]
fn events_delivered_up_to_five_times_in_any_order_change_nothing() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let orders = prop::collection::vec(ordered(), 1..6);
    let config = ProptestConfig { cases: 16, failure_persistence: None, ..Default::default() };
    TestRunner::new(config)
        .run(&(orders, any::<u64>()), |(orders, seed)| {
            let done = runtime.block_on(carry_out(&orders, seed));
            done.map_err(|error| TestCaseError::fail(format!("{error:#}")))
        })
        .unwrap();
}
