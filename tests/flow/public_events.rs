//! Public events are published only in a deployment that enables them.

use chorus_shop::ShopConfig;
use chorus_tests::TestShop;

async fn event_names(public_events: bool, customer: &str) -> Vec<String> {
    let config = ShopConfig { public_events, ..ShopConfig::default() };
    let test = TestShop::with(config, &[customer]).await.unwrap();
    let order = test.order(customer, "chai", 1).await.unwrap();
    test.ended(&order).await.unwrap();
    test.rest().await.unwrap();
    let event_names = test.event_names(&order).await.unwrap();
    event_names.into_iter().filter(|name| name.starts_with("ShopOrder")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_end_of_an_order_is_published_once_and_only_by_a_shop_that_has_public_events() {
    assert_eq!(event_names(true, "ana").await, ["ShopOrderDelivered"]);
    assert_eq!(event_names(true, "ana-declined").await, ["ShopOrderCanceled"]);
    assert_eq!(event_names(false, "ana").await, [""; 0]);
}
