//! The companies outside of the shop: a bank that moves money, a post that carries emails. They
//! keep books of their own, act once for each key, and may hear of a request late.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chorus_events::{Money, OrderId};
use chorus_kernel::OutcomeUnknown;
use chorus_notification::{Delivery, Email, Mailer};
use chorus_payment::{Charge, ChargeAnswer, PaymentProvider, Refund, RefundAnswer};
use chorus_simulation::Environment;

use crate::shop::{MAIL_PORT, PAYMENT_PORT};

/// What became of a charge's key, for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entered {
    Charged(Money),
    Declined,
    /// A refund came first: it will not be charged.
    Voided,
}

#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) charges: BTreeMap<String, (OrderId, Entered)>,
    pub(crate) refunds: BTreeMap<String, (OrderId, Money)>,
}

impl Books {
    /// The charges of an order that took money.
    pub(crate) fn charged(&self, order: &OrderId) -> Vec<Money> {
        let of_order = self.charges.values().filter(|(whose, _)| whose == order);
        let taken = of_order.filter_map(|(_, entered)| match entered {
            Entered::Charged(amount) => Some(*amount),
            _ => None,
        });
        taken.collect()
    }

    /// The refunds of an order.
    pub(crate) fn refunded(&self, order: &OrderId) -> Vec<Money> {
        let of_order = self.refunds.values().filter(|(whose, _)| whose == order);
        of_order.map(|(_, amount)| *amount).collect()
    }

    fn charge(&mut self, charge: &Charge, key: &str) -> ChargeAnswer {
        let declines = charge.customer_id.as_str().contains("declined");
        let fresh = if declines { Entered::Declined } else { Entered::Charged(charge.amount) };
        let entry = self.charges.entry(key.to_owned());
        let (_, entered) = entry.or_insert_with(|| (charge.order_id.clone(), fresh));
        match entered {
            Entered::Charged(_) => {
                ChargeAnswer::Charged { charge_id: format!("ch-{}", &key[..12.min(key.len())]) }
            }
            Entered::Declined => ChargeAnswer::Declined { reason: "card declined".to_owned() },
            Entered::Voided => {
                ChargeAnswer::Declined { reason: "the charge was canceled before".to_owned() }
            }
        }
    }

    fn refund(&mut self, refund: &Refund, voids: bool) -> RefundAnswer {
        if !voids && !self.charges.contains_key(&refund.charge_key) {
            return RefundAnswer::NothingCharged;
        }
        let entry = self.charges.entry(refund.charge_key.clone());
        let (_, entered) = entry.or_insert_with(|| (refund.order_id.clone(), Entered::Voided));
        let Entered::Charged(amount) = *entered else { return RefundAnswer::NothingCharged };
        let entry = self.refunds.entry(refund.charge_key.clone());
        entry.or_insert_with(|| (refund.order_id.clone(), amount));
        RefundAnswer::Refunded { amount }
    }
}

pub(crate) struct SimulatedBank {
    pub(crate) environment: Arc<Environment>,
    /// Whether it remembers a refund that came first, and declines the charge when it comes.
    pub(crate) voids: bool,
    /// Whether none of its answers to a charge arrive, as long as faults strike.
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

fn no_answer() -> OutcomeUnknown {
    OutcomeUnknown("no answer".to_owned())
}

#[async_trait]
impl PaymentProvider for SimulatedBank {
    async fn charge(&self, charge: &Charge, key: &str) -> Result<ChargeAnswer, OutcomeUnknown> {
        let (books, charge, key) = (Arc::clone(&self.books), charge.clone(), key.to_owned());
        let act = move || opened(&books).charge(&charge, &key);
        let answer = self.environment.external(PAYMENT_PORT, act).await;
        let heard = answer.filter(|_| !(self.mute && self.environment.strikes()));
        heard.ok_or_else(no_answer)
    }

    async fn refund(&self, refund: &Refund, _: &str) -> Result<RefundAnswer, OutcomeUnknown> {
        let (books, refund, voids) = (Arc::clone(&self.books), refund.clone(), self.voids);
        let act = move || opened(&books).refund(&refund, voids);
        self.environment.external(PAYMENT_PORT, act).await.ok_or_else(no_answer)
    }
}

/// The post: emails by the key that they were handed over with.
pub(crate) struct SimulatedMailer {
    pub(crate) environment: Arc<Environment>,
    pub(crate) emails: Arc<Mutex<BTreeMap<String, String>>>,
}

impl SimulatedMailer {
    /// What was posted: an email's recipient, template and body, by its key.
    pub(crate) fn emails(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.emails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Mailer for SimulatedMailer {
    async fn send(&self, email: &Email, key: &str) -> Result<Delivery, OutcomeUnknown> {
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
        self.environment.external(MAIL_PORT, act).await.ok_or_else(no_answer)
    }
}
