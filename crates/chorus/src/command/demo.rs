//! `chorus demo`: seven example orders on a shop that is deleted afterwards.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use chorus_order::Status;
use chorus_shop::{Accounts, Shop, ShopConfig};
use clap::Args;
use serde_json::{Value, json};

use crate::client::{ApiRequest, Client};
use crate::interruption::{INTERRUPTED, Interruption};
use crate::screen::{BAD, BOLD, DIM, GOOD, called, line};
use crate::timeline::Timeline;

/// How long an example order may take before the demo fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// Run seven example orders and print their events
///
/// Run seven example orders on a shop in a temporary directory, and print their events, one by one.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Print JSON: every order's events, and the stock and money
    #[arg(long)]
    json: bool,
}

/// An example order. The customer's id selects how the simulated partners misbehave.
struct Story {
    title: &'static str,
    customer: &'static str,
    item: &'static str,
    pieces: u32,
    while_open: WhileOpen,
    ends: Status,
}

/// What a customer or a reviewer does while the order is open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WhileOpen {
    Nothing,
    /// The customer cancels as soon as this event is published.
    CancelAfter(&'static str),
    /// A reviewer approves the order.
    Approve,
}

/// The review timeout of the demo, in seconds. It is short, because a person watches the demo.
const REVIEW_SECONDS: u32 = 2;

const STORIES: [Story; 7] = [
    Story {
        title: "Ordered, paid, delivered",
        customer: "ana",
        item: "chai",
        pieces: 2,
        while_open: WhileOpen::Nothing,
        ends: Status::Delivered,
    },
    Story {
        title: "An item is not available: nothing is charged",
        customer: "berit",
        item: "tofu",
        pieces: 36,
        while_open: WhileOpen::Nothing,
        ends: Status::Canceled,
    },
    Story {
        title: "The payment fails: the reserved items are released",
        customer: "carlos-declined",
        item: "chai",
        pieces: 3,
        while_open: WhileOpen::Nothing,
        ends: Status::Canceled,
    },
    Story {
        title: "The carrier gives up: the charge is refunded, and the items return to the stock",
        customer: "dora-carrier-cancels",
        item: "tofu",
        pieces: 1,
        while_open: WhileOpen::Nothing,
        ends: Status::Canceled,
    },
    Story {
        title: "The customer cancels while the order is under way",
        customer: "emil-carrier-silent",
        item: "chai",
        pieces: 5,
        while_open: WhileOpen::CancelAfter("DeliveryMarkedAsStarted"),
        ends: Status::Canceled,
    },
    Story {
        title: "An order of high value: charged once a reviewer has approved it",
        customer: "fatima",
        item: "samovar",
        pieces: 1,
        while_open: WhileOpen::Approve,
        ends: Status::Delivered,
    },
    Story {
        title: "Nobody reviews the order in time: the payment fails, and every earlier step is undone",
        customer: "gustav",
        item: "samovar",
        pieces: 2,
        while_open: WhileOpen::Nothing,
        ends: Status::Canceled,
    },
];

/// The items of the shop: SKU, name, price, stock.
const ITEMS: [(&str, &str, f64, u32); 3] =
    [("chai", "Chai", 18.0, 39), ("tofu", "Tofu", 23.25, 35), ("samovar", "Samovar", 1250.0, 3)];

pub(crate) async fn run(demo: &Demo) -> anyhow::Result<ExitCode> {
    let interruption = Interruption::listen()?;
    let place = tempfile::tempdir()?;
    let limits = ["ReviewHeartbeatSeconds", "ReviewTimeoutSeconds"];
    let config = ShopConfig {
        data: Some(place.path().to_owned()),
        limits: limits.map(|name| (name.to_owned(), REVIEW_SECONDS)).into(),
        ..ShopConfig::default()
    };
    let shop = Shop::start(&config).await?;
    // Waits for the end of the demo or for an interruption. In either case, the temporary directory
    // is removed.
    let ended = tokio::select! {
        stories = print_text(demo, &shop) => stories,
        () = interruption.received() => Ok(ExitCode::from(INTERRUPTED)),
    };
    shop.stop().await?;
    ended
}

