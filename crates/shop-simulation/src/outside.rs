//! The external partners of the shop: a payment provider and a mailer. They keep records of their
//! own, act once for each intent or key, and may receive a request late.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chorus_events::{Money, OrderId, PaymentCapture};
use chorus_kernel::{OutcomeUnknown, People};
use chorus_notification::{Delivery, Email, Mailer, Recipient};
use chorus_payment::{
    CaptureAnswer, Charge, ChargeAnswer, IntentId, IntentState, KnownIntent, ListedIntent,
    PaymentProvider, ProviderError, Refund, RefundAnswer, SimulatedNotice,
};
use chorus_simulation::Environment;

use crate::callers;
use crate::forgotten::Forgotten;
use crate::shop::{MAIL_PORT, PAYMENT_PORT};

/// The state of an intent; every state except the first three is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Intent {
    Prepared,
    /// The customer has to confirm it.
    Asked,
    /// The bank holds the amount.
    Authorized,
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

/// The intents of all orders. Each request to prepare a charge creates another intent, so
/// confirming an intent whose id was not committed could charge twice.
#[derive(Debug)]
pub(crate) struct Intents {
    entries: Vec<Entry>,
    /// When the amount of an intent is charged once the bank has agreed.
    capture: PaymentCapture,
}

impl Intents {
    pub(crate) const fn new(capture: PaymentCapture) -> Self {
        Self { entries: Vec::new(), capture }
    }

    /// What becomes of an intent to which the bank agrees.
    const fn agreed(&self) -> Intent {
        match self.capture {
            PaymentCapture::AtOnce => Intent::Charged,
            PaymentCapture::WhenShipped => Intent::Authorized,
        }
    }

    /// How many amounts the bank holds for an order.
    pub(crate) fn held(&self, order: &OrderId) -> usize {
        self.of(order).filter(|entry| entry.intent == Intent::Authorized).count()
    }

    /// The amounts that an order was charged.
    pub(crate) fn charged(&self, order: &OrderId) -> Vec<Money> {
        let taken = self.of(order).filter(|entry| entry.intent == Intent::Charged);
        taken.map(|entry| entry.amount).collect()
    }

    /// The amounts that an order was refunded.
    pub(crate) fn refunded(&self, order: &OrderId) -> Vec<Money> {
        self.of(order).filter(|entry| entry.refunded).map(|entry| entry.amount).collect()
    }

