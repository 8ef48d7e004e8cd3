//! In every interleaving of messages, an order is charged at most once, and no charge remains once
//! the order is canceled. Both rules apply even if the provider answers late, twice or never, and
//! even if the process crashes.
//!
//! The kernel and the service's actions run unchanged. At every access to the store and the
//! provider, another message may be handled first, the process may crash, or an answer may be lost
//! while its request is still in flight.

#![allow(clippy::unwrap_used)]

#[path = "support/in_flight.rs"]
mod in_flight;
#[path = "support/interrupted.rs"]
mod interrupted;
mod support;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use chorus_events::delivery::DeliveryEstimated;
use chorus_events::fraud::OrderApproved;
use chorus_events::logistics::{Delivered, DeliveryStarted};
use chorus_events::order::OrderCanceled;
use chorus_events::payment::{
    CaptureFailed, ErrorPaymentCanceled, PaymentAuthorized, PaymentCanceled, PaymentFailed,
    PaymentMade,
};
use chorus_events::{Capture, Currency, Money, Settings, samples};
use chorus_kernel::testing::expect_ready;
use chorus_kernel::{Function, Kernel};
use chorus_payment::{Payment, ReviewCallback, function};
use chorus_table::Event;
use in_flight::{Bank, Provider};
use interrupted::Interrupted;
use proptest::prelude::*;
use support::{Shop, payload, wire};

const EUR: Currency = Currency::EUR;

type Attempt = Pin<Box<dyn Future<Output = bool>>>;

/// One step of an interleaving: a handler continues, a request arrives, an answer is lost, the
/// process crashes, or the customer confirms.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Go(usize, usize),
    Arrive(usize),
    Lose(usize),
    Crash(usize),
    /// The customer confirms a charge, as the bank has asked.
    Confirm,
}

struct Setup {
    shop: Shop,
    provider: Provider,
    bank: Bank,
    /// Whether to retry a message that the payment's state does not allow. A retry can succeed only
    /// after another message, such as the order's approval.
    patient: bool,
    function: Arc<Function>,
    messages: Vec<Message>,
    attempts: Vec<Option<Attempt>>,
}

/// A message to the service; the variant says who sends the message.
#[derive(Debug, Clone)]
enum Message {
    Event(String),
    /// A task from the state machine. The machine then publishes the event that the task returns.
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
            || bank == Bank::Asks
            || bank.holds_first();
        let attempts = Vec::new();
        let mut setup = Self { shop, provider, bank, patient, function, messages, attempts };
        setup.attempts = (0..setup.messages.len()).map(|of| Some(setup.attempt(of))).collect();
        setup
    }

    /// Makes one attempt to handle a message. The result is true if no retry is needed.
    fn attempt(&self, of: usize) -> Attempt {
        let (function, message) = (Arc::clone(&self.function), self.messages[of].clone());
        let store = Arc::new(Interrupted(Arc::clone(&self.shop.store)));
        let kernel = Kernel { store, ..self.shop.kernel() };
        let patient = self.patient;
        Box::pin(async move {
            let answered = match &message {
                Message::Event(event) => function.handle_event(&kernel, event).await.map(|_| ()),
                Message::Task(task) => match function.handle_task(&kernel, task).await {
                    Ok(published) => support::publish(&*kernel.bus, &published["event"]).await,
                    Err(failure) => Err(failure),
                },
            };
            match answered {
                Ok(()) => true,
                Err(failure) if failure.is_retryable() => false,
                // The payment's state does not allow the message: retry or drop the message.
                Err(failure) => {
                    assert_eq!(failure.code(), "Conflict", "{failure}");
                    !patient
                }
            }
        })
    }

    fn turn(&mut self, turn: Turn) {
        let requests = self.provider.books().requests();
        match turn {
            Turn::Go(of, steps) => {
                (0..steps).for_each(|_| self.poll(of % self.messages.len()));
            }
            Turn::Arrive(which) if requests > 0 => {
                self.provider.books().arrive(which % requests, self.bank);
            }
            Turn::Lose(which) if requests > 0 => {
                self.provider.books().lose(which % requests);
            }
            Turn::Crash(of) => {
                let of = of % self.messages.len();
                if self.attempts[of].is_some() {
                    self.attempts[of] = Some(self.attempt(of));
                }
            }
            Turn::Confirm => self.provider.books().customer_confirms(),
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
                self.provider.books().arrive_all(self.bank);
                return;
            }
            if round % 3 == 2 {
                self.provider.books().arrive_all(self.bank);
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
            if self.bank.holds_first() {
                let capture = Some(Capture::Due);
                let departure = DeliveryStarted { capture, ..Event::sample() };
                let arrival = Delivered { capture, ..Event::sample() };
                messages.push(Message::Event(wire(&departure, "departure")));
                messages.push(Message::Event(wire(&arrival, "arrival")));
            }
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
        6 => (0..24_usize, 1..8_usize).prop_map(|(of, steps)| Turn::Go(of, steps)),
        3 => (0..6_usize).prop_map(Turn::Arrive),
        1 => (0..6_usize).prop_map(Turn::Lose),
        1 => (0..24_usize).prop_map(Turn::Crash),
        1 => Just(Turn::Confirm),
    ];
    let total = prop_oneof![Just(samples::total()), Just(HIGH_VALUE)];
    let turns = prop::collection::vec(turn, 0..40);
    let bank = prop_oneof![
        5 => Just(Bank::Charges),
        2 => Just(Bank::Declines),
        3 => Just(Bank::Asks),
        5 => Just(Bank::Holds),
        2 => Just(Bank::Lapses),
    ];
    (bank, total, any::<bool>(), prop::bool::weighted(0.7), 1..3_usize, turns).prop_map(
        |(bank, total, approved, canceled, copies, turns)| {
            // The bank asks the customer, or the parcel leaves, only after the order was approved.
            // If the payment fails, the order is canceled.
            let fails = matches!(bank, Bank::Asks | Bank::Lapses);
            let approved = approved || fails || bank.holds_first();
            let canceled = canceled || fails;
            Story { bank, total, approved, canceled, copies, turns }
        },
    )
}

