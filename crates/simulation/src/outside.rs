//! The companies outside of the shop: a bank that moves money, a post that carries letters. They
//! keep books of their own, act once for each key, and may hear of a request late.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chorus_events::{Money, OrderId};
use chorus_kernel::OutcomeUnknown;
use chorus_notification::{Letter, Mailer};
use chorus_payment::{Charge, ChargeAnswer, PaymentProvider, Refund, RefundAnswer};

use crate::draw::Draw;
use crate::fault::{Fault, Port};
use crate::world::{Later, World, later};

/// What became of a charge's key, for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entered {
    Charged(Money),
    Declined,
    /// A refund came first: it will not be charged.
    Voided,
}

/// The bank's books.
#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) charges: BTreeMap<String, (OrderId, Entered)>,
    /// By the charge's key.
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

/// The bank.
pub(crate) struct Bank {
    pub(crate) world: Arc<World>,
    /// Whether it remembers a refund that came first, and declines the charge when it comes.
    pub(crate) voids: bool,
    /// Whether none of its answers to a charge arrive, as long as faults strike.
    pub(crate) mute: bool,
    pub(crate) books: Mutex<Books>,
}

impl Bank {
    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what was asked some time ago, and never answered.
    pub(crate) fn catch_up(&self, asked: &Later) {
        match asked {
            Later::Charge { charge, key } => {
                self.books().charge(charge, key);
            }
            Later::Refund { refund } => {
                self.books().refund(refund, self.voids);
            }
        }
    }

    /// What strikes a request that the bank hears of now; an error where it never does, or late.
    async fn hear(&self, asked: impl FnOnce() -> Later) -> Result<Option<Fault>, OutcomeUnknown> {
        match self.world.call(Port::Payment).await {
            Some(Fault::Unavailable) => Err(no_answer()),
            Some(Fault::Late) => {
                self.late(asked());
                Err(no_answer())
            }
            fault => Ok(fault),
        }
    }

    fn late(&self, asked: Later) {
        let now = self.world.now();
        let mut state = self.world.state();
        let calls = state.calls;
        let pause = Draw::numbered(self.world.seed, calls).below(3_600);
        state.later.push((later(now, Duration::from_secs(1 + pause)), asked));
    }
}

fn no_answer() -> OutcomeUnknown {
    OutcomeUnknown("no answer".to_owned())
}

#[async_trait]
impl PaymentProvider for Bank {
    async fn charge(&self, charge: &Charge, key: &str) -> Result<ChargeAnswer, OutcomeUnknown> {
        let asked = || Later::Charge { charge: charge.clone(), key: key.to_owned() };
        let fault = self.hear(asked).await?;
        let answer = self.books().charge(charge, key);
        let lost = self.world.answer(fault).await || self.mute && self.world.state().armed;
        if lost { Err(no_answer()) } else { Ok(answer) }
    }

    async fn refund(&self, refund: &Refund, _: &str) -> Result<RefundAnswer, OutcomeUnknown> {
        let fault = self.hear(|| Later::Refund { refund: refund.clone() }).await?;
        let answer = self.books().refund(refund, self.voids);
        if self.world.answer(fault).await { Err(no_answer()) } else { Ok(answer) }
    }
}

/// The post: letters by the key that they were handed over with.
pub(crate) struct Post {
    pub(crate) world: Arc<World>,
    pub(crate) letters: Mutex<BTreeMap<String, String>>,
}

impl Post {
    /// What was posted: a letter's recipient, template and body, by its key.
    pub(crate) fn letters(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Mailer for Post {
    async fn send(
        &self,
        letter: &Letter,
        key: &str,
    ) -> Result<chorus_notification::Delivery, OutcomeUnknown> {
        let fault = self.world.call(Port::Mail).await;
        if fault == Some(Fault::Unavailable) {
            return Err(no_answer());
        }
        let said = format!(
            "{} to {}: {}\n{}",
            letter.template,
            letter.recipient.name_on_the_bus(),
            letter.subject,
            letter.body
        );
        self.letters().entry(key.to_owned()).or_insert(said);
        if self.world.answer(fault).await {
            return Err(no_answer());
        }
        Ok(chorus_notification::Delivery::Sent)
    }
}
