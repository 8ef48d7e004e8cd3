//! The external partners of the shop: a payment provider and a mailer. They keep their own records,
//! act once for each intent or idempotency key, and may receive a request late.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chorus_kernel::{OutcomeUnknown, People};
use chorus_notification::{Delivery, Email, Mailer, Recipient};
use chorus_payment::{
    CaptureAnswer, Charge, ChargeAnswer, IntentId, KnownIntent, ListedIntent, PaymentProvider,
    ProviderError, Refund, RefundAnswer,
};
use chorus_simulation::Environment;
use jiff::Timestamp;

use crate::bank::{Desk, Intents};
use crate::forgotten::Forgotten;
use crate::shop::{MAIL_PORT, PAYMENT_PORT};

pub(crate) struct SimulatedBank {
    pub(crate) environment: Arc<Environment>,
    /// Whether all answers to charges are lost while faults are injected.
    pub(crate) mute: bool,
    pub(crate) desk: Arc<Desk>,
}

impl SimulatedBank {
    pub(crate) fn books(&self) -> MutexGuard<'_, Intents> {
        self.desk.books()
    }

    /// All intents, for a region that takes over. No fault is injected into this call.
    pub(crate) fn listed(&self) -> Vec<ListedIntent> {
        self.books().listed()
    }

    /// Ends an intent for a region that takes over: refunds the charge, or cancels the intent if
    /// nothing was charged. No fault is injected into this call. The bank may refuse the refund.
    pub(crate) fn end(&self, refund: &Refund) {
        self.books().end(&refund.intent);
        if let Err(error) = self.desk.refund(refund) {
            self.environment.violated(format!("takeover: {error}"));
        }
    }
}

fn no_answer() -> ProviderError {
    ProviderError::Unknown("no answer".to_owned())
}

#[async_trait]
impl PaymentProvider for SimulatedBank {
    async fn prepare(&self, charge: &Charge) -> Result<IntentId, ProviderError> {
        let (desk, charge) = (Arc::clone(&self.desk), charge.clone());
        let act = move || desk.books().prepare(&charge);
        self.environment.external(PAYMENT_PORT, act).await.ok_or_else(no_answer)
    }

    async fn confirm(
        &self,
        intent: &IntentId,
        charge: &Charge,
    ) -> Result<ChargeAnswer, ProviderError> {
        let (desk, intent) = (Arc::clone(&self.desk), intent.clone());
        let customer = charge.customer_id.clone();
        let act = move || desk.act(&intent, |books| books.confirm(&intent, customer.as_str()));
        let answer = self.environment.external(PAYMENT_PORT, act).await;
        let heard = answer.filter(|_| !(self.mute && self.environment.injects_faults()));
        heard.ok_or_else(no_answer)?
    }

    async fn capture(&self, intent: &IntentId) -> Result<CaptureAnswer, ProviderError> {
        let (desk, intent) = (Arc::clone(&self.desk), intent.clone());
        let act = move || desk.capture(&intent);
        self.environment.external(PAYMENT_PORT, act).await.ok_or_else(no_answer)?
    }

    async fn refund(&self, refund: &Refund) -> Result<RefundAnswer, ProviderError> {
        let (desk, refund) = (Arc::clone(&self.desk), refund.clone());
        let act = move || desk.refund(&refund);
        self.environment.external(PAYMENT_PORT, act).await.ok_or_else(no_answer)?
    }

    async fn list(&self, _: Timestamp) -> Result<Vec<ListedIntent>, ProviderError> {
        Ok(self.listed())
    }

    async fn find(&self, intent: &IntentId) -> Result<Option<KnownIntent>, ProviderError> {
        Ok(self.books().find(intent))
    }
}

fn bounced() -> Delivery {
    Delivery::Bounced { reason: "the customer was forgotten".to_owned() }
}

/// The simulated mailer: keeps the emails by their idempotency keys.
pub(crate) struct SimulatedMailer {
    pub(crate) environment: Arc<Environment>,
    pub(crate) emails: Arc<Mutex<BTreeMap<String, String>>>,
    pub(crate) forgotten: Arc<Forgotten>,
}

