//! The external partners of the shop: a payment provider and a mailer. They keep records of their
//! own, act once for each intent or key, and may receive a request late.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chorus_events::{Money, OrderId};
use chorus_kernel::{OutcomeUnknown, People};
use chorus_notification::{Delivery, Email, Mailer, Recipient};
use chorus_payment::{
    Charge, ChargeAnswer, IntentId, PaymentProvider, ProviderError, Refund, RefundAnswer,
};
use chorus_simulation::Environment;

use crate::forgotten::Forgotten;
use crate::shop::{MAIL_PORT, PAYMENT_PORT};

/// The state of an intent; every state except the first is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Intent {
    Prepared,
    Charged,
    Declined,
    Canceled,
}

#[derive(Debug)]
struct Entry {
    order_id: OrderId,
    amount: Money,
    intent: Intent,
    refunded: bool,
}

/// The intents of all orders. Each request to prepare a charge makes another intent, so a charge
/// whose intent nobody committed would be a second one.
#[derive(Debug, Default)]
pub(crate) struct Books {
    entries: Vec<Entry>,
}

impl Books {
    /// The amounts that an order was charged.
    pub(crate) fn charged(&self, order: &OrderId) -> Vec<Money> {
        let taken = self.of(order).filter(|entry| entry.intent == Intent::Charged);
        taken.map(|entry| entry.amount).collect()
    }

    /// The amounts that an order was refunded.
    pub(crate) fn refunded(&self, order: &OrderId) -> Vec<Money> {
        self.of(order).filter(|entry| entry.refunded).map(|entry| entry.amount).collect()
    }

    pub(crate) fn charges(&self) -> usize {
        self.entries.iter().filter(|entry| entry.intent == Intent::Charged).count()
    }

    pub(crate) fn refunds(&self) -> usize {
        self.entries.iter().filter(|entry| entry.refunded).count()
    }

    fn of(&self, order: &OrderId) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.order_id == *order)
    }

    fn prepare(&mut self, charge: &Charge) -> IntentId {
        let (order_id, amount) = (charge.order_id.clone(), charge.amount);
        self.entries.push(Entry { order_id, amount, intent: Intent::Prepared, refunded: false });
        IntentId(self.entries.len().to_string())
    }

    /// The intent with this id; the provider refuses an id that it has not given.
    fn entry(&mut self, IntentId(id): &IntentId) -> Result<&mut Entry, ProviderError> {
        let unknown = || ProviderError::Refused(format!("there is no intent {id}"));
        let place = id.parse().ok().and_then(|number: usize| number.checked_sub(1));
        place.and_then(|place| self.entries.get_mut(place)).ok_or_else(unknown)
    }

    fn confirm(&mut self, id: &IntentId, declines: bool) -> Result<ChargeAnswer, ProviderError> {
        let entry = self.entry(id)?;
        if entry.intent == Intent::Prepared {
            entry.intent = if declines { Intent::Declined } else { Intent::Charged };
        }
        Ok(match entry.intent {
            Intent::Charged => ChargeAnswer::Charged { charge_id: format!("ch-{}", id.0) },
            Intent::Prepared | Intent::Declined => {
                ChargeAnswer::Declined { reason: "card declined".to_owned() }
            }
            Intent::Canceled => {
                ChargeAnswer::Declined { reason: "the charge was canceled before".to_owned() }
            }
        })
    }

    fn refund(&mut self, refund: &Refund) -> Result<RefundAnswer, ProviderError> {
        let entry = self.entry(&refund.intent)?;
        if entry.intent == Intent::Charged {
            entry.refunded = true;
            return Ok(RefundAnswer::Refunded { amount: entry.amount });
        }
        entry.intent = Intent::Canceled;
        Ok(RefundAnswer::NothingCharged)
    }
}

pub(crate) struct SimulatedBank {
    pub(crate) environment: Arc<Environment>,
    /// Whether none of the answers to charges arrive, as long as faults are injected.
    pub(crate) mute: bool,
    pub(crate) books: Arc<Mutex<Books>>,
}

impl SimulatedBank {
    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        opened(&self.books)
    }
}

fn opened(books: &Mutex<Books>) -> MutexGuard<'_, Books> {
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

fn no_answer() -> ProviderError {
    ProviderError::Unknown("no answer".to_owned())
}

#[async_trait]
impl PaymentProvider for SimulatedBank {
    async fn prepare(&self, charge: &Charge) -> Result<IntentId, ProviderError> {
        let (books, charge) = (Arc::clone(&self.books), charge.clone());
        let act = move || opened(&books).prepare(&charge);
        self.environment.external(PAYMENT_PORT, act).await.ok_or_else(no_answer)
    }

    async fn confirm(
        &self,
        intent: &IntentId,
        charge: &Charge,
    ) -> Result<ChargeAnswer, ProviderError> {
        let (books, intent) = (Arc::clone(&self.books), intent.clone());
        let declines = charge.customer_id.as_str().contains("declined");
        let act = move || opened(&books).confirm(&intent, declines);
        let answer = self.environment.external(PAYMENT_PORT, act).await;
        let heard = answer.filter(|_| !(self.mute && self.environment.strikes()));
        heard.ok_or_else(no_answer)?
    }

    async fn refund(&self, refund: &Refund) -> Result<RefundAnswer, ProviderError> {
        let (books, refund) = (Arc::clone(&self.books), refund.clone());
        let act = move || opened(&books).refund(&refund);
        self.environment.external(PAYMENT_PORT, act).await.ok_or_else(no_answer)?
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
    /// The emails that were sent: recipient, template and body, by key.
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
