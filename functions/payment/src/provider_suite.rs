//! Checks the promises of [`PaymentProvider`]. The same suite runs on every provider, so that tests
//! with a simulated provider are valid for all providers.
//!
//! A [`Harness`] connects the suite to a provider. Each check uses a new order, so one server can
//! serve all checks and keep its data between them.

use std::sync::Arc;

use async_trait::async_trait;
use chorus_events::{CustomerId, Money, OrderId, PaymentCapture, PaymentMethod, samples};
use jiff::Timestamp;

use crate::{
    CaptureAnswer, Charge, ChargeAnswer, IntentId, IntentState, KnownIntent, PaymentProvider,
    ProviderError, Refund, RefundAnswer,
};

/// The behaviour of a customer's bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bank {
    Pays,
    Declines,
    /// The bank asks the customer to confirm the charge.
    Asks,
    /// The bank stops holding an amount: see [`Harness::lapse`].
    Lapses,
    /// The first answer to each kind of request (charge, capture, refund) is lost after the bank
    /// has acted.
    LosesAnswers,
    /// The bank refuses to refund what was charged.
    KeepsAll,
}

/// The customer who pays, and the payment method. The two values select how the bank behaves.
#[derive(Debug, Clone)]
pub struct Payer {
    pub customer_id: CustomerId,
    pub payment_method: Option<PaymentMethod>,
}

/// A provider under test.
#[async_trait]
pub trait Harness: Sync {
    /// Returns the provider of a shop that charges amounts at the time that `capture` names.
    fn provider(&self, capture: PaymentCapture) -> Arc<dyn PaymentProvider>;

    /// Makes the bank behave like `bank` from now on, and returns who pays; none if the provider
    /// has no such bank.
    async fn payer(&self, bank: Bank) -> Option<Payer>;

    /// Confirms the charge, as the customer does.
    async fn confirm(&self, intent: &IntentId, charge: &Charge);

    /// Makes the bank stop holding the amount. Does nothing if the bank stops by itself when the
    /// amount is captured.
    async fn lapse(&self, intent: &IntentId);

    /// Returns how much was charged, and how much was refunded, according to the provider's books.
    async fn charged_and_refunded(&self, intent: &IntentId, charge: &Charge) -> (Money, Money);
}

/// Runs the checks for each kind of bank that the provider has. Returns the kinds of bank that the
/// provider does not have.
///
/// # Panics
/// If the provider breaks a promise of the port.
pub async fn run(harness: &dyn Harness) -> Vec<Bank> {
    let suite = Suite { harness, missing: Vec::new(), orders: 0 };
    suite.run().await
}

struct Suite<'a> {
    harness: &'a dyn Harness,
    missing: Vec<Bank>,
    orders: u32,
}

impl<'a> Suite<'a> {
    async fn run(mut self) -> Vec<Bank> {
        use PaymentCapture::{AtOnce, WhenShipped};
        if let Some(case) = self.case(Bank::Pays, AtOnce).await {
            case.is_charged_and_refunded_once().await;
            case.refuses_unknown_intents().await;
        }
        if let Some(case) = self.case(Bank::Pays, AtOnce).await {
            case.is_canceled_before_it_is_charged().await;
        }
        for capture in [AtOnce, WhenShipped] {
            if let Some(case) = self.case(Bank::Declines, capture).await {
                case.is_declined().await;
            }
            if let Some(case) = self.case(Bank::Asks, capture).await {
                case.is_charged_once_the_customer_confirmed(capture).await;
            }
            if let Some(case) = self.case(Bank::Asks, capture).await {
                case.is_canceled_while_the_customer_is_asked().await;
            }
        }
        if let Some(case) = self.case(Bank::Pays, WhenShipped).await {
            case.is_captured_once().await;
        }
        if let Some(case) = self.case(Bank::Pays, WhenShipped).await {
            case.is_released().await;
        }
        if let Some(case) = self.case(Bank::Lapses, WhenShipped).await {
            case.lapses().await;
        }
        if let Some(case) = self.case(Bank::LosesAnswers, WhenShipped).await {
            case.moves_money_once_although_answers_are_lost().await;
        }
        if let Some(case) = self.case(Bank::KeepsAll, AtOnce).await {
            case.is_refused_its_refund().await;
        }
        self.missing
    }

    /// Prepares a charge for a new order, at a bank that behaves like `bank`. Returns `None`, and
    /// prepares nothing, if the provider has no such bank.
    async fn case(&mut self, bank: Bank, capture: PaymentCapture) -> Option<Case<'a>> {
        let Some(Payer { customer_id, payment_method }) = self.harness.payer(bank).await else {
            if !self.missing.contains(&bank) {
                self.missing.push(bank);
            }
            return None;
        };
        self.orders += 1;
        let order_id: OrderId =
            format!("suite-{}", self.orders).parse().expect("this is the form of an order's id");
        let amount = samples::total();
        let charge = Charge { order_id, customer_id, amount, payment_method };
        let provider = self.harness.provider(capture);
        let intent = provider.prepare(&charge).await.expect("a charge is prepared");
        let case = Case { harness: self.harness, provider, charge, intent };
        case.has_moved(Money::ZERO, Money::ZERO).await;
        Some(case)
    }
}