impl SimulatedMailer {
    /// The emails that were sent: recipient, template and body, by idempotency key.
    pub(crate) fn emails(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.emails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Mailer for SimulatedMailer {
    async fn send(
        &self,
        email: &Email,
        key: &str,
        people: &People,
    ) -> Result<Delivery, OutcomeUnknown> {
        if let Recipient::Customer { customer_id, email: address, .. } = &email.recipient {
            let opened = people.open(customer_id.as_str(), |opener| opener.text(address)).await;
            match opened.map_err(|error| OutcomeUnknown(error.to_string()))? {
                Some(_) => self.forgotten.read(customer_id.as_str(), address),
                None => return Ok(bounced()),
            }
        }
        let said = format!(
            "{} to {}: {}\n{}",
            email.template,
            email.recipient.name_on_the_bus(),
            email.subject,
            email.body
        );
        let (emails, key) = (Arc::clone(&self.emails), key.to_owned());
        let act = move || {
            emails.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_insert(said);
            Delivery::Sent
        };
        self.environment
            .external(MAIL_PORT, act)
            .await
            .ok_or_else(|| OutcomeUnknown("no answer".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::{Money, PaymentCapture};
    use chorus_kernel::testing::expect_ready;
    use chorus_payment::provider_suite::{Bank, Harness, Payer, run};

    /// Two banks: for a shop that charges at once, and for one that charges when parcels leave.
    struct Banks([Arc<SimulatedBank>; 2]);

    impl Banks {
        fn open() -> Self {
            let open = |capture| {
                let environment = Environment::at_rest();
                let desk = Desk::new(&environment, capture, BTreeMap::new());
                Arc::new(SimulatedBank { environment, mute: false, desk })
            };
            Self([open(PaymentCapture::AtOnce), open(PaymentCapture::WhenShipped)])
        }
    }

    #[async_trait]
    impl Harness for Banks {
        fn provider(&self, capture: PaymentCapture) -> Arc<dyn PaymentProvider> {
            let [at_once, when_shipped] = &self.0;
            let bank = if capture == PaymentCapture::AtOnce { at_once } else { when_shipped };
            Arc::clone(bank) as Arc<_>
        }

        async fn payer(&self, bank: Bank) -> Option<Payer> {
            let customer = match bank {
                Bank::Pays | Bank::Lapses => "ana",
                Bank::Declines => "ana-declined",
                Bank::Asks => "ana-confirms",
                // No customer's id selects these behaviours. In a simulation, each order's plan
                // says whether its refund is refused, and injected faults lose answers.
                Bank::LosesAnswers | Bank::KeepsAll => return None,
            };
            let customer_id = customer.parse().expect("it is a customer's id");
            Some(Payer { customer_id, payment_method: None })
        }

        async fn confirm(&self, intent: &IntentId, charge: &Charge) {
            // The two banks use the same ids for their intents, so only the order's id tells which
            // bank is meant.
            for bank in &self.0 {
                let known = bank.books().find(intent);
                if known.is_some_and(|known| known.order_id == charge.order_id) {
                    bank.desk.act(intent, |books| books.confirmed(intent));
                }
            }
        }

        async fn lapse(&self, intent: &IntentId) {
            let [_, when_shipped] = &self.0;
            when_shipped.desk.act(intent, |books| books.lapse(intent));
        }

        async fn charged_and_refunded(&self, _: &IntentId, charge: &Charge) -> (Money, Money) {
            let sum = |amounts: Vec<Money>| amounts.into_iter().sum::<Money>();
            let of = |bank: &Arc<SimulatedBank>| {
                let books = bank.books();
                (sum(books.charged(&charge.order_id)), sum(books.refunded(&charge.order_id)))
            };
            let [(charged, refunded), (later_charged, later_refunded)] =
                [of(&self.0[0]), of(&self.0[1])];
            (charged.max(later_charged), refunded.max(later_refunded))
        }
    }

    #[test]
    fn the_simulated_bank_holds_the_port_of_payment_providers() {
        assert_eq!(expect_ready(run(&Banks::open())), [Bank::LosesAnswers, Bank::KeepsAll]);
    }
}