    /// Every intent, as the provider lists them.
    fn listed(&self) -> Vec<ListedIntent> {
        let listed = |(place, entry): (usize, &Entry)| ListedIntent {
            intent: IntentId((place + 1).to_string()),
            order_id: entry.order_id.clone(),
            state: match entry.intent {
                _ if entry.refunded => IntentState::Refunded,
                Intent::Prepared | Intent::Declined => IntentState::Open,
                Intent::Asked | Intent::Charged => IntentState::Confirmed,
                Intent::Authorized => IntentState::Held,
                Intent::Canceled => IntentState::Canceled,
            },
        };
        self.entries.iter().enumerate().map(listed).collect()
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

    /// The intent with this id; the provider rejects an id that it did not issue.
    fn entry(&mut self, IntentId(id): &IntentId) -> Result<&mut Entry, ProviderError> {
        let unknown = || ProviderError::Refused(format!("there is no intent {id}"));
        let place = id.parse().ok().and_then(|number: usize| number.checked_sub(1));
        place.and_then(|place| self.entries.get_mut(place)).ok_or_else(unknown)
    }

    /// Confirms an intent of `customer`, whose id selects the bank's behaviour.
    fn confirm(&mut self, id: &IntentId, customer: &str) -> Result<ChargeAnswer, ProviderError> {
        let agreed = self.agreed();
        let entry = self.entry(id)?;
        if entry.intent == Intent::Prepared {
            entry.intent = match customer {
                _ if customer.contains("declined") => Intent::Declined,
                _ if customer.contains("confirms") => Intent::Asked,
                _ => agreed,
            };
        }
        Ok(match entry.intent {
            Intent::Asked => ChargeAnswer::ConfirmationRequired { confirm_at: None },
            Intent::Authorized => ChargeAnswer::Authorized { charge_id: charge_id(id) },
            Intent::Charged => ChargeAnswer::Charged { charge_id: charge_id(id) },
            Intent::Prepared | Intent::Declined => {
                ChargeAnswer::Declined { reason: "card declined".to_owned() }
            }
            Intent::Canceled => {
                ChargeAnswer::Declined { reason: "the charge was canceled before".to_owned() }
            }
        })
    }

    /// The customer confirms the charge; returns whether the charge still waited for that.
    fn is_confirmed(&mut self, id: &IntentId) -> bool {
        let agreed = self.agreed();
        let asked = self.entry(id).ok().filter(|entry| entry.intent == Intent::Asked);
        asked.map(|entry| entry.intent = agreed).is_some()
    }

    fn is_asked(&mut self, id: &IntentId) -> bool {
        self.entry(id).is_ok_and(|entry| entry.intent == Intent::Asked)
    }

    /// Takes an amount that the bank holds, unless it has `lapsed` by now.
    fn capture(&mut self, id: &IntentId, lapsed: bool) -> Result<CaptureAnswer, ProviderError> {
        let entry = self.entry(id)?;
        if entry.intent == Intent::Authorized {
            entry.intent = if lapsed { Intent::Canceled } else { Intent::Charged };
        }
        Ok(match entry.intent {
            Intent::Charged => CaptureAnswer::Captured { charge_id: charge_id(id) },
            _ => CaptureAnswer::Failed { reason: "the authorization has lapsed".to_owned() },
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

fn charge_id(IntentId(id): &IntentId) -> String {
    format!("ch-{id}")
}

pub(crate) struct SimulatedBank {
    pub(crate) environment: Arc<Environment>,
    /// Whether none of the answers to charges arrive, as long as faults are injected.
    pub(crate) mute: bool,
    pub(crate) books: Arc<Mutex<Intents>>,
    /// Each order's name in the run, and how its customer confirms a charge.
    pub(crate) customers: Arc<BTreeMap<OrderId, (String, Confirms)>>,
    /// The orders whose amount the bank does not hold until the parcel leaves.
    pub(crate) lapsing: Arc<BTreeSet<OrderId>>,
}

/// How a customer confirms a charge, and how the provider's notice reaches the shop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Confirms {
    /// The time from the bank's request to the customer's confirmation.
    pub(crate) after: Duration,
    /// The time from the confirmation to the notice.
    pub(crate) notice_after: Duration,
    /// How often the notice is sent; 0 if it is lost.
    pub(crate) times: u32,
}

impl SimulatedBank {
    pub(crate) fn books(&self) -> MutexGuard<'_, Intents> {
        opened(&self.books)
    }

    /// The intents, without a call that could fail: for a takeover.
    pub(crate) fn listed(&self) -> Vec<ListedIntent> {
        self.books().listed()
    }

    /// Refunds what an intent charged, or cancels it, without a call that could fail.
    pub(crate) fn end(&self, refund: &Refund) {
        if let Err(error) = self.books().refund(refund) {
            self.environment.violated(format!("takeover: {error}"));
        }
    }

    /// Plans the customer's confirmation of a charge, and the notices of it.
    fn ask(&self, intent: IntentId, charge: &Charge) -> impl FnOnce() + Send + 'static {
        let (environment, books) = (Arc::clone(&self.environment), Arc::clone(&self.books));
        let order_id = charge.order_id.clone();
        let confirms = self.customers.get(&order_id).cloned();
        let never = charge.customer_id.as_str().contains("never-confirms");
        move || {
            let Some((order, confirms)) = confirms.filter(|_| !never) else { return };
            let notices = Arc::clone(&environment);
            environment.later(confirms.after, move || {
                let mut books = opened(&books);
                if books.is_confirmed(&intent) {
                    let notice = match books.capture {
                        PaymentCapture::AtOnce => SimulatedNotice::succeeded(intent, order_id),
                        PaymentCapture::WhenShipped => {
                            SimulatedNotice::authorized(intent, order_id)
                        }
                    };
                    drop(books);
                    notify(&notices, &notice, &order, confirms);
                }
                Vec::new()
            });
        }
    }
}

/// Plans the notices, as many as are sent.
fn notify(environment: &Environment, notice: &SimulatedNotice, order: &str, confirms: Confirms) {
    for time in 0..confirms.times {
        let client = callers::notifies(notice, order, time);
        environment.later(confirms.notice_after, move || vec![client]);
    }
}

fn opened(books: &Mutex<Intents>) -> MutexGuard<'_, Intents> {
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
        let customer = charge.customer_id.clone();
        let ask = self.ask(intent.clone(), charge);
        let act = move || {
            let mut books = opened(&books);
            let asked_before = books.is_asked(&intent);
            let answer = books.confirm(&intent, customer.as_str());
            let is_asked = books.is_asked(&intent);
            drop(books);
            if is_asked && !asked_before {
                ask();
            }
            answer
        };
        let answer = self.environment.external(PAYMENT_PORT, act).await;
        let arrived = answer.filter(|_| !(self.mute && self.environment.injects_faults()));
        arrived.ok_or_else(no_answer)?
    }

    async fn capture(&self, intent: &IntentId) -> Result<CaptureAnswer, ProviderError> {
        let (books, intent) = (Arc::clone(&self.books), intent.clone());
        let lapsing = Arc::clone(&self.lapsing);
        let act = move || {
            let mut books = opened(&books);
            let order = books.entry(&intent)?.order_id.clone();
            books.capture(&intent, lapsing.contains(&order))
        };
        self.environment.external(PAYMENT_PORT, act).await.ok_or_else(no_answer)?
    }

    async fn refund(&self, refund: &Refund) -> Result<RefundAnswer, ProviderError> {
        let (books, refund) = (Arc::clone(&self.books), refund.clone());
        let environment = Arc::clone(&self.environment);
        let customer = self.customers.get(&refund.order_id).cloned();
        let act = move || {
            let mut books = opened(&books);
            let was_asked = books.is_asked(&refund.intent);
            let answer = books.refund(&refund);
            drop(books);
            if let Some((order, confirms)) = customer.filter(|_| was_asked) {
                let notice = SimulatedNotice::canceled(refund.intent, refund.order_id);
                notify(&environment, &notice, &order, confirms);
            }
            answer
        };
        self.environment.external(PAYMENT_PORT, act).await.ok_or_else(no_answer)?
    }

    async fn find(&self, intent: &IntentId) -> Result<Option<KnownIntent>, ProviderError> {
        let mut books = self.books();
        let entry = books.entry(intent)?;
        let (order_id, is_refunded) = (entry.order_id.clone(), entry.refunded);
        let is_canceled = entry.intent == Intent::Canceled;
        Ok(Some(KnownIntent { order_id, is_refunded, is_canceled }))
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
        let text = format!(
            "{} to {}: {}\n{}",
            email.template,
            email.recipient.name_on_the_bus(),
            email.subject,
            email.body
        );
        let (emails, key) = (Arc::clone(&self.emails), key.to_owned());
        let act = move || {
            emails.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_insert(text);
            Delivery::Sent
        };
        self.environment
            .external(MAIL_PORT, act)
            .await
            .ok_or_else(|| OutcomeUnknown("no answer".to_owned()))
    }
}
