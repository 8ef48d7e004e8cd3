//! A provider that moves no money, and keeps its books in a table. Repeated requests about a
//! payment intent take effect once. The charge of an intent that was canceled is declined.
//!
//! The customer's id, or the amount, selects what the provider does:
//!
//! | customer id contains | what the provider does |
//! |---|---|
//! | `declined`, or the amount's cents are 13 | declines the charge: "card declined" |
//! | `provider-down` | leaves the first two attempts of each request unanswered |
//! | `provider-slow` | answers a charge after 2 s |
//! | `provider-twice` | acts at once, but its first answer is lost; a retry gets the same result |
//! | `refund-refused` | charges, and refuses to refund until an operator requests the refund again |
//! | `confirms` | the bank asks the customer to confirm; the customer does so after 2 s |
//! | `never-confirms` | the bank asks the customer to confirm; the customer never does |
//! | `lapses` | the bank holds an amount, and refuses the capture |

mod bank;
mod ledger;

pub use bank::SimulatedNotice;
pub use ledger::{LedgerEntry, Movement, SIMULATED_PROVIDER_TABLE, ledger};

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chorus_events::{OrderId, PaymentCapture};
use chorus_kernel::{Clock, Store, derived_id};
use jiff::{SignedDuration, Timestamp};

use crate::{
    CaptureAnswer, Charge, ChargeAnswer, IntentId, KnownIntent, ListedIntent, PaymentProvider,
    ProviderError, Refund, RefundAnswer,
};
use ledger::{Books, Charged, Outcome};

/// How long a slow provider takes to answer a charge.
const SLOW: Duration = Duration::from_secs(2);

/// How long a customer takes to confirm a charge.
const CONFIRMS_AFTER: SignedDuration = SignedDuration::from_secs(2);

/// How many attempts of each request stay unanswered if the customer's id contains `provider-down`.
const DOWN_FOR: i64 = 2;

/// The provider declines a charge if its amount ends in this number of cents.
const UNLUCKY_CENTS: i64 = 13;

#[derive(Clone)]
pub struct SimulatedProvider {
    books: Books,
    clock: Arc<dyn Clock>,
    capture: PaymentCapture,
    /// Called when [`SimulatedProvider::notices`] may have a new notice.
    wakes: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl SimulatedProvider {
    /// Returns a provider that keeps its books in [`SIMULATED_PROVIDER_TABLE`] of `store`, and
    /// waits on `clock` before it gives a slow answer.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { books: Books { store }, clock, capture: PaymentCapture::AtOnce, wakes: None }
    }

    /// Sets when the amounts of new charges are captured.
    #[must_use]
    pub fn capturing(self, capture: PaymentCapture) -> Self {
        Self { capture, ..self }
    }

    /// The id of an order's only payment intent.
    #[must_use]
    pub fn intent_of(order_id: &OrderId) -> IntentId {
        IntentId(derived_id("charge", order_id.as_str(), 0).simple().to_string())
    }

    /// Sets the function that is called when [`SimulatedProvider::notices`] may have a new notice.
    #[must_use]
    pub fn waking(self, wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self { wakes: Some(wake), ..self }
    }

    fn wake(&self) {
        if let Some(wake) = &self.wakes {
            wake();
        }
    }

    /// Whether the customer still has to confirm the charge.
    async fn waits_for_customer(
        &self,
        intent: &str,
        charged: &Charged,
    ) -> Result<bool, ProviderError> {
        let asks = charged.customer_id.as_str().contains("confirms");
        if !asks || self.books.outcome(intent).await?.is_some() {
            return Ok(false);
        }
        let now = self.clock.now();
        let since = self.books.ask(intent, charged, now).await?;
        Ok(confirmed_at(charged, since).is_none_or(|at| now < at))
    }

    /// Fails for the first [`DOWN_FOR`] requests with `key` if the customer's id contains
    /// `provider-down`.
    async fn answers(&self, customer: &str, key: &str) -> Result<(), ProviderError> {
        if customer.contains("provider-down") && self.books.count(key).await? <= DOWN_FOR {
            return Err(ProviderError::Unknown("it is down".to_owned()));
        }
        Ok(())
    }
}

impl std::fmt::Debug for SimulatedProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimulatedProvider").finish_non_exhaustive()
    }
}

#[async_trait]
impl PaymentProvider for SimulatedProvider {
    /// An order has one payment intent, whose id derives from the order's id, so nothing needs to
    /// be stored.
    async fn prepare(&self, charge: &Charge) -> Result<IntentId, ProviderError> {
        Ok(Self::intent_of(&charge.order_id))
    }

    async fn confirm(
        &self,
        id @ IntentId(intent): &IntentId,
        charge: &Charge,
    ) -> Result<ChargeAnswer, ProviderError> {
        is_issued(id, &charge.order_id)?;
        let customer = charge.customer_id.as_str();
        if customer.contains("provider-slow") {
            self.clock.sleep(SLOW).await;
        }
        self.answers(customer, intent).await?;
        let asked = asked(charge, self.capture);
        if let Outcome::Charged(charged) | Outcome::Authorized(charged) = &asked
            && self.waits_for_customer(intent, charged).await?
        {
            self.wake();
            let confirm_at = format!("https://bank.example/confirm/{intent}").parse().ok();
            return Ok(ChargeAnswer::ConfirmationRequired { confirm_at });
        }
        let (entered, now) = self.books.enter(intent, &charge.order_id, asked).await?;
        let outcome = self.books.outcome(intent).await?.unwrap_or(entered);
        if now && customer.contains("provider-twice") {
            return Err(lost());
        }
        Ok(match outcome {
            Outcome::Charged(_) => ChargeAnswer::Charged { charge_id: charge_id(intent) },
            Outcome::Authorized(_) => ChargeAnswer::Authorized { charge_id: charge_id(intent) },
            Outcome::Declined => ChargeAnswer::Declined { reason: "card declined".to_owned() },
            Outcome::Voided => {
                ChargeAnswer::Declined { reason: "the charge was canceled before".to_owned() }
            }
        })
    }

