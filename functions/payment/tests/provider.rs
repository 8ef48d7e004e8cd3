//! The simulated provider acts once for each intent. The customer's id and the amount select
//! the provider's behaviour.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use chorus_events::delivery::DeliveryEstimated;
use chorus_events::order::OrderCanceled;
use chorus_events::payment::{PaymentCanceled, PaymentMade};
use chorus_events::{Money, PaymentCapture, samples};
use chorus_http::{Method, Request};
use chorus_kernel::Clock;
use chorus_kernel::testing::expect_ready;
use chorus_payment::{
    CaptureAnswer, Charge, ChargeAnswer, IntentId, Movement, PaymentProvider, ProviderError,
    Refund, RefundAnswer, SimulatedNotice, SimulatedProvider, function, ledger,
};
use chorus_table::Event;
use jiff::SignedDuration;
use support::{Shop, payload, wire};

struct Counter {
    shop: Shop,
    provider: SimulatedProvider,
    customer: &'static str,
    amount: Money,
}

/// A customer with this amount to pay, and a simulated provider.
fn counter(customer: &'static str, amount: Money) -> Counter {
    use chorus_payment::{CUSTOMER_WAIT_TABLE, REVIEW_WAIT_TABLE, SIMULATED_PROVIDER_TABLE, TABLE};
    let shop =
        Shop::over(&[TABLE, REVIEW_WAIT_TABLE, CUSTOMER_WAIT_TABLE, SIMULATED_PROVIDER_TABLE]);
    let provider = SimulatedProvider::new(shop.store.clone(), shop.clock.clone());
    Counter { shop, provider, customer, amount }
}

/// Returns a [`Counter`] whose bank already holds the amount; nothing is captured yet.
fn holding(customer: &'static str) -> Counter {
    let counter = counter(customer, samples::total());
    let provider = counter.provider.clone().capturing(PaymentCapture::WhenShipped);
    let holding = Counter { provider, ..counter };
    let answer = holding.charge().unwrap();
    assert!(matches!(answer, ChargeAnswer::Authorized { .. }), "{answer:?}");
    assert_eq!(holding.charged_and_refunded(), []);
    holding
}

impl Counter {
    fn capture(&self) -> Result<CaptureAnswer, ProviderError> {
        expect_ready(self.provider.capture(&self.intent()))
    }

    fn to_charge(&self) -> Charge {
        Charge {
            order_id: samples::order_id(),
            customer_id: self.customer.parse().unwrap(),
            amount: self.amount,
            payment_method: None,
        }
    }

    fn intent(&self) -> IntentId {
        expect_ready(self.provider.prepare(&self.to_charge())).unwrap()
    }

    fn charge(&self) -> Result<ChargeAnswer, ProviderError> {
        expect_ready(self.provider.confirm(&self.intent(), &self.to_charge()))
    }

    fn refund(&self) -> Result<RefundAnswer, ProviderError> {
        self.retry_refund(0)
    }

    fn retry_refund(&self, retries: u32) -> Result<RefundAnswer, ProviderError> {
        let (order_id, intent) = (samples::order_id(), self.intent());
        expect_ready(self.provider.refund(&Refund { order_id, intent, retries }))
    }

    fn charged_and_refunded(&self) -> Vec<(Movement, Money)> {
        let entries = expect_ready(ledger(&*self.shop.store)).unwrap();
        entries.iter().map(|entry| (entry.movement, entry.amount)).collect()
    }
}

fn is_charged(answer: &Result<ChargeAnswer, ProviderError>) -> bool {
    matches!(answer, Ok(ChargeAnswer::Charged { .. }))
}

fn is_declined(answer: &Result<ChargeAnswer, ProviderError>) -> bool {
    matches!(answer, Ok(ChargeAnswer::Declined { .. }))
}

#[test]
fn asked_twice_it_charges_and_refunds_once() {
    let counter = counter("456", samples::total());
    let amount = samples::total();
    for _ in 0..2 {
        assert!(is_charged(&counter.charge()));
    }
    for _ in 0..2 {
        assert_eq!(counter.refund().unwrap(), RefundAnswer::Refunded { amount });
    }
    assert_eq!(
        counter.charged_and_refunded(),
        [(Movement::Charge, amount), (Movement::Refund, amount)]
    );
}