/// Checks what must be true at the end of every interleaving.
fn holds(story: &Story) -> Result<(), TestCaseError> {
    let setup = story.played();
    let bus = &setup.shop.bus;
    let (made, failed) = (bus.published::<PaymentMade>(), bus.published::<PaymentFailed>());
    let (given_back, errors) =
        (bus.published::<PaymentCanceled>(), bus.published::<ErrorPaymentCanceled>());
    let books = setup.provider.books();
    prop_assert!(books.charged().len() <= 1, "charged {:?}", books.charged());
    prop_assert!(made.len() + failed.len() <= 1, "one result at most: {made:?} {failed:?}");
    prop_assert!(given_back.len() + errors.len() <= 1, "one result at most: {given_back:?}");
    prop_assert!(errors.is_empty(), "this provider refuses no refund");
    let (held, lapsed) = (bus.published::<PaymentAuthorized>(), bus.published::<CaptureFailed>());
    prop_assert!(held.len() <= 1 && made.len() + lapsed.len() <= 1, "{held:?} {made:?} {lapsed:?}");
    prop_assert_eq!(books.held(), 0, "every amount is taken or released");

    let charged: Money = books.charged().into_iter().sum();
    let refunded: Money = books.refunded();
    if story.canceled {
        prop_assert_eq!(charged, refunded, "a canceled order pays nothing");
        let published: Money = given_back.iter().map(|event| event.refunded).sum();
        prop_assert!(
            made.is_empty() || published == charged,
            "what was said paid is said refunded"
        );
        prop_assert_eq!(published, refunded, "the event has the refunded sum");
    } else {
        prop_assert_eq!(refunded, Money::ZERO);
        let due = story.approved || story.total < HIGH_VALUE;
        let paid = due && matches!(story.bank, Bank::Charges | Bank::Holds);
        prop_assert_eq!(held.len(), usize::from(due && story.bank == Bank::Holds));
        prop_assert_eq!(made.len(), usize::from(paid));
        prop_assert_eq!(failed.len(), usize::from(due && !paid));
        prop_assert_eq!(charged, if paid { story.total } else { Money::ZERO });
    }
    let kernel = setup.shop.kernel();
    let order = samples::order_id();
    let kept = expect_ready(kernel.find::<Payment>(&order)).unwrap().unwrap();
    prop_assert_eq!(kept.refunded, refunded, "the record has the refunded sum");
    prop_assert_eq!(kept.charged, charged, "the record has the charged sum");
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

/// The order is canceled while the request to capture is in flight.
#[test]
fn a_capture_that_arrives_before_or_after_the_cancellation_leaves_nothing_charged() {
    // Message 0 charges, message 1 cancels, message 2 captures. Request 0 prepares, request 1
    // confirms, request 2 captures, request 3 refunds or cancels.
    let go = |message| Turn::Go(message, 30);
    let held = [go(0), Turn::Arrive(0), go(0), Turn::Arrive(1), go(0)];
    let both = [go(2), go(1)];
    for (order, taken) in [([2, 3], true), ([3, 2], false)] {
        let turns = [&held[..], &both, &order.map(Turn::Arrive)].concat();
        let total = samples::total();
        let story =
            Story { bank: Bank::Holds, total, approved: false, canceled: true, copies: 1, turns };
        let setup = story.played();
        assert_eq!(setup.provider.books().charged(), if taken { vec![total] } else { vec![] });
        holds(&story).unwrap();
    }
}

/// At the cancellation, the request to charge is in flight, and its sender no longer waits for the
/// response.
#[test]
fn a_charge_that_everybody_gave_up_does_not_stand_once_its_order_is_canceled() {
    for late in [Turn::Arrive(1), Turn::Arrive(2)] {
        let charges = [Turn::Go(0, 4), Turn::Arrive(0), Turn::Go(0, 6), Turn::Lose(1)];
        let turns = [&charges[..], &[Turn::Go(1, 8), late, Turn::Go(1, 8)]].concat();
        let total = samples::total();
        let story =
            Story { bank: Bank::Charges, total, approved: false, canceled: true, copies: 1, turns };
        let setup = story.played();
        let requests = setup.provider.books().requests();
        assert!(requests >= 3, "prepared, confirmed and ended, not {requests}");
        holds(&story).unwrap();
    }
}
