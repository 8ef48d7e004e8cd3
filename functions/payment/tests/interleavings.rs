//! In every interleaving of messages an order is charged at most once, and no charge remains once
//! the order is canceled. That holds if the provider answers late, twice or never, and if the
//! process crashes.
//!
//! The kernel and both actions run unchanged. At every access to the store and the provider,
//! another message may be handled first, the process may crash, or an answer may be lost while its
//! request is still in flight.

#![allow(clippy::unwrap_used)]

#[path = "support/interrupted.rs"]
mod interrupted;
mod support;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use chorus_events::delivery::DeliveryEstimated;
use chorus_events::fraud::OrderApproved;
use chorus_events::order::OrderCanceled;
use chorus_events::payment::{ErrorPaymentCanceled, PaymentCanceled, PaymentFailed, PaymentMade};
use chorus_events::{Currency, Money, Settings, samples};
use chorus_kernel::testing::now;
use chorus_kernel::{Function, Kernel};
use chorus_payment::{
    CaptureAnswer, Charge, ChargeAnswer, IntentId, KnownIntent, Payment, PaymentProvider,
    ProviderError, Refund, RefundAnswer, ReviewCallback, function,
};
use chorus_table::Event;
use interrupted::{Interrupted, pause};
use proptest::prelude::*;
use support::{Shop, payload, wire};

const EUR: Currency = Currency::EUR;

/// A request to the provider, in flight or answered.
#[derive(Clone)]
enum Request {
    Prepare { amount: Money, answer: Option<IntentId>, lost: bool },
    Confirm { intent: IntentId, answer: Option<ChargeAnswer>, lost: bool },
    Refund { intent: IntentId, answer: Option<RefundAnswer>, lost: bool },
}

/// The state of an intent; the last three are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Intent {
    Prepared,
    /// The customer has to confirm it.
    Asked,
    Charged,
    Declined,
    Canceled,
}

/// The bank's behaviour at a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bank {
    Charges,
    Declines,
    /// The bank asks the customer to confirm.
    Asks,
}

#[derive(Default)]
struct Books {
    requests: Vec<Request>,
    /// The intents in the order in which they were prepared: every request prepares a new one.
    intents: BTreeMap<IntentId, (Money, Intent)>,
    refunded: BTreeMap<IntentId, Money>,
}

impl Books {
    /// Lets the request reach the provider, unless it has.
    fn arrive(&mut self, index: usize, bank: Bank) {
        let mut request = self.requests[index].clone();
        match &mut request {
            Request::Prepare { amount, answer, .. } if answer.is_none() => {
                let id = IntentId(format!("pi-{}", self.intents.len()));
                self.intents.insert(id.clone(), (*amount, Intent::Prepared));
                *answer = Some(id);
            }
            Request::Confirm { intent, answer, .. } if answer.is_none() => {
                *answer = Some(self.confirm(intent, bank));
            }
            Request::Refund { intent, answer, .. } if answer.is_none() => {
                *answer = Some(self.refund(intent));
            }
            _ => {}
        }
        self.requests[index] = request;
    }

    fn confirm(&mut self, intent: &IntentId, bank: Bank) -> ChargeAnswer {
        let (_, is) = self.intents.get_mut(intent).unwrap();
        if *is == Intent::Prepared {
            *is = match bank {
                Bank::Charges => Intent::Charged,
                Bank::Declines => Intent::Declined,
                Bank::Asks => Intent::Asked,
            };
        }
        match is {
            Intent::Asked => ChargeAnswer::ConfirmationRequired { confirm_at: None },
            Intent::Charged => ChargeAnswer::Charged { charge_id: format!("ch-{}", intent.0) },
            _ => ChargeAnswer::Declined { reason: "card declined".to_owned() },
        }
    }