/// One order at the provider.
struct Case<'a> {
    harness: &'a dyn Harness,
    provider: Arc<dyn PaymentProvider>,
    charge: Charge,
    intent: IntentId,
}

impl Case<'_> {
    async fn confirm(&self) -> Result<ChargeAnswer, ProviderError> {
        self.provider.confirm(&self.intent, &self.charge).await
    }

    async fn capture(&self) -> Result<CaptureAnswer, ProviderError> {
        self.provider.capture(&self.intent).await
    }

    async fn refund(&self) -> Result<RefundAnswer, ProviderError> {
        let (order_id, intent) = (self.charge.order_id.clone(), self.intent.clone());
        self.provider.refund(&Refund { order_id, intent, retries: 0 }).await
    }

    async fn has_moved(&self, charged: Money, refunded: Money) {
        let moved = self.harness.charged_and_refunded(&self.intent, &self.charge).await;
        assert_eq!(moved, (charged, refunded), "charged, and refunded");
    }

    /// Checks that the provider finds the payment intent, and reports these values of `is_refunded`
    /// and `is_canceled`.
    async fn is_known(&self, is_refunded: bool, is_canceled: bool) {
        let known = self.provider.find(&self.intent).await;
        let order_id = self.charge.order_id.clone();
        assert_eq!(known, Ok(Some(KnownIntent { order_id, is_refunded, is_canceled })));
    }

    /// Checks that the provider lists the payment intent once, with the intent's order and this
    /// state.
    async fn is_listed(&self, state: IntentState) {
        let listed = self.provider.list(Timestamp::UNIX_EPOCH).await.expect("intents are listed");
        let mut own = listed.iter().filter(|it| it.intent == self.intent);
        let first = own.next().map(|it| (&it.order_id, it.state));
        assert_eq!(first, Some((&self.charge.order_id, state)), "{:?}", self.intent);
        assert_eq!(own.next(), None, "it is listed once");
    }

    async fn is_charged_and_refunded_once(&self) {
        let amount = self.charge.amount;
        // A second intent of the order moves no money, because nobody confirms it.
        self.provider.prepare(&self.charge).await.expect("a charge is prepared again");
        let first = self.confirm().await;
        assert!(matches!(first, Ok(ChargeAnswer::Charged { .. })), "{first:?}");
        assert_eq!(self.confirm().await, first, "the same intent has the same result");
        self.has_moved(amount, Money::ZERO).await;
        self.is_known(false, false).await;
        self.is_listed(IntentState::Confirmed).await;
        for _ in 0..2 {
            assert_eq!(self.refund().await, Ok(RefundAnswer::Refunded { amount }));
        }
        self.has_moved(amount, amount).await;
        self.is_known(true, false).await;
        self.is_listed(IntentState::Refunded).await;
    }

    async fn is_canceled_before_it_is_charged(&self) {
        for _ in 0..2 {
            assert_eq!(self.refund().await, Ok(RefundAnswer::NothingCharged));
        }
        self.is_listed(IntentState::Canceled).await;
        self.is_declined_as_canceled().await;
    }

    /// Checks that a late request to charge finds the intent canceled.
    async fn is_declined_as_canceled(&self) {
        let late = self.confirm().await;
        assert!(matches!(late, Ok(ChargeAnswer::Declined { .. })), "{late:?}");
        self.has_moved(Money::ZERO, Money::ZERO).await;
    }

    async fn is_declined(&self) {
        for _ in 0..2 {
            let answer = self.confirm().await;
            let Ok(ChargeAnswer::Declined { reason }) = answer else { panic!("{answer:?}") };
            assert!(!reason.is_empty());
        }
        self.is_listed(IntentState::Open).await;
        assert_eq!(self.refund().await, Ok(RefundAnswer::NothingCharged));
        self.is_declined_as_canceled().await;
    }

    async fn is_asked(&self) {
        for _ in 0..2 {
            let answer = self.confirm().await;
            assert!(matches!(answer, Ok(ChargeAnswer::ConfirmationRequired { .. })), "{answer:?}");
        }
        self.is_listed(IntentState::Confirmed).await;
        self.has_moved(Money::ZERO, Money::ZERO).await;
    }

    async fn is_charged_once_the_customer_confirmed(&self, capture: PaymentCapture) {
        self.is_asked().await;
        self.harness.confirm(&self.intent, &self.charge).await;
        let answer = self.confirm().await;
        if capture == PaymentCapture::WhenShipped {
            assert!(matches!(answer, Ok(ChargeAnswer::Authorized { .. })), "{answer:?}");
            self.has_moved(Money::ZERO, Money::ZERO).await;
            let taken = self.capture().await;
            assert!(matches!(taken, Ok(CaptureAnswer::Captured { .. })), "{taken:?}");
        } else {
            assert!(matches!(answer, Ok(ChargeAnswer::Charged { .. })), "{answer:?}");
        }
        self.has_moved(self.charge.amount, Money::ZERO).await;
    }

    async fn is_canceled_while_the_customer_is_asked(&self) {
        self.is_asked().await;
        assert_eq!(self.refund().await, Ok(RefundAnswer::NothingCharged));
        self.is_declined_as_canceled().await;
    }

    async fn is_held(&self) {
        let first = self.confirm().await;
        assert!(matches!(first, Ok(ChargeAnswer::Authorized { .. })), "{first:?}");
        assert_eq!(self.confirm().await, first, "the same intent has the same result");
        self.has_moved(Money::ZERO, Money::ZERO).await;
        self.is_known(false, false).await;
        self.is_listed(IntentState::Held).await;
    }

    async fn is_captured_once(&self) {
        let amount = self.charge.amount;
        self.is_held().await;
        let first = self.capture().await;
        assert!(matches!(first, Ok(CaptureAnswer::Captured { .. })), "{first:?}");
        assert_eq!(self.capture().await, first, "it is captured once");
        self.has_moved(amount, Money::ZERO).await;
        for _ in 0..2 {
            assert_eq!(self.refund().await, Ok(RefundAnswer::Refunded { amount }));
        }
        self.has_moved(amount, amount).await;
    }

    /// Checks that an amount cannot be captured after the hold on the amount was canceled.
    async fn is_released(&self) {
        self.is_held().await;
        for _ in 0..2 {
            assert_eq!(self.refund().await, Ok(RefundAnswer::NothingCharged));
        }
        self.cannot_be_captured().await;
    }

    async fn cannot_be_captured(&self) {
        for _ in 0..2 {
            let late = self.capture().await;
            let Ok(CaptureAnswer::Failed { reason }) = late else { panic!("{late:?}") };
            assert!(!reason.is_empty());
        }
        self.has_moved(Money::ZERO, Money::ZERO).await;
        self.is_known(false, true).await;
    }

    async fn lapses(&self) {
        self.is_held().await;
        self.harness.lapse(&self.intent).await;
        self.cannot_be_captured().await;
        assert_eq!(self.refund().await, Ok(RefundAnswer::NothingCharged));
    }

    async fn moves_money_once_although_answers_are_lost(&self) {
        let amount = self.charge.amount;
        let lost = self.confirm().await;
        assert!(matches!(lost, Err(ProviderError::Unknown(_))), "{lost:?}");
        self.is_held().await;
        let lost = self.capture().await;
        assert!(matches!(lost, Err(ProviderError::Unknown(_))), "{lost:?}");
        let again = self.capture().await;
        assert!(matches!(again, Ok(CaptureAnswer::Captured { .. })), "{again:?}");
        let lost = self.refund().await;
        assert!(matches!(lost, Err(ProviderError::Unknown(_))), "{lost:?}");
        assert_eq!(self.refund().await, Ok(RefundAnswer::Refunded { amount }));
        self.has_moved(amount, amount).await;
    }

    async fn is_refused_its_refund(&self) {
        let answer = self.confirm().await;
        assert!(matches!(answer, Ok(ChargeAnswer::Charged { .. })), "{answer:?}");
        for _ in 0..2 {
            let refused = self.refund().await;
            let Ok(RefundAnswer::Refused { reason }) = refused else { panic!("{refused:?}") };
            assert!(!reason.is_empty());
        }
        self.has_moved(self.charge.amount, Money::ZERO).await;
        self.is_known(false, false).await;
    }

    async fn refuses_unknown_intents(&self) {
        let unknown = IntentId("pi_nobody_has_this".to_owned());
        assert_eq!(self.provider.find(&unknown).await, Ok(None));
        let confirmed = self.provider.confirm(&unknown, &self.charge).await;
        assert!(matches!(confirmed, Err(ProviderError::Refused(_))), "{confirmed:?}");
        let captured = self.provider.capture(&unknown).await;
        assert!(matches!(captured, Err(ProviderError::Refused(_))), "{captured:?}");
        let order_id = self.charge.order_id.clone();
        let refund = Refund { order_id, intent: unknown, retries: 0 };
        let refunded = self.provider.refund(&refund).await;
        assert!(matches!(refunded, Err(ProviderError::Refused(_))), "{refunded:?}");
    }
}
