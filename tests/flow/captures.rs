//! A shop that charges when parcels leave. The customer's bank first holds the amount. The shop
//! then captures the amount once, or releases it.

use chorus_events::{PaymentCapture, Settings};
use chorus_order::Status;
use chorus_shop::ShopConfig;
use chorus_tests::TestShop;
use serde_json::{Value, json};

/// A shop that has this customer, and charges when parcels leave.
async fn shop(customer: &str) -> TestShop {
    let payment_capture = PaymentCapture::WhenShipped;
    let settings = Settings { payment_capture, ..Settings::DEFAULT };
    TestShop::with(ShopConfig { settings, ..ShopConfig::default() }, &[customer]).await.unwrap()
}

/// A shop, and an order whose parcel the carrier has not fetched.
async fn waiting_for_the_carrier(customer: &str) -> (TestShop, String) {
    let test = shop(customer).await;
    let id = test.order(customer, "chai", 2).await.unwrap();
    let started = "DeliveryMarkedAsStarted".to_owned();
    test.until(async || Ok(test.event_names(&id).await?.contains(&started))).await.unwrap();
    (test, id)
}

async fn payment(test: &TestShop, order: &str) -> Value {
    test.ok("GET", &format!("/payments/{order}"), Value::Null).await.unwrap()
}

async fn count(test: &TestShop, order: &str, event: &str) -> usize {
    test.event_names(order)
        .await
        .unwrap()
        .iter()
        .filter(|event_names| *event_names == event)
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_charged_once_when_its_parcel_leaves() {
    let test = shop("ana").await;
    let id = test.order("ana", "chai", 2).await.unwrap();
    assert_eq!(test.ended(&id).await.unwrap()["status"], "Delivered");
    test.rest().await.unwrap();
    for event in ["PaymentAuthorized", "PaymentMade", "ItemRemoved"] {
        assert_eq!(count(&test, &id, event).await, 1, "{event}");
    }
    let books = test.books().await.unwrap();
    assert_eq!(books.net_charged().to_string(), "36.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_canceled_before_its_parcel_leaves_is_never_charged() {
    let (test, id) = waiting_for_the_carrier("ana-carrier-silent").await;
    let held = payment(&test, &id).await;
    assert_eq!((&held["status"], &held["charged"]), (&json!("authorized"), &json!(0)));
    let accounts = test.shop.accounts().await.unwrap();
    assert_eq!(accounts.charged().to_string(), "0.00", "what is held is no income");
    test.ok("POST", &format!("/orders/{id}/cancel"), json!({})).await.unwrap();
    test.ended(&id).await.unwrap();
    test.rest().await.unwrap();
    assert_eq!(count(&test, &id, "PaymentMade").await, 0);
    assert_eq!(count(&test, &id, "PaymentCanceled").await, 1);
    let books = test.books().await.unwrap();
    assert_eq!((books.charged(), books.refunded()), Default::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_amount_that_cannot_be_taken_cancels_the_order_and_calls_the_parcel_back() {
    let (test, id) = waiting_for_the_carrier("ana-lapses-carrier-silent").await;
    assert_eq!(test.webhook(&id, "DeliveryStarted").await.unwrap().status, 202);
    let order = test.ended(&id).await.unwrap();
    assert_eq!(order["reason"], "the payment could not be taken: the authorization has lapsed");
    test.rest().await.unwrap();
    for event in ["CaptureFailed", "DeliveryWasCanceled", "ItemReturned", "PaymentCanceled"] {
        assert_eq!(count(&test, &id, event).await, 1, "{event}");
    }
    let books = test.books().await.unwrap();
    assert_eq!((books.items[0].available, books.count(Status::Canceled)), (39, 1));
    assert_eq!(books.charged().to_string(), "0.00");
}