    /// The customer confirms every charge that the bank asks to confirm.
    fn customer_confirms(&mut self) {
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

    fn charged(&self) -> Vec<Money> {
        let charged = self.intents.values().filter(|(_, is)| *is == Intent::Charged);
        charged.map(|(amount, _)| *amount).collect()
    }

    fn arrive_all(&mut self, bank: Bank) {
        for index in 0..self.requests.len() {
            self.arrive(index, bank);
        }
    }

    /// Loses the answer to a request; the request itself may still be in flight.
    fn lose(&mut self, index: usize) {
        let (Request::Prepare { lost, .. }
        | Request::Confirm { lost, .. }
        | Request::Refund { lost, .. }) = &mut self.requests[index];
        *lost = true;
    }
}

#[derive(Clone, Default)]
struct Provider(Arc<Mutex<Books>>);

impl Provider {
    /// Sends a request, and waits until `answer` returns the answer, or the loss of the answer.
    async fn ask<A>(
        &self,
        request: Request,
        answer: impl Fn(Request) -> (Option<A>, bool),
    ) -> Result<A, ProviderError> {
        let sent = {
            let mut books = self.0.lock().unwrap();
            books.requests.push(request);
            books.requests.len() - 1
        };
        loop {
            pause().await;
            let request = self.0.lock().unwrap().requests[sent].clone();
            match answer(request) {
                (_, true) => return Err(ProviderError::Unknown("lost".to_owned())),
                (Some(answer), _) => return Ok(answer),
                (None, false) => {}
            }
        }
    }
}

#[async_trait]
impl PaymentProvider for Provider {
    async fn prepare(&self, charge: &Charge) -> Result<IntentId, ProviderError> {
        let request = Request::Prepare { amount: charge.amount, answer: None, lost: false };
        self.ask(request, |request| match request {
            Request::Prepare { answer, lost, .. } => (answer, lost),
            _ => unreachable!(),
        })
        .await
    }

    async fn confirm(&self, intent: &IntentId, _: &Charge) -> Result<ChargeAnswer, ProviderError> {
        let request = Request::Confirm { intent: intent.clone(), answer: None, lost: false };
        self.ask(request, |request| match request {
            Request::Confirm { answer, lost, .. } => (answer, lost),
            _ => unreachable!(),
        })
        .await
    }

    async fn refund(&self, refund: &Refund) -> Result<RefundAnswer, ProviderError> {
        let intent = refund.intent.clone();
        self.ask(Request::Refund { intent, answer: None, lost: false }, |request| match request {
            Request::Refund { answer, lost, .. } => (answer, lost),
            _ => unreachable!(),
        })
        .await
    }

    async fn capture(&self, _: &IntentId) -> Result<CaptureAnswer, ProviderError> {
        unreachable!("no amount is held")
    }

    async fn find(&self, _: &IntentId) -> Result<Option<KnownIntent>, ProviderError> {
        unreachable!("no notice is about a dispute or a refund")
    }
}

type Attempt = Pin<Box<dyn Future<Output = bool>>>;

/// One step of an interleaving: a handler continues, a request arrives or is lost, or a crash.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Go(usize, usize),
    Arrive(usize),
    Lose(usize),
    Crash(usize),
    /// The customer confirms a charge that the bank asks to confirm.
    Confirm,
}

struct Setup {
    shop: Shop,
    provider: Provider,
    bank: Bank,
    /// Whether an approval will come, so that a message that comes before it is retried.
    patient: bool,
    function: Arc<Function>,
    messages: Vec<Message>,
    attempts: Vec<Option<Attempt>>,
}

/// A message to the service, by its sender.
#[derive(Debug, Clone)]
enum Message {
    Event(String),
    /// From the state machine, which publishes the events of the answer.
    Task(String),
}

impl Setup {
    fn new(bank: Bank, messages: Vec<Message>) -> Self {
        let provider = Provider::default();
        let function =
            Arc::new(function(Arc::new(provider.clone()), support::secrets(), EUR).function);
        let shop = Shop::over(&function.tables);
        let patient = messages
            .iter()
            .any(|it| matches!(it, Message::Event(e) if e.contains("OrderApproved")))
            || bank == Bank::Asks;
        let attempts = Vec::new();
        let mut setup = Self { shop, provider, bank, patient, function, messages, attempts };
        setup.attempts = (0..setup.messages.len()).map(|of| Some(setup.attempt(of))).collect();
        setup
    }

    /// Handles a message once; returns whether it is done and needs no retry.
    fn attempt(&self, of: usize) -> Attempt {
        let (function, message) = (Arc::clone(&self.function), self.messages[of].clone());
        let store = Arc::new(Interrupted(Arc::clone(&self.shop.store)));
        let kernel = Kernel { store, ..self.shop.kernel() };
        let patient = self.patient;
        Box::pin(async move {
            let answered = match &message {
                Message::Event(event) => function.handle_event(&kernel, event).await.map(|_| ()),
                Message::Task(task) => match function.handle_task(&kernel, task).await {
                    Ok(published) => support::say(&*kernel.bus, &published["event"]).await,
                    Err(failure) => Err(failure),
                },
            };
            match answered {
                Ok(()) => true,
                Err(failure) if failure.is_retryable() => false,
                // Without an approval, the state machine never charges: the message is dropped.
                Err(failure) => {
                    assert_eq!(failure.code(), "Conflict", "{failure}");
                    !patient
                }
            }
        })
    }

