//! Many orders at once: all of them end, and the stock and the money add up.

mod harness;

use chorus_kernel::Clock;
use chorus_local::{Selection, VirtualClock};
use chorus_order::Status;
use chorus_shop::Accounts;
use jiff::Timestamp;

use harness::Harness;

const ORDERS: usize = 1_000;

/// Every tenth order's payment is declined.
fn customer(number: usize) -> &'static str {
    if number.is_multiple_of(10) { "declined" } else { "alfki" }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_orders_in_flight_at_once_all_end_and_the_books_add_up() -> anyhow::Result<()> {
    let harness = Harness::open(None, &["alfki", "declined"], |store| store).await?;
    harness.place(0..ORDERS, customer).await?;
    let waiting = harness.local.bus().load().pending;
    assert!(waiting >= ORDERS, "every order waits before the runner starts: {waiting}");

    harness.run_until_delivered(0).await?;
    let accounts = Accounts::of(&harness.local, &harness.partners).await?;
    assert_eq!(accounts.count(Status::Open), ORDERS - ORDERS / 10, "parcels lie at the carrier");

    harness.move_parcels(true);
    harness.run_until_delivered(ORDERS - ORDERS / 10).await?;
    let accounts = Accounts::of(&harness.local, &harness.partners).await?;
    assert_eq!(accounts.problems, Vec::<String>::new());
    assert_eq!(accounts.count(Status::Delivered), ORDERS - ORDERS / 10);
    assert_eq!(accounts.count(Status::Canceled), ORDERS / 10);
    assert_eq!(accounts.net_charged(), accounts.worth(Status::Delivered));
    assert!(harness.local.dead_letters(&Selection::default()).is_empty(), "nothing is given up");
    Ok(())
}

/// How many pieces there are of the item that all orders contain.
const PIECES: u32 = 700;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_orders_for_one_item_at_once_sell_what_there_is_without_a_dead_letter()
-> anyhow::Result<()> {
    let harness = Harness::open(None, &["alfki"], |store| store).await?;
    harness.stock("samovar", PIECES).await?;
    harness.run_until_delivered(0).await?;
    harness.move_parcels(true);
    harness.place_for_one("samovar", ORDERS, "alfki").await?;
    let sold = usize::try_from(PIECES)?;
    harness.run_until_delivered(sold).await?;
    let accounts = Accounts::of(&harness.local, &harness.partners).await?;
    assert_eq!(accounts.problems, Vec::<String>::new());
    assert_eq!(accounts.count(Status::Delivered), sold);
    assert_eq!(accounts.count(Status::Canceled), ORDERS - sold, "not in stock");
    assert_eq!(accounts.net_charged(), accounts.worth(Status::Delivered));
    assert!(harness.local.dead_letters(&Selection::default()).is_empty(), "nothing is given up");
    Ok(())
}

/// How many requests to the shop's store an ordinary order may take, including the requests of its
/// state machine.
const REQUESTS: u64 = 65;

#[tokio::test]
async fn an_order_takes_few_requests_to_the_embedded_store() -> anyhow::Result<()> {
    let harness = Harness::open(None, &["alfki"], |store| store).await?;
    harness.move_parcels(true);
    harness.place(0..2, |_| "alfki").await?;
    harness.run_until_delivered(2).await?;
    let before = harness.local.store().meter().total().requests;
    harness.place(2..12, |_| "alfki").await?;
    harness.run_until_delivered(12).await?;
    let requests = harness.local.store().meter().total().requests - before;
    assert!(requests <= 10 * REQUESTS, "ten orders took {requests} requests");
    Ok(())
}

/// How many seconds the last parcel of a burst waits until the bus calls the carrier.
const WAITS: usize = 500;

/// Places all orders at one moment. By default, the carrier accepts one call a second. The last
/// orders wait for minutes: the test would notice a time limit that cancels waiting orders. With
/// `CHORUS_BURST=5000`, the carrier accepts ten calls a second, and the test takes minutes.
#[tokio::test]
async fn a_burst_of_orders_through_the_carriers_rate_cancels_nothing() -> anyhow::Result<()> {
    let burst = std::env::var("CHORUS_BURST").map_or(Ok(WAITS), |burst| burst.parse())?;
    let clock = VirtualClock::at(Timestamp::now());
    let calls_per_second = u32::try_from(burst / WAITS)?;
    let harness = Harness::in_virtual_time(&clock, &["alfki"], calls_per_second).await?;
    harness.move_parcels(true);
    let began = clock.now();
    harness.place(0..burst, |_| "alfki").await?;
    harness.run_until_delivered(burst).await?;
    let accounts = Accounts::of(&harness.local, &harness.partners).await?;
    assert_eq!(accounts.problems, Vec::<String>::new());
    assert_eq!(accounts.count(Status::Delivered), burst);
    assert!(harness.local.dead_letters(&Selection::default()).is_empty(), "nothing is given up");
    let took = usize::try_from(clock.now().duration_since(began).as_secs())?;
    assert!((WAITS - 1..WAITS + 100).contains(&took), "{took} seconds");
    Ok(())
}
