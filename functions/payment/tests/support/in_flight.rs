//! A payment provider for tests. Each request to the provider is in flight until the test lets the
//! request arrive. The test can also lose the response.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use chorus_events::Money;
use chorus_payment::{
    CaptureAnswer, Charge, ChargeAnswer, IntentId, KnownIntent, PaymentProvider, ProviderError,
    Refund, RefundAnswer,
};

use crate::interrupted::pause;

#[derive(Clone)]
enum Asked {
    Prepare(Money),
    Confirm(IntentId),
    Capture(IntentId),
    Refund(IntentId),
}

#[derive(Clone)]
enum Answer {
    Prepared(IntentId),
    Charge(ChargeAnswer),
    Capture(CaptureAnswer),
    Refund(RefundAnswer),
}

/// A request to the provider, in flight or answered.
#[derive(Clone)]
struct Request {
    asked: Asked,
    answer: Option<Answer>,
    lost: bool,
}

/// The state of a payment intent. `Charged`, `Declined` and `Canceled` are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Intent {
    Prepared,
    /// The customer has to confirm the charge.
    Asked,
    /// The bank holds the amount.
    Authorized,
    Charged,
    Declined,
    Canceled,
}

/// The bank's behaviour at a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bank {
    Charges,
    Declines,
    /// The bank asks the customer to confirm.
    Asks,
    /// The bank holds the amount, until it is captured.
    Holds,
    /// The bank holds the amount at first, but the hold ends before the capture.
    Lapses,
}

impl Bank {
    pub(crate) fn holds_first(self) -> bool {
        matches!(self, Self::Holds | Self::Lapses)
    }
}

#[derive(Default)]
pub(crate) struct Books {
    requests: Vec<Request>,
    /// The payment intents by id. Every request to prepare a charge adds a new intent.
    intents: BTreeMap<IntentId, (Money, Intent)>,
    refunded: BTreeMap<IntentId, Money>,
}

impl Books {
    /// How many requests were sent.
    pub(crate) fn requests(&self) -> usize {
        self.requests.len()
    }

    /// Lets the request reach the provider, unless it has arrived already.
    pub(crate) fn arrive(&mut self, index: usize, bank: Bank) {
        let request = self.requests[index].clone();
        if request.answer.is_some() {
            return;
        }
        let answer = match &request.asked {
            Asked::Prepare(amount) => {
                let id = IntentId(format!("pi-{}", self.intents.len()));
                self.intents.insert(id.clone(), (*amount, Intent::Prepared));
                Answer::Prepared(id)
            }
            Asked::Confirm(intent) => Answer::Charge(self.confirm(intent, bank)),
            Asked::Capture(intent) => Answer::Capture(self.capture(intent, bank)),
            Asked::Refund(intent) => Answer::Refund(self.refund(intent)),
        };
        self.requests[index].answer = Some(answer);
    }

    fn confirm(&mut self, intent: &IntentId, bank: Bank) -> ChargeAnswer {
        let (_, is) = self.intents.get_mut(intent).unwrap();
        if *is == Intent::Prepared {
            *is = match bank {
                Bank::Charges => Intent::Charged,
                Bank::Declines => Intent::Declined,
                Bank::Asks => Intent::Asked,
                Bank::Holds | Bank::Lapses => Intent::Authorized,
            };
        }
        let charge_id = format!("ch-{}", intent.0);
        match is {
            Intent::Asked => ChargeAnswer::ConfirmationRequired { confirm_at: None },
            Intent::Authorized => ChargeAnswer::Authorized { charge_id },
            Intent::Charged => ChargeAnswer::Charged { charge_id },
            _ => ChargeAnswer::Declined { reason: "card declined".to_owned() },
        }
    }