#[test]
fn an_amount_that_is_held_is_taken_once_or_released_and_never_both() {
    let amount = samples::total();
    let taken = holding("456");
    for _ in 0..2 {
        assert!(matches!(taken.capture(), Ok(CaptureAnswer::Captured { .. })));
        assert!(is_charged(&taken.charge()));
    }
    assert_eq!(taken.charged_and_refunded(), [(Movement::Charge, amount)]);
    assert_eq!(taken.refund().unwrap(), RefundAnswer::Refunded { amount });

    let released = holding("456");
    assert_eq!(released.refund().unwrap(), RefundAnswer::NothingCharged);
    assert!(matches!(released.capture(), Ok(CaptureAnswer::Failed { .. })));
    assert_eq!(released.refund().unwrap(), RefundAnswer::NothingCharged);
    assert_eq!(released.charged_and_refunded(), []);
}

#[test]
fn an_authorization_may_lapse_and_the_answer_to_a_capture_be_lost() {
    let lapsed = holding("lapses");
    for _ in 0..2 {
        assert!(matches!(lapsed.capture(), Ok(CaptureAnswer::Failed { .. })));
    }
    assert_eq!(lapsed.charged_and_refunded(), []);
    let lost = counter("provider-twice", samples::total());
    let provider = lost.provider.clone().capturing(PaymentCapture::WhenShipped);
    let lost = Counter { provider, ..lost };
    assert!(lost.charge().is_err() && lost.charge().is_ok());
    assert!(lost.capture().is_err());
    assert!(matches!(lost.capture(), Ok(CaptureAnswer::Captured { .. })));
    assert_eq!(lost.charged_and_refunded().len(), 1);
}

#[test]
fn a_customer_or_an_amount_tells_it_to_decline() {
    let unlucky = counter("456", Money::from_minor(1_213));
    let declined = counter("a-declined-one", samples::total());
    for counter in [unlucky, declined] {
        assert!(is_declined(&counter.charge()));
        assert_eq!(counter.refund().unwrap(), RefundAnswer::NothingCharged);
        assert_eq!(counter.charged_and_refunded(), []);
    }
}

#[test]
fn a_charge_that_comes_after_its_refund_is_declined() {
    let counter = counter("456", samples::total());
    assert_eq!(counter.refund().unwrap(), RefundAnswer::NothingCharged);
    assert!(is_declined(&counter.charge()));
    assert_eq!(counter.charged_and_refunded(), []);
}

#[test]
fn while_it_is_down_it_leaves_two_asks_of_each_key_unanswered() {
    let counter = counter("provider-down", samples::total());
    let answered: Vec<bool> = (0..4).map(|_| counter.charge().is_ok()).collect();
    assert_eq!(answered, [false, false, true, true]);
    let answered: Vec<bool> = (0..3).map(|_| counter.refund().is_ok()).collect();
    assert_eq!(answered, [false, false, true]);
}

#[test]
fn an_answer_that_is_lost_does_not_move_money_twice() {
    let counter = counter("provider-twice", samples::total());
    assert!(counter.charge().is_err());
    assert_eq!(counter.charged_and_refunded().len(), 1, "it charged, although its answer was lost");
    assert!(is_charged(&counter.charge()));
    assert!(counter.refund().is_err());
    assert!(counter.refund().is_ok());
    assert_eq!(counter.charged_and_refunded().len(), 2);
}

#[test]
fn a_slow_one_takes_two_seconds() {
    let counter = counter("provider-slow", samples::total());
    let before = counter.shop.clock.now();
    assert!(is_charged(&counter.charge()));
    let took = counter.shop.clock.now().duration_since(before);
    assert_eq!(Duration::try_from(took).unwrap(), Duration::from_secs(2));
}

#[test]
fn a_refund_may_be_refused() {
    let counter = counter("refund-refused", samples::total());
    assert!(is_charged(&counter.charge()));
    for _ in 0..2 {
        assert!(matches!(counter.refund().unwrap(), RefundAnswer::Refused { .. }));
    }
    assert_eq!(counter.charged_and_refunded().len(), 1);
    let amount = samples::total();
    let refunded = counter.retry_refund(1).unwrap();
    assert_eq!(refunded, RefundAnswer::Refunded { amount });
    assert_eq!(counter.charged_and_refunded().len(), 2);
}

