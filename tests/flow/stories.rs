//! Every way an order can end leaves stock and money as they should be.

use chorus_order::Status;
use chorus_tests::TestShop;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_paid_is_delivered() {
    let test = TestShop::open(&["ana"]).await.unwrap();
    let id = test.order("ana", "chai", 2).await.unwrap();
    assert_eq!(test.ended(&id).await.unwrap()["status"], "Delivered");
    let books = test.books().await.unwrap();
    assert_eq!((books.items[0].available, books.items[0].sold), (37, 2));
    assert_eq!(books.net_charged().to_string(), "36.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_is_not_available_cancels_the_order_before_anything_is_charged() {
    let test = TestShop::open(&["ana"]).await.unwrap();
    let id = test.order("ana", "chai", 40).await.unwrap();
    let order = test.ended(&id).await.unwrap();
    assert_eq!(order["reason"], "not in stock: chai");
    let said = test.said(&id).await.unwrap();
    assert!(!said.contains(&"PaymentMade".to_owned()), "{said:?}");
    test.books().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_payment_gives_the_stock_back() {
    let test = TestShop::open(&["ana-declined"]).await.unwrap();
    let id = test.order("ana-declined", "chai", 2).await.unwrap();
    let order = test.ended(&id).await.unwrap();
    assert_eq!(order["reason"], "the payment failed: card declined");
    assert_eq!(test.books().await.unwrap().items[0].available, 39);
    assert!(test.said(&id).await.unwrap().contains(&"ItemUnreserved".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_cannot_go_on_is_told_in_one_email() {
    let test = TestShop::open(&["ana-declined"]).await.unwrap();
    for pieces in [1, 40] {
        let id = test.order("ana-declined", "chai", pieces).await.unwrap();
        test.ended(&id).await.unwrap();
        let said = test.said(&id).await.unwrap();
        let emails = said.iter().filter(|event| *event == "EmailSent");
        assert_eq!(emails.count(), 1, "{pieces} pieces: {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_that_gives_up_leads_to_a_refund_and_a_return() {
    let test = TestShop::open(&["ana-carrier-cancels"]).await.unwrap();
    let id = test.order("ana-carrier-cancels", "chai", 2).await.unwrap();
    assert_eq!(test.ended(&id).await.unwrap()["status"], "Canceled");
    let said = test.said(&id).await.unwrap();
    for event in ["DeliveryWasCanceled", "PaymentCanceled", "ItemReturned"] {
        assert!(said.contains(&event.to_owned()), "{event} is not among {said:?}");
    }
    assert_eq!(test.books().await.unwrap().items[0].available, 39);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_that_cannot_be_reached_leads_through_the_dead_letters_to_a_refund() {
    let mut config = chorus_shop::ShopConfig::default();
    config.policies.partner.max_attempts = 2;
    let test = TestShop::with(config, &["ana-carrier-down"]).await.unwrap();
    let id = test.order("ana-carrier-down", "chai", 2).await.unwrap();
    let order = test.ended(&id).await.unwrap();
    assert!(order["reason"].as_str().unwrap().starts_with("the delivery was canceled"), "{order}");
    assert_eq!(test.books().await.unwrap().items[0].available, 39);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_may_cancel_while_the_order_is_under_way() {
    let test = TestShop::open(&["ana-carrier-silent"]).await.unwrap();
    let id = test.order("ana-carrier-silent", "chai", 2).await.unwrap();
    let started = "DeliveryMarkedAsStarted".to_owned();
    test.until(async || Ok(test.said(&id).await?.contains(&started))).await.unwrap();
    let path = format!("/orders/{id}/cancel");
    test.ok("POST", &path, json!({ "reason": "changed my mind" })).await.unwrap();
    assert_eq!(test.ended(&id).await.unwrap()["reason"], "changed my mind");
    let books = test.books().await.unwrap();
    assert_eq!((books.items[0].available, books.count(Status::Canceled)), (39, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_high_value_waits_for_a_reviewer() {
    let test = TestShop::with(chorus_shop::ShopConfig::default(), &["ana", "ben"]).await.unwrap();
    let item = json!({ "name": "Ring", "price": 1200, "stock": 2 });
    test.ok("PUT", "/items/ring", item).await.unwrap();
    test.rest().await.unwrap();
    let (approved, declined) =
        (test.order("ana", "ring", 1).await.unwrap(), test.order("ben", "ring", 1).await.unwrap());
    test.rest().await.unwrap();
    let said = test.said(&approved).await.unwrap();
    assert!(
        said.contains(&"DeliveryEstimated".to_owned()) && !said.contains(&"PaymentMade".to_owned())
    );
    for (order, verdict) in [(&approved, "take"), (&approved, "approve"), (&declined, "decline")] {
        test.review(order, verdict).await.unwrap();
    }
    assert_eq!(test.ended(&approved).await.unwrap()["status"], "Delivered");
    assert_eq!(test.ended(&declined).await.unwrap()["status"], "Canceled");
    let twice = test.review(&approved, "decline").await.unwrap_err().to_string();
    assert!(twice.contains("409") && twice.contains("decided the other way"), "{twice}");
    test.books().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_nobody_reviews_in_time_is_undone_and_a_late_verdict_is_refused() {
    let limits = [("ReviewHeartbeatSeconds", 1), ("ReviewTimeoutSeconds", 2)];
    let limits = limits.map(|(name, seconds)| (name.to_owned(), seconds)).into();
    let config = chorus_shop::ShopConfig { limits, ..Default::default() };
    let test = TestShop::with(config, &["ana"]).await.unwrap();
    let item = json!({ "name": "Ring", "price": 1200, "stock": 2 });
    test.ok("PUT", "/items/ring", item).await.unwrap();
    test.rest().await.unwrap();
    let id = test.order("ana", "ring", 1).await.unwrap();
    let ended = test.ended(&id).await.unwrap();
    assert!(ended["reason"].to_string().contains("no reviewer took the order up in time"));
    let late = test.review(&id, "approve").await.unwrap_err().to_string();
    assert!(late.contains("409") && late.contains("was canceled before"), "{late}");
    let books = test.books().await.unwrap();
    assert_eq!(
        (books.items.iter().map(|it| it.reserved).sum::<u64>(), books.count(Status::Canceled)),
        (0, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_customer_and_a_discontinued_item_cancel_the_order() {
    let test = TestShop::open(&["ana"]).await.unwrap();
    let id = test.order("nobody", "chai", 1).await.unwrap();
    assert_eq!(test.ended(&id).await.unwrap()["reason"], "no customer is called nobody");
    let item = json!({ "name": "tofu", "price": 23.25, "stock": 35, "discontinued": true });
    test.ok("PUT", "/items/tofu", item).await.unwrap();
    test.rest().await.unwrap();
    let id = test.order("ana", "tofu", 1).await.unwrap();
    assert_eq!(test.ended(&id).await.unwrap()["reason"], "tofu is discontinued");
    test.books().await.unwrap();
}
