//! However an order ends, the accounts of stock and money add up.

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
    let event_names = test.event_names(&id).await.unwrap();
    assert!(!event_names.contains(&"PaymentMade".to_owned()), "{event_names:?}");
    test.books().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_payment_gives_the_stock_back() {
    let test = TestShop::open(&["ana-declined"]).await.unwrap();
    let id = test.order("ana-declined", "chai", 2).await.unwrap();
    let order = test.ended(&id).await.unwrap();
    assert_eq!(order["reason"], "the payment failed: card declined");
    assert_eq!(test.books().await.unwrap().items[0].available, 39);
    assert!(test.event_names(&id).await.unwrap().contains(&"ItemUnreserved".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_cannot_go_on_is_reported_in_one_email() {
    let test = TestShop::open(&["ana-declined"]).await.unwrap();
    for pieces in [1, 40] {
        let id = test.order("ana-declined", "chai", pieces).await.unwrap();
        test.ended(&id).await.unwrap();
        let event_names = test.event_names(&id).await.unwrap();
        let emails = event_names.iter().filter(|event| *event == "EmailSent");
        assert_eq!(emails.count(), 1, "{pieces} pieces: {event_names:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_that_gives_up_leads_to_a_refund_and_a_return() {
    let test = TestShop::open(&["ana-carrier-cancels"]).await.unwrap();
    let id = test.order("ana-carrier-cancels", "chai", 2).await.unwrap();
    assert_eq!(test.ended(&id).await.unwrap()["status"], "Canceled");
    let event_names = test.event_names(&id).await.unwrap();
    for event in ["DeliveryWasCanceled", "PaymentCanceled", "ItemReturned"] {
        assert!(event_names.contains(&event.to_owned()), "{event} is not among {event_names:?}");
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
    test.until(async || Ok(test.event_names(&id).await?.contains(&started))).await.unwrap();
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
    let event_names = test.event_names(&approved).await.unwrap();
    assert!(
        event_names.contains(&"DeliveryEstimated".to_owned())
            && !event_names.contains(&"PaymentMade".to_owned())
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
async fn an_order_whose_customer_confirms_the_payment_waits_for_that_and_is_delivered() {
    let test = TestShop::open(&["ana-confirms"]).await.unwrap();
    let id = test.order("ana-confirms", "chai", 2).await.unwrap();
    let asked =
        async || Ok(test.event_names(&id).await?.contains(&"ConfirmationRequired".to_owned()));
    test.until(asked).await.unwrap();
    let path = format!("/orders/{id}");
    let shown = async || {
        let order = test.ok("GET", &path, json!(null)).await?;
        Ok(order["payment"]["confirmation"]["until"].is_string())
    };
    test.until(shown).await.unwrap();
    assert_eq!(test.ended(&id).await.unwrap()["status"], "Delivered");
    let paid = test
        .event_names(&id)
        .await
        .unwrap()
        .iter()
        .filter(|event_names| *event_names == "PaymentMade")
        .count();
    assert_eq!(paid, 1);
    assert_eq!(test.books().await.unwrap().net_charged().to_string(), "36.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_customer_does_not_confirm_the_payment_in_time_is_undone() {
    let limits = [("ConfirmationTimeoutSeconds".to_owned(), 1)].into();
    let config = chorus_shop::ShopConfig { limits, ..Default::default() };
    let test = TestShop::with(config, &["ana-never-confirms"]).await.unwrap();
    let id = test.order("ana-never-confirms", "chai", 2).await.unwrap();
    let ended = test.ended(&id).await.unwrap();
    let reason = "the payment failed: the customer did not confirm the payment in time";
    assert_eq!((&ended["status"], &ended["reason"]), (&json!("Canceled"), &json!(reason)));
    let canceled =
        async || Ok(test.event_names(&id).await?.contains(&"PaymentCanceled".to_owned()));
    test.until(canceled).await.unwrap();
    let books = test.books().await.unwrap();
    assert_eq!(books.net_charged().to_string(), "0.00");
    assert_eq!(books.items[0].available, 39);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_waits_for_an_operator_until_it_is_settled() {
    let test = TestShop::open(&["ana"]).await.unwrap();
    let id = test.order("ana", "chai", 1).await.unwrap();
    test.ended(&id).await.unwrap();
    for _ in 0..2 {
        assert_eq!(test.dispute(&id).await.unwrap().status, 200);
    }
    test.rest().await.unwrap();
    let event_names = test.event_names(&id).await.unwrap();
    let disputed =
        event_names.iter().filter(|event_names| *event_names == "ErrorPaymentDisputed").count();
    assert_eq!(disputed, 1, "{event_names:?}");
    let since = jiff::Timestamp::UNIX_EPOCH;
    let store = &test.shop.local().kernel().store;
    let checkup =
        chorus_shop::doctor::examine(&**store, jiff::Timestamp::now(), since).await.unwrap();
    let [attention] = checkup.attention.as_slice() else { panic!("{checkup:?}") };
    assert_eq!(attention.event, "ErrorPaymentDisputed");
    assert!(attention.remedy.contains("chorus settle"), "{}", attention.remedy);
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
