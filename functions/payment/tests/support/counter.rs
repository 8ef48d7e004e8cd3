//! A shop whose payment provider is a fake of Stripe's API.

#![allow(clippy::unwrap_used, dead_code)]

use std::sync::Arc;
use std::time::Duration;

use chorus_events::delivery::DeliveryEstimated;
use chorus_events::order::OrderCanceled;
use chorus_events::payment::PaymentMade;
use chorus_events::{PaymentCapture, samples};
use chorus_http::{HttpFunction, Request};
use chorus_kernel::{Clock, Failure};
use chorus_partners::stripe::{FixedKey, Stripe};
use chorus_payment::{StripeProvider, function};
use chorus_table::Event;
use chorus_webhook_signature::{
    STRIPE_SIGNATURE_HEADER, WebhookSecret, WebhookSecrets, sign_as_stripe,
};
use serde_json::Value;

use crate::bank::Bank;
use crate::support::{self, Shop, payload, wire};

/// How long the shop waits for a response of the fake.
const PATIENCE: Duration = Duration::from_millis(300);

/// How many times a message is delivered before the test gives up.
pub(crate) const ATTEMPTS: usize = 6;

/// The secret with which the fake of Stripe's API signs its notices to the shop.
pub(crate) fn secret() -> WebhookSecret {
    "whsec_of_the_bank_of_the_tests".parse().unwrap()
}

pub(crate) fn total() -> u64 {
    u64::try_from(samples::total().minor()).unwrap()
}

/// A shop whose payment provider is a fake of Stripe's API.
pub(crate) struct Counter {
    pub(crate) shop: Shop,
    pub(crate) bank: Bank,
    pub(crate) payment: HttpFunction,
    pub(crate) provider: StripeProvider,
}

/// A shop that charges in this currency.
pub(crate) async fn counter(currency: &str) -> Counter {
    capturing(currency, PaymentCapture::AtOnce).await
}

/// A shop that charges in this currency, either at once or when the parcel leaves.
pub(crate) async fn capturing(currency: &str, capture: PaymentCapture) -> Counter {
    let bank = Bank::default();
    let key = "sk_test_4eC39HqLyjWDarjtT1zdp7dc".parse().unwrap();
    let stripe = Stripe::at(&bank.open().await, Arc::new(FixedKey(key))).unwrap();
    let provider = StripeProvider::new(stripe.patient_for(PATIENCE), currency.parse().unwrap());
    let provider = provider.returning_to(Some("https://shop.example/paid".to_owned()));
    let payment = service(provider.clone().capturing(capture));
    Counter { shop: Shop::over(&payment.function.tables), bank, payment, provider }
}

fn service(provider: StripeProvider) -> HttpFunction {
    let secrets = Arc::new(WebhookSecrets::from(secret()));
    function(Arc::new(provider), secrets, chorus_events::Currency::EUR)
}

/// Delivers an event to the payment service, and delivers it again after each retryable failure.
/// Panics if [`ATTEMPTS`] deliveries were not enough.
pub(crate) async fn ask_until_answered(counter: &Counter, event: &str) -> Result<(), Failure> {
    for _ in 0..ATTEMPTS {
        match counter.payment.function.handle_event(&counter.shop.kernel(), event).await {
            Ok(_) => return Ok(()),
            Err(failure) if failure.is_retryable() => {}
            Err(failure) => return Err(failure),
        }
    }
    panic!("it is never answered")
}

impl Counter {
    /// Returns the shop's payment service with the capture setting `capture`.
    pub(crate) fn payment_of(&self, capture: PaymentCapture) -> HttpFunction {
        service(self.provider.clone().capturing(capture))
    }

    /// The event that reports the charge of the sample order.
    pub(crate) fn made(&self) -> PaymentMade {
        PaymentMade { charge_id: "ch_1".to_owned(), ..Event::sample() }
    }

    /// Charges an order with this payment method, with retries until there is a result.
    pub(crate) async fn charge(&self, method: Option<&str>) -> Result<(), Failure> {
        let payment_method = method.map(|method| method.parse().unwrap());
        let order = DeliveryEstimated { payment_method, ..DeliveryEstimated::sample() };
        self.task(&payload("MakePayment", &wire(&order, "estimate"), None)).await
    }

    /// Runs a task with retries until there is a result, and publishes the result's event.
    pub(crate) async fn task(&self, task: &str) -> Result<(), Failure> {
        let kernel = self.shop.kernel();
        for _ in 0..ATTEMPTS {
            match self.payment.function.handle_task(&kernel, task).await {
                Ok(published) => {
                    return support::publish(&*self.shop.bus, &published["event"]).await;
                }
                Err(failure) if failure.is_retryable() => {}
                Err(failure) => return Err(failure),
            }
        }
        panic!("it is never answered")
    }

    /// Cancels the order, with retries until that succeeds.
    pub(crate) async fn cancel(&self) -> Result<(), Failure> {
        ask_until_answered(self, &wire(&OrderCanceled::sample(), "cancellation")).await
    }

    pub(crate) fn published<E: Event>(&self) -> Vec<E> {
        self.shop.bus.published()
    }

    /// Returns the request with which the provider would post `event` to the shop's webhook. The
    /// signature is made with `secret`, at the time of the shop's clock.
    pub(crate) fn signed(&self, event: &Value, secret: &WebhookSecret) -> Request {
        let body = event.to_string().into_bytes();
        let signature = sign_as_stripe(secret, self.shop.clock.now().as_second(), &body);
        let headers = [(STRIPE_SIGNATURE_HEADER.to_owned(), signature)].into();
        Request { body, headers, ..Request::default() }
    }

    /// Posts a notice from the fake to the shop's webhook; returns the response's status.
    pub(crate) async fn notify(&self, event: &Value) -> u16 {
        self.post(self.signed(event, &secret())).await
    }

    pub(crate) async fn post(&self, request: Request) -> u16 {
        let mut routes = self.payment.routes.iter();
        let route = routes.find(|route| route.path == "/webhooks/payments").unwrap();
        let answered = route.answer(&self.shop.kernel(), request).await;
        answered.map_or_else(|problem| problem.status, |response| response.status)
    }
}
