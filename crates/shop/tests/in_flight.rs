//! Many orders at once: all of them end, and nothing is lost or made up.

mod world;

use chorus_local::Selection;
use chorus_order::Status;
use chorus_shop::Accounts;

use world::Harness;

const ORDERS: usize = 1_000;

/// Every tenth order is not paid.
fn customer(number: usize) -> &'static str {
    if number.is_multiple_of(10) { "declined" } else { "alfki" }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_orders_in_flight_at_once_all_end_and_the_books_add_up() -> anyhow::Result<()> {
    let world = Harness::open(None, &["alfki", "declined"], |store| store).await?;
    world.place(0..ORDERS, customer).await?;
    let waiting = world.local.bus().load().pending;
    assert!(waiting >= ORDERS, "every order waits before the runner starts: {waiting}");

    world.rest(0).await?;
    let accounts = Accounts::of(&world.local, &world.partners).await?;
    assert_eq!(accounts.count(Status::Open), ORDERS - ORDERS / 10, "parcels lie at the carrier");

    world.move_parcels(true);
    world.rest(ORDERS - ORDERS / 10).await?;
    let accounts = Accounts::of(&world.local, &world.partners).await?;
    assert_eq!(accounts.problems, Vec::<String>::new());
    assert_eq!(accounts.count(Status::Delivered), ORDERS - ORDERS / 10);
    assert_eq!(accounts.count(Status::Canceled), ORDERS / 10);
    assert_eq!(accounts.net_charged(), accounts.worth(Status::Delivered));
    assert!(world.local.dead_letters(&Selection::default()).is_empty(), "nothing is given up");
    Ok(())
}