async fn print_text(demo: &Demo, shop: &Shop) -> anyhow::Result<ExitCode> {
    let client = Client::remote(&shop.url().context("the shop's API is not running")?);
    seed(&client, shop).await?;
    if !demo.json {
        line!(
            "Seven orders in a small shop, whose data is in a temporary directory.\nEach line is an \
             event: the time since the order was placed, its publisher, its name, and the event that \
             caused it.\n"
        );
    }
    let mut stories = Vec::new();
    for (place, story) in STORIES.iter().enumerate() {
        let timeline = play(story, &client, shop).await?;
        if !demo.json {
            line!("{BOLD}{}. {}{BOLD:#}", place + 1, story.title);
            let (pieces, item, customer) = (story.pieces, story.item, story.customer);
            line!("  {DIM}{customer} orders {pieces} × {item}: {}{DIM:#}", timeline.order_id);
            timeline.print_lines()?;
            line!("");
        }
        stories.push(json!({ "story": story.title, "events": timeline.events }));
    }
    let accounts = shop.accounts().await?;
    if demo.json {
        line!(
            "{}",
            serde_json::to_string_pretty(&json!({ "stories": stories, "books": accounts }))?
        );
    } else {
        print_books(&accounts);
        line!("\n{DIM}A shop of your own:{DIM:#} {} up --data shop", called());
    }
    Ok(if accounts.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn seed(client: &Client, shop: &Shop) -> anyhow::Result<()> {
    for (sku, name, price, stock) in ITEMS {
        let body = json!({ "name": name, "price": price, "stock": stock });
        client.ask::<Value>(ApiRequest::put(&format!("/items/{sku}"), body)).await?;
    }
    for story in &STORIES {
        let customer = story.customer;
        let name = customer.split('-').next().unwrap_or(customer);
        let body = json!({ "name": name, "email": format!("{name}@example.com") });
        client.ask::<Value>(ApiRequest::put(&format!("/customers/{customer}"), body)).await?;
    }
    shop.local().runner().run_until_idle(PATIENCE).await?;
    Ok(())
}

async fn play(story: &Story, client: &Client, shop: &Shop) -> anyhow::Result<Timeline> {
    let body = json!({
        "customer-id": story.customer,
        "lines": [{ "sku": story.item, "quantity": story.pieces }],
        "shipping-address": {
            "name": story.customer, "street": "Obere Str. 57", "city": "Berlin",
            "postal-code": "12209", "country": "DE",
        },
    });
    let key = format!("demo-{}", story.customer);
    let order: Value = client.ask(ApiRequest::post("/orders", body).with_key(&key)).await?;
    let order_id = order["order-id"]
        .as_str()
        .context("the response to POST /orders must have an order-id")?
        .to_owned();
    act_while_open(story.while_open, client, &order_id).await?;
    let ends = serde_json::to_value(story.ends)?;
    wait_for(&format!("the end of {order_id}"), async || {
        let order: Value = client.ask(ApiRequest::get(&format!("/orders/{order_id}"))).await?;
        Ok(order["status"] != "Open")
    })
    .await?;
    shop.local().runner().run_until_idle(PATIENCE).await?;
    let order: Value = client.ask(ApiRequest::get(&format!("/orders/{order_id}"))).await?;
    ensure!(
        order["status"] == ends,
        "order {order_id} must have the status {ends}, but is {order}"
    );
    Timeline::read(client, &order_id).await
}

/// Cancels or approves the open order, as the example says.
async fn act_while_open(
    while_open: WhileOpen,
    client: &Client,
    order_id: &str,
) -> anyhow::Result<()> {
    match while_open {
        WhileOpen::Nothing => {}
        WhileOpen::CancelAfter(event) => {
            wait_for(&format!("{event} of {order_id}"), async || {
                let timeline = Timeline::read(client, order_id).await?;
                Ok(timeline.events.iter().any(|logged| logged.detail_type == event))
            })
            .await?;
            let path = format!("/orders/{order_id}/cancel");
            client
                .ask::<Value>(ApiRequest::post(&path, json!({ "reason": "changed my mind" })))
                .await?;
        }
        WhileOpen::Approve => {
            let path = format!("/reviews/{order_id}");
            let mut handle = Value::Null;
            wait_for(&format!("the review of {order_id}"), async || {
                let (_, review) = client.send(ApiRequest::get(&path)).await?;
                handle = review["handle"].clone();
                Ok(handle.is_string())
            })
            .await?;
            let verdict = json!({ "verdict": "approve", "handle": handle });
            client.ask::<Value>(ApiRequest::post(&path, verdict)).await?;
        }
    }
    Ok(())
}

/// Polls until the condition holds.
async fn wait_for(
    what: &str,
    mut is_so: impl AsyncFnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let asking = async {
        while !is_so().await? {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        anyhow::Ok(())
    };
    let late = || format!("{what} did not come within {} s", PATIENCE.as_secs());
    tokio::time::timeout(PATIENCE, asking).await.with_context(late)?
}

/// Prints stock and money, and whether they add up.
pub(crate) fn print_books(accounts: &Accounts) {
    line!("{BOLD}Stock{BOLD:#}   {DIM}received = available + reserved + sold{DIM:#}");
    for item in &accounts.items {
        let (sku, received, available) = (item.sku.as_str(), item.received, item.available);
        let (reserved, sold) = (item.reserved, item.sold);
        line!("  {sku:<14}{received:>6} = {available:>5} + {reserved} + {sold}");
    }
    let (delivered, canceled) =
        (accounts.count(Status::Delivered), accounts.count(Status::Canceled));
    line!("\n{BOLD}Money{BOLD:#}");
    line!("  {delivered} delivered, worth {:>8}", accounts.worth(Status::Delivered));
    line!("  {canceled} canceled,  worth {:>8}", accounts.worth(Status::Canceled));
    let (charged, refunded) = (accounts.charged(), accounts.refunded());
    let kept = accounts.net_charged();
    line!("  charged {charged} - refunded {refunded} = {kept} kept\n");
    if accounts.problems.is_empty() {
        line!(
            "{GOOD}It adds up:{GOOD:#} each sold piece was delivered, and each delivered order was paid once."
        );
    }
    for problem in &accounts.problems {
        line!("{BAD}It does not add up:{BAD:#} {problem}");
    }
}