    fn capture(&mut self, intent: &IntentId, bank: Bank) -> CaptureAnswer {
        let (_, is) = self.intents.get_mut(intent).unwrap();
        if *is == Intent::Authorized {
            *is = if bank == Bank::Lapses { Intent::Canceled } else { Intent::Charged };
        }
        if *is == Intent::Charged {
            return CaptureAnswer::Captured { charge_id: format!("ch-{}", intent.0) };
        }
        CaptureAnswer::Failed { reason: "the bank holds nothing".to_owned() }
    }

    /// Makes the customer confirm every charge that waits for a confirmation.
    pub(crate) fn customer_confirms(&mut self) {
        let asked = self.intents.values_mut().filter(|(_, is)| *is == Intent::Asked);
        asked.for_each(|(_, is)| *is = Intent::Charged);
    }

    fn refund(&mut self, intent: &IntentId) -> RefundAnswer {
        let (amount, is) = self.intents.get_mut(intent).unwrap();
        if *is == Intent::Charged {
            self.refunded.insert(intent.clone(), *amount);
            return RefundAnswer::Refunded { amount: *amount };
        }
        *is = Intent::Canceled;
        RefundAnswer::NothingCharged
    }

    pub(crate) fn charged(&self) -> Vec<Money> {
        let charged = self.intents.values().filter(|(_, is)| *is == Intent::Charged);
        charged.map(|(amount, _)| *amount).collect()
    }

    /// How many amounts the bank holds.
    pub(crate) fn held(&self) -> usize {
        self.intents.values().filter(|(_, is)| *is == Intent::Authorized).count()
    }

    pub(crate) fn refunded(&self) -> Money {
        self.refunded.values().copied().sum()
    }

    pub(crate) fn arrive_all(&mut self, bank: Bank) {
        for index in 0..self.requests.len() {
            self.arrive(index, bank);
        }
    }

    /// Loses the response to a request; the request itself may still be in flight.
    pub(crate) fn lose(&mut self, index: usize) {
        self.requests[index].lost = true;
    }
}

#[derive(Clone, Default)]
pub(crate) struct Provider(Arc<Mutex<Books>>);

impl Provider {
    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap()
    }

    /// Sends a request, and waits until the response comes or is lost.
    async fn ask(&self, asked: Asked) -> Result<Answer, ProviderError> {
        let sent = {
            let mut books = self.books();
            books.requests.push(Request { asked, answer: None, lost: false });
            books.requests.len() - 1
        };
        loop {
            pause().await;
            let request = self.books().requests[sent].clone();
            match request {
                Request { lost: true, .. } => {
                    return Err(ProviderError::Unknown("lost".to_owned()));
                }
                Request { answer: Some(answer), .. } => return Ok(answer),
                Request { answer: None, .. } => {}
            }
        }
    }
}

#[async_trait]
impl PaymentProvider for Provider {
    async fn prepare(&self, charge: &Charge) -> Result<IntentId, ProviderError> {
        match self.ask(Asked::Prepare(charge.amount)).await? {
            Answer::Prepared(intent) => Ok(intent),
            _ => unreachable!("an intent is prepared"),
        }
    }

    async fn confirm(&self, intent: &IntentId, _: &Charge) -> Result<ChargeAnswer, ProviderError> {
        match self.ask(Asked::Confirm(intent.clone())).await? {
            Answer::Charge(answer) => Ok(answer),
            _ => unreachable!("an intent is confirmed"),
        }
    }

    async fn capture(&self, intent: &IntentId) -> Result<CaptureAnswer, ProviderError> {
        match self.ask(Asked::Capture(intent.clone())).await? {
            Answer::Capture(answer) => Ok(answer),
            _ => unreachable!("an amount is captured"),
        }
    }

    async fn refund(&self, refund: &Refund) -> Result<RefundAnswer, ProviderError> {
        match self.ask(Asked::Refund(refund.intent.clone())).await? {
            Answer::Refund(answer) => Ok(answer),
            _ => unreachable!("a charge is refunded"),
        }
    }

    async fn find(&self, _: &IntentId) -> Result<Option<KnownIntent>, ProviderError> {
        unreachable!("no notice is about a dispute or a refund")
    }
}
