//! The simulated provider and Stripe's adapter keep the promises of the port `PaymentProvider`.
//! Stripe's adapter runs with a fake of Stripe's API and, if `LOCALSTRIPE_URL` is set, with
//! localstripe.

#![allow(clippy::unwrap_used)]

#[path = "support/bank.rs"]
mod bank;
mod support;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bank::{Call, Fault};
use chorus_events::{Money, PaymentCapture};
use chorus_kernel::Clock;
use chorus_partners::stripe::{FixedKey, Stripe};
use chorus_payment::provider_suite::{Bank, Harness, Payer, run};
use chorus_payment::{
    Charge, IntentId, LedgerEntry, Movement, Payment, PaymentProvider, SIMULATED_PROVIDER_TABLE,
    SimulatedProvider, StripeProvider, ledger,
};
use serde_json::Value;
use support::Shop;

/// The sums that were charged and refunded.
fn sums(entries: &[LedgerEntry]) -> (Money, Money) {
    let sum = |movement| {
        let of = entries.iter().filter(|entry| entry.movement == movement);
        of.map(|entry| entry.amount).sum()
    };
    (sum(Movement::Charge), sum(Movement::Refund))
}

fn payer(customer: &str, method: Option<&str>) -> Payer {
    let payment_method = method.map(|method| method.parse().unwrap());
    Payer { customer_id: customer.parse().unwrap(), payment_method }
}

/// The simulated provider. The id of the customer who pays selects how the provider behaves.
struct Simulated {
    shop: Shop,
}

impl Simulated {
    fn plain(&self) -> SimulatedProvider {
        SimulatedProvider::new(self.shop.store.clone(), self.shop.clock.clone())
    }
}

#[async_trait]
impl Harness for Simulated {
    fn provider(&self, capture: PaymentCapture) -> Arc<dyn PaymentProvider> {
        Arc::new(self.plain().capturing(capture))
    }

    async fn payer(&self, bank: Bank) -> Option<Payer> {
        let customer = match bank {
            Bank::Pays => "ana",
            Bank::Declines => "ana-declined",
            Bank::Asks => "ana-confirms",
            Bank::Lapses => "ana-lapses",
            Bank::LosesAnswers => "ana-provider-twice",
            Bank::KeepsAll => "ana-refund-refused",
        };
        Some(payer(customer, None))
    }

    async fn confirm(&self, _: &IntentId, _: &Charge) {
        self.shop.clock.sleep(Duration::from_secs(2)).await;
    }

    async fn lapse(&self, _: &IntentId) {}

    async fn charged_and_refunded(&self, _: &IntentId, charge: &Charge) -> (Money, Money) {
        let mut entries = ledger(&*self.shop.store).await.unwrap();
        entries.retain(|entry| entry.order_id == charge.order_id);
        sums(&entries)
    }
}

fn stripe(url: &str) -> StripeProvider {
    let key = "sk_test_4eC39HqLyjWDarjtT1zdp7dc".parse().unwrap();
    let stripe = Stripe::at(url, Arc::new(FixedKey(key))).unwrap();
    StripeProvider::new(stripe.patient_for(Duration::from_secs(5)), "EUR".parse().unwrap())
}

async fn moved_at(provider: &StripeProvider, intent: &IntentId, charge: &Charge) -> (Money, Money) {
    let payment = Payment {
        intent: Some(intent.clone()),
        customer_id: Some(charge.customer_id.clone()),
        ..Payment::new(charge.order_id.clone())
    };
    sums(&provider.ledger(&payment).await.unwrap())
}

/// Stripe's adapter, with a fake of Stripe's API.
struct Faked {
    bank: bank::Bank,
    provider: StripeProvider,
}

#[async_trait]
impl Harness for Faked {
    fn provider(&self, capture: PaymentCapture) -> Arc<dyn PaymentProvider> {
        Arc::new(self.provider.clone().capturing(capture))
    }