#[test]
fn a_customer_who_confirms_does_so_after_two_seconds_and_the_shop_is_told_once() {
    let counter = counter("ana-confirms", samples::total());
    for _ in 0..2 {
        let answer = counter.charge().unwrap();
        assert!(matches!(answer, ChargeAnswer::ConfirmationRequired { .. }), "{answer:?}");
    }
    assert_eq!(counter.charged_and_refunded(), []);
    let (due, next) = expect_ready(counter.provider.notices()).unwrap();
    let in_two_seconds = counter.shop.clock.now() + SignedDuration::from_secs(2);
    assert_eq!((due, next), (vec![], Some(in_two_seconds)));
    expect_ready(counter.shop.clock.sleep(Duration::from_secs(2)));
    let (due, _) = expect_ready(counter.provider.notices()).unwrap();
    let notice = SimulatedNotice::succeeded(counter.intent(), samples::order_id());
    assert_eq!(due, std::slice::from_ref(&notice));
    assert_eq!(counter.charged_and_refunded(), [(Movement::Charge, samples::total())]);
    assert!(is_charged(&counter.charge()));
    expect_ready(counter.provider.notice_accepted(&notice)).unwrap();
    assert_eq!(expect_ready(counter.provider.notices()).unwrap(), (vec![], None));
}

#[test]
fn a_charge_that_nobody_confirms_is_made_never_and_a_refund_cancels_it() {
    let counter = counter("ana-never-confirms", samples::total());
    for _ in 0..2 {
        let answer = counter.charge().unwrap();
        assert!(matches!(answer, ChargeAnswer::ConfirmationRequired { .. }), "{answer:?}");
        expect_ready(counter.shop.clock.sleep(Duration::from_secs(86_400)));
    }
    assert_eq!(expect_ready(counter.provider.notices()).unwrap(), (vec![], None));
    assert_eq!(counter.refund().unwrap(), RefundAnswer::NothingCharged);
    let notice = SimulatedNotice::canceled(counter.intent(), samples::order_id());
    assert_eq!(expect_ready(counter.provider.notices()).unwrap(), (vec![notice], None));
    assert!(is_declined(&counter.charge()));
    assert_eq!(counter.charged_and_refunded(), []);
}

#[test]
fn an_order_that_is_paid_and_canceled_ends_with_nothing_charged() {
    let Counter { shop, provider, .. } = counter("456", samples::total());
    let chorus_http::HttpFunction { function: payment, routes } =
        function(std::sync::Arc::new(provider), support::secrets(), chorus_events::Currency::EUR);
    let estimate = wire(&DeliveryEstimated::sample(), "estimate");
    let cancellation = wire(&OrderCanceled::sample(), "cancellation");
    for _ in 0..3 {
        shop.task(&payment, &payload("MakePayment", &estimate, None)).unwrap();
        expect_ready(payment.handle_event(&shop.kernel(), &cancellation)).unwrap();
    }
    assert_eq!(shop.bus.published::<PaymentMade>().len(), 1);
    assert_eq!(shop.bus.published::<PaymentCanceled>(), [PaymentCanceled::sample()]);

    let get = &routes[0];
    assert_eq!((&get.method, get.path), (&Method::GET, "/payments/{order-id}"));
    let customer = samples::customer_id().to_string();
    let caller = chorus_http::Caller::customer(customer);
    let mut request = Request { caller, ..Request::default() };
    request.path.insert("order-id".to_owned(), samples::order_id().to_string());
    let answer = expect_ready(get.answer(&shop.kernel(), request.clone())).unwrap().body;
    assert_eq!(answer["status"], "refunded");
    assert_eq!((&answer["charged"], &answer["refunded"]), (&answer["amount"], &answer["amount"]));
    assert!(answer.get("charged-by").is_none(), "callers do not see which message charged");

    request.path.insert("order-id".to_owned(), "unknown".to_owned());
    assert_eq!(expect_ready(get.answer(&shop.kernel(), request.clone())).unwrap_err().status, 404);
}