    fn turn(&mut self, turn: Turn) {
        let requests = self.provider.0.lock().unwrap().requests.len();
        match turn {
            Turn::Go(of, steps) => {
                (0..steps).for_each(|_| self.poll(of % self.messages.len()));
            }
            Turn::Arrive(which) if requests > 0 => {
                self.provider.0.lock().unwrap().arrive(which % requests, self.bank);
            }
            Turn::Lose(which) if requests > 0 => {
                self.provider.0.lock().unwrap().lose(which % requests);
            }
            Turn::Crash(of) => {
                let of = of % self.messages.len();
                if self.attempts[of].is_some() {
                    self.attempts[of] = Some(self.attempt(of));
                }
            }
            Turn::Confirm => self.provider.0.lock().unwrap().customer_confirms(),
            Turn::Arrive(_) | Turn::Lose(_) => {}
        }
    }

    fn poll(&mut self, of: usize) {
        let Some(attempt) = &mut self.attempts[of] else { return };
        if let Poll::Ready(done) = attempt.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            self.attempts[of] = (!done).then(|| self.attempt(of));
        }
    }

    /// Handles every remaining message; requests whose sender no longer waits for them arrive last.
    fn settle(&mut self) {
        for round in 0..10_000 {
            (0..self.messages.len()).for_each(|of| self.poll(of));
            if self.attempts.iter().all(Option::is_none) {
                self.provider.0.lock().unwrap().arrive_all(self.bank);
                return;
            }
            if round % 3 == 2 {
                self.provider.0.lock().unwrap().arrive_all(self.bank);
            }
        }
        panic!("a message is never answered")
    }
}

#[derive(Debug, Clone)]
struct Story {
    bank: Bank,
    total: Money,
    approved: bool,
    canceled: bool,
    copies: usize,
    turns: Vec<Turn>,
}

/// The lowest total of an order that needs a review.
const HIGH_VALUE: Money = Settings::DEFAULT.review_above;

impl Story {
    fn estimate(&self) -> DeliveryEstimated {
        let (total, terms) = (self.total, samples::terms(self.total));
        DeliveryEstimated { total, terms, ..DeliveryEstimated::sample() }
    }