    async fn payer(&self, bank: Bank) -> Option<Payer> {
        self.bank.books().keeps_all = bank == Bank::KeepsAll;
        if bank == Bank::LosesAnswers {
            for call in [Call::Confirm, Call::Capture, Call::Refund] {
                self.bank.will(call, Fault::LostAnswer);
            }
        }
        let method = match bank {
            Bank::Declines => "pm_declined",
            Bank::Asks => "pm_confirms",
            Bank::Lapses => "pm_lapses",
            Bank::Pays | Bank::LosesAnswers | Bank::KeepsAll => "pm_1",
        };
        Some(payer("ana", Some(method)))
    }

    async fn confirm(&self, intent: &IntentId, _: &Charge) {
        self.bank.customer_answers(&intent.0, true);
    }

    async fn lapse(&self, _: &IntentId) {}

    async fn charged_and_refunded(&self, intent: &IntentId, charge: &Charge) -> (Money, Money) {
        let moved = moved_at(&self.provider, intent, charge).await;
        let held = self.bank.books().intents[&intent.0].clone();
        let charged = if held.status == "succeeded" { held.amount } else { 0 };
        let units = |units: u64| Money::from_minor(i64::try_from(units).unwrap());
        assert_eq!(moved, (units(charged), units(held.refunded)), "the bank's own books agree");
        moved
    }
}

/// Stripe's adapter, with a running localstripe.
struct Local {
    url: String,
    provider: StripeProvider,
}

impl Local {
    /// Posts a request in the name of a customer or a bank. The adapter never makes such a request.
    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        self.send("POST", path, &form).await
    }

    async fn send(&self, method: &str, path: &str, form: &str) -> Value {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let host = self.url.trim_start_matches("http://");
        let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
             authorization: Bearer sk_test_1\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: {}\r\n\r\n{form}",
            form.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
        serde_json::from_str(body).unwrap()
    }
}

#[async_trait]
impl Harness for Local {
    fn provider(&self, capture: PaymentCapture) -> Arc<dyn PaymentProvider> {
        Arc::new(self.provider.clone().capturing(capture))
    }

    async fn payer(&self, bank: Bank) -> Option<Payer> {
        // Stripe's test cards.
        let card = match bank {
            Bank::Pays | Bank::Lapses => "4242424242424242",
            Bank::Declines => "4000000000000341",
            Bank::Asks => "4000002500003155",
            Bank::LosesAnswers | Bank::KeepsAll => return None,
        };
        let form = [
            ("type", "card"),
            ("card[number]", card),
            ("card[exp_month]", "12"),
            ("card[exp_year]", "2040"),
            ("card[cvc]", "123"),
        ];
        let method = self.post("/v1/payment_methods", &form).await;
        Some(payer("ana", method["id"].as_str()))
    }

    async fn confirm(&self, IntentId(intent): &IntentId, _: &Charge) {
        let asked = self.send("GET", &format!("/v1/payment_intents/{intent}"), "").await;
        let secret = asked["client_secret"].as_str().unwrap();
        let path = format!("/v1/payment_intents/{intent}/_authenticate");
        self.post(&path, &[("client_secret", secret), ("success", "true")]).await;
    }

    /// Cancels the intent, as Stripe does with an authorization that has lapsed.
    async fn lapse(&self, IntentId(intent): &IntentId) {
        self.post(&format!("/v1/payment_intents/{intent}/cancel"), &[]).await;
    }

    async fn charged_and_refunded(&self, intent: &IntentId, charge: &Charge) -> (Money, Money) {
        moved_at(&self.provider, intent, charge).await
    }
}

#[tokio::test]
async fn the_simulated_provider_holds_the_port() {
    let shop = Shop::over(&[SIMULATED_PROVIDER_TABLE]);
    assert_eq!(run(&Simulated { shop }).await, []);
}

#[tokio::test]
async fn stripes_adapter_holds_the_port() {
    let bank = bank::Bank::default();
    let provider = stripe(&bank.open().await);
    assert_eq!(run(&Faked { bank, provider }).await, []);
}

#[tokio::test]
async fn stripes_adapter_holds_the_port_at_localstripe() {
    let Ok(url) = std::env::var("LOCALSTRIPE_URL") else {
        eprintln!("not tried: LOCALSTRIPE_URL names no localstripe");
        return;
    };
    let provider = stripe(&url);
    // localstripe can neither lose a response nor refuse a refund.
    assert_eq!(run(&Local { url, provider }).await, [Bank::LosesAnswers, Bank::KeepsAll]);
}