    async fn capture(&self, IntentId(intent): &IntentId) -> Result<CaptureAnswer, ProviderError> {
        let failed = |reason: &str| CaptureAnswer::Failed { reason: reason.to_owned() };
        let held = match self.books.outcome(intent).await? {
            Some(Outcome::Authorized(held)) => held,
            Some(Outcome::Charged(_)) => {
                return Ok(CaptureAnswer::Captured { charge_id: charge_id(intent) });
            }
            Some(_) => return Ok(failed("the bank holds nothing")),
            None => return Err(unknown(intent)),
        };
        let (order_id, customer) = (held.order_id.clone(), held.customer_id.clone());
        self.answers(customer.as_str(), &format!("{intent}#capture")).await?;
        let lapses = customer.as_str().contains("lapses");
        let asked = if lapses { Outcome::Voided } else { Outcome::Charged(held) };
        let (outcome, now) = self.books.settle(intent, &order_id, asked).await?;
        if now && customer.as_str().contains("provider-twice") {
            return Err(lost());
        }
        Ok(match outcome {
            Outcome::Charged(_) => CaptureAnswer::Captured { charge_id: charge_id(intent) },
            _ => failed("the authorization has lapsed"),
        })
    }

    async fn refund(&self, refund: &Refund) -> Result<RefundAnswer, ProviderError> {
        is_issued(&refund.intent, &refund.order_id)?;
        let IntentId(intent) = &refund.intent;
        let order_id = &refund.order_id;
        let (outcome, _) = self.books.enter(intent, order_id, Outcome::Voided).await?;
        let outcome = match outcome {
            Outcome::Authorized(_) => self.books.settle(intent, order_id, Outcome::Voided).await?.0,
            outcome => outcome,
        };
        let Outcome::Charged(charged) = outcome else {
            self.wake();
            return Ok(RefundAnswer::NothingCharged);
        };
        let customer = charged.customer_id.as_str();
        let asked = format!("{intent}#{}", refund.retries);
        self.answers(customer, &asked).await?;
        let refuses = customer.contains("refund-refused");
        if refuses && self.books.refuses(intent, &asked).await? {
            let reason = "the provider refuses to refund this charge".to_owned();
            return Ok(RefundAnswer::Refused { reason });
        }
        let now = self.books.refund(intent, &charged).await?;
        if now && customer.contains("provider-twice") {
            return Err(lost());
        }
        Ok(RefundAnswer::Refunded { amount: charged.amount })
    }

    async fn find(
        &self,
        IntentId(intent): &IntentId,
    ) -> Result<Option<KnownIntent>, ProviderError> {
        let Some(order_id) = self.books.order(intent).await? else { return Ok(None) };
        let is_canceled = self.books.outcome(intent).await? == Some(Outcome::Voided);
        let is_refunded = self.books.is_refunded(intent).await?;
        Ok(Some(KnownIntent { order_id, is_refunded, is_canceled }))
    }

    /// Lists all payment intents, old and new, because the provider's table stores no times.
    async fn list(&self, _: Timestamp) -> Result<Vec<ListedIntent>, ProviderError> {
        self.books.listed().await
    }
}

/// Fails if the payment intent does not belong to the order.
fn is_issued(intent: &IntentId, order_id: &OrderId) -> Result<(), ProviderError> {
    if *intent == SimulatedProvider::intent_of(order_id) {
        return Ok(());
    }
    Err(unknown(&intent.0))
}

fn unknown(intent: &str) -> ProviderError {
    ProviderError::Refused(format!("there is no payment intent {intent}"))
}

/// The time at which the customer confirms a charge; `None` if the customer never does.
fn confirmed_at(charged: &Charged, since: Timestamp) -> Option<Timestamp> {
    let never = charged.customer_id.as_str().contains("never-confirms");
    (!never).then(|| since.saturating_add(CONFIRMS_AFTER).unwrap_or(since))
}

/// Returns the outcome of a charge whose payment intent has no outcome yet.
fn asked(charge: &Charge, capture: PaymentCapture) -> Outcome {
    let unlucky = charge.amount.minor() % 100 == UNLUCKY_CENTS;
    if unlucky || charge.customer_id.as_str().contains("declined") {
        return Outcome::Declined;
    }
    let charged = Charged {
        order_id: charge.order_id.clone(),
        customer_id: charge.customer_id.clone(),
        amount: charge.amount,
    };
    agreed(charged, capture)
}

/// Returns the outcome of a charge to which the bank agrees.
fn agreed(charged: Charged, capture: PaymentCapture) -> Outcome {
    match capture {
        PaymentCapture::AtOnce => Outcome::Charged(charged),
        PaymentCapture::WhenShipped => Outcome::Authorized(charged),
    }
}

fn charge_id(intent: &str) -> String {
    format!("ch-{}", intent.get(..12).unwrap_or(intent))
}

fn lost() -> ProviderError {
    ProviderError::Unknown("its answer was lost".to_owned())
}