    fn messages(&self) -> Vec<Message> {
        let estimate = self.estimate();
        let handle = Some(ReviewCallback::handle(&estimate.order_id));
        let approval = OrderApproved { handle, ..OrderApproved::sample() };
        let cancellation = wire(&OrderCanceled::sample(), "cancellation");
        let charge = |key| Message::Task(payload("MakePayment", &wire(&estimate, key), None));
        let mut messages = Vec::new();
        for copy in 0..self.copies {
            messages.push(charge("estimate"));
            messages.extend(self.approved.then(|| Message::Event(wire(&approval, "approval"))));
            messages.extend(self.canceled.then(|| Message::Event(cancellation.clone())));
            // The deadline has passed: the state machine asks for the result one last time.
            let conclude = payload("ConcludePayment", &wire(&estimate, "estimate"), None);
            let conclude = conclude.replacen('{', r#"{"reason":"not confirmed in time","#, 1);
            messages.extend((self.bank == Bank::Asks).then_some(Message::Task(conclude)));
            if copy > 0 {
                messages.push(charge("the estimate under another key"));
            }
        }
        messages
    }

    fn played(&self) -> Setup {
        let mut setup = Setup::new(self.bank, self.messages());
        if self.total >= HIGH_VALUE {
            let estimate = self.estimate();
            let asking = payload("AskReviewer", &wire(&estimate, "estimate"), Some("a-token"));
            setup.shop.task(&setup.function, &asking).unwrap();
        }
        self.turns.iter().for_each(|turn| setup.turn(*turn));
        setup.settle();
        setup
    }
}

fn story() -> impl Strategy<Value = Story> {
    let turn = prop_oneof![
        6 => (0..16_usize, 1..8_usize).prop_map(|(of, steps)| Turn::Go(of, steps)),
        3 => (0..4_usize).prop_map(Turn::Arrive),
        1 => (0..4_usize).prop_map(Turn::Lose),
        1 => (0..16_usize).prop_map(Turn::Crash),
        1 => Just(Turn::Confirm),
    ];
    let total = prop_oneof![Just(samples::total()), Just(HIGH_VALUE)];
    let turns = prop::collection::vec(turn, 0..40);
    let bank =
        prop_oneof![5 => Just(Bank::Charges), 2 => Just(Bank::Declines), 3 => Just(Bank::Asks)];
    (bank, total, any::<bool>(), prop::bool::weighted(0.7), 1..3_usize, turns).prop_map(
        |(bank, total, approved, canceled, copies, turns)| {
            // The customer is asked only about an approved order; if the payment fails, the order
            // is canceled.
            let asks = bank == Bank::Asks;
            let (approved, canceled) = (approved || asks, canceled || asks);
            Story { bank, total, approved, canceled, copies, turns }
        },
    )
}

/// Checks what must hold at the end of every interleaving.
fn holds(story: &Story) -> Result<(), TestCaseError> {
    let setup = story.played();
    let bus = &setup.shop.bus;
    let (made, failed) = (bus.published::<PaymentMade>(), bus.published::<PaymentFailed>());
    let (given_back, errors) =
        (bus.published::<PaymentCanceled>(), bus.published::<ErrorPaymentCanceled>());
    let books = setup.provider.0.lock().unwrap();
    prop_assert!(books.charged().len() <= 1, "charged {:?}", books.charged());
    prop_assert!(made.len() + failed.len() <= 1, "said once: {made:?} {failed:?}");
    prop_assert!(given_back.len() + errors.len() <= 1, "said once: {given_back:?}");
    prop_assert!(errors.is_empty(), "this provider refuses no refund");

    let charged: Money = books.charged().into_iter().sum();
    let refunded: Money = books.refunded.values().copied().sum();
    if story.canceled {
        prop_assert_eq!(charged, refunded, "a canceled order pays nothing");
        let published: Money = given_back.iter().map(|event| event.refunded).sum();
        prop_assert!(
            made.is_empty() || published == charged,
            "what was said paid is said refunded"
        );
        prop_assert_eq!(published, refunded, "the event tells the sum");
    } else {
        prop_assert_eq!(refunded, Money::ZERO);
        let due = story.approved || story.total < HIGH_VALUE;
        let paid = due && story.bank == Bank::Charges;
        prop_assert_eq!(made.len(), usize::from(paid));
        prop_assert_eq!(failed.len(), usize::from(due && !paid));
        prop_assert_eq!(charged, if paid { story.total } else { Money::ZERO });
    }
    let kernel = setup.shop.kernel();
    let order = samples::order_id();
    let kept = now(kernel.find::<Payment>(&order)).unwrap().unwrap();
    prop_assert_eq!(kept.refunded, refunded, "the record tells the truth");
    prop_assert_eq!(kept.charged, charged, "the record tells the truth");
    Ok(())
}

/// Returns the configuration: at least a thousand cases, more if `PROPTEST_CASES` sets more.
fn cases() -> ProptestConfig {
    let asked = ProptestConfig::default();
    ProptestConfig { cases: asked.cases.max(1_000), ..asked }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn an_order_is_charged_at_most_once_and_a_canceled_one_pays_nothing(story in story()) {
        holds(&story)?;
    }
}

/// At the cancellation, the request to charge is in flight, and its sender no longer waits for it.
#[test]
fn a_charge_that_everybody_gave_up_does_not_stand_once_its_order_is_canceled() {
    for late in [Turn::Arrive(1), Turn::Arrive(2)] {
        let charges = [Turn::Go(0, 4), Turn::Arrive(0), Turn::Go(0, 6), Turn::Lose(1)];
        let turns = [&charges[..], &[Turn::Go(1, 8), late, Turn::Go(1, 8)]].concat();
        let total = samples::total();
        let story =
            Story { bank: Bank::Charges, total, approved: false, canceled: true, copies: 1, turns };
        let setup = story.played();
        let requests = setup.provider.0.lock().unwrap().requests.len();
        assert!(requests >= 3, "prepared, confirmed and ended, not {requests}");
        holds(&story).unwrap();
    }
}
