//! Stripe as the payment provider: what its answers mean for an order.
//!
//! The shop's setting says whether Stripe captures a charge at once or when the parcel leaves. The
//! bank holds an amount that is not captured yet. Each payment intent has its own capture method,
//! so the setting may change at any time. If the card's bank asks the customer to confirm, the
//! charge waits for the confirmation. Stripe gives the URL of the bank's page only if the request
//! names a page to which the bank can send the customer back.

use async_trait::async_trait;
use chorus_events::{ConfirmationUrl, Money, OrderId, PaymentCapture};
use chorus_partners::stripe::{
    CaptureMethod, Currency, Intent, IntentStatus, KeyError, NewIntent, ORDER_ID, RefundStatus,
    Stripe, StripeError,
};
use jiff::Timestamp;

use crate::{
    CaptureAnswer, Charge, ChargeAnswer, IntentId, IntentState, KnownIntent, LedgerEntry,
    ListedIntent, Movement, Payment, PaymentProvider, ProviderError, Refund, RefundAnswer,
};

/// A refund reads its payment intent at most this many times. After a read, another request may
/// charge or cancel the intent; the refund then reads the intent again.
const READS: usize = 3;

/// A payment provider that charges by Stripe's PaymentIntents, in one currency.
#[derive(Debug, Clone)]
pub struct StripeProvider {
    stripe: Stripe,
    currency: Currency,
    capture: CaptureMethod,
    /// The page to which a bank sends a customer back.
    return_url: Option<String>,
}

impl StripeProvider {
    #[must_use]
    pub const fn new(stripe: Stripe, currency: Currency) -> Self {
        Self { stripe, currency, capture: CaptureMethod::Automatic, return_url: None }
    }

    /// Sets whether the amounts of new intents are taken at once or when the parcel leaves.
    #[must_use]
    pub fn capturing(self, capture: PaymentCapture) -> Self {
        let capture = match capture {
            PaymentCapture::AtOnce => CaptureMethod::Automatic,
            PaymentCapture::WhenShipped => CaptureMethod::Manual,
        };
        Self { capture, ..self }
    }

    /// Sets the page to which a bank sends customers back once they have confirmed.
    #[must_use]
    pub fn returning_to(self, return_url: Option<String>) -> Self {
        Self { return_url, ..self }
    }

    fn minor_units(&self, amount: Money) -> Result<u64, ProviderError> {
        let code = self.currency.code();
        let none = || {
            ProviderError::Refused(format!(
                "the amount {amount} must be a whole number of the minor units of {code}"
            ))
        };
        self.currency.minor_units(amount.minor()).ok_or_else(none)
    }

    fn amount(&self, minor_units: u64) -> Result<Money, ProviderError> {
        let code = self.currency.code();
        let none = || {
            ProviderError::Refused(format!(
                "{minor_units} minor units of {code} must be a whole number of hundredths"
            ))
        };
        self.money(minor_units).ok_or_else(none)
    }

    async fn read(&self, IntentId(id): &IntentId) -> Result<Intent, ProviderError> {
        let intent = self.stripe.intent(id).await?;
        if intent.currency != self.currency.code() {
            let why = format!(
                "the currency of payment intent {id} is {}: does the intent belong to another shop?",
                intent.currency
            );
            return Err(ProviderError::Refused(why));
        }
        Ok(intent)
    }

    /// Returns the result of a payment intent that was confirmed.
    fn concluded(intent: Intent) -> Result<ChargeAnswer, ProviderError> {
        let declined = |reason: &str| Ok(ChargeAnswer::Declined { reason: reason.to_owned() });
        match intent.status {
            IntentStatus::Succeeded => Ok(ChargeAnswer::Charged { charge_id: charge_id(intent) }),
            IntentStatus::RequiresCapture => {
                Ok(ChargeAnswer::Authorized { charge_id: charge_id(intent) })
            }
            IntentStatus::RequiresPaymentMethod => match intent.declined {
                Some(error) => declined(&error.message),
                None => declined("the order names no valid payment method"),
            },
            IntentStatus::RequiresAction => {
                Ok(ChargeAnswer::ConfirmationRequired { confirm_at: page(&intent) })
            }
            IntentStatus::Canceled => declined("the charge was canceled before"),
            IntentStatus::Processing | IntentStatus::RequiresConfirmation => Err(not_yet(&intent)),
            IntentStatus::Unknown(_) => Err(unexpected(&intent)),
        }
    }

    /// Returns the result of capturing the payment intent's amount; none while the bank still holds
    /// the amount.
    fn captured(intent: Intent) -> Result<Option<CaptureAnswer>, ProviderError> {
        let failed = |reason: &str| Ok(Some(CaptureAnswer::Failed { reason: reason.to_owned() }));
        match intent.status {
            IntentStatus::RequiresCapture => Ok(None),
            IntentStatus::Succeeded => {
                Ok(Some(CaptureAnswer::Captured { charge_id: charge_id(intent) }))
            }
            IntentStatus::Canceled => failed("the authorization has lapsed, or was canceled"),
            IntentStatus::RequiresPaymentMethod => match intent.declined {
                Some(error) => failed(&error.message),
                None => failed("the bank no longer holds the amount"),
            },
            IntentStatus::Processing => Err(not_yet(&intent)),
            IntentStatus::RequiresConfirmation
            | IntentStatus::RequiresAction
            | IntentStatus::Unknown(_) => Err(unexpected(&intent)),
        }
    }

    /// Returns the charges and refunds that Stripe reports for a payment, for comparison with the
    /// payment's record.
    ///
    /// # Errors
    /// See [`ProviderError`].
    pub async fn ledger(&self, payment: &Payment) -> Result<Vec<LedgerEntry>, ProviderError> {
        let (Some(id), Some(customer_id)) = (&payment.intent, &payment.customer_id) else {
            return Ok(Vec::new());
        };
        let intent = self.read(id).await?;
        if intent.status != IntentStatus::Succeeded {
            return Ok(Vec::new());
        }
        let refunded = intent.latest_charge.as_ref().and_then(|charge| charge.amount_refunded);
        let moved = [
            (Movement::Charge, charged_amount(&intent)),
            (Movement::Refund, refunded.unwrap_or(0)),
        ];
        let moved = moved.into_iter().filter(|(_, units)| *units > 0);
        let entry = |(movement, units)| {
            Ok(LedgerEntry {
                order_id: payment.order_id.clone(),
                customer_id: customer_id.clone(),
                movement,
                amount: self.amount(units)?,
            })
        };
        moved.map(entry).collect()
    }

    async fn refund_intent(&self, intent: Intent) -> Result<RefundAnswer, ProviderError> {
        let amount = self.amount(charged_amount(&intent))?;
        if is_refunded(&intent) {
            return Ok(RefundAnswer::Refunded { amount });
        }
        match self.stripe.refund(&intent.id).await {
            Ok(refund) => Ok(match refund.status {
                RefundStatus::Succeeded | RefundStatus::Pending => {
                    RefundAnswer::Refunded { amount }
                }
                status => {
                    let reason = refund.failure_reason.unwrap_or_else(|| format!("{status:?}"));
                    RefundAnswer::Refused { reason }
                }
            }),
            Err(StripeError::Invalid(error) | StripeError::Declined(error)) => {
                let refunded = is_refunded(&self.stripe.intent(&intent.id).await?);
                let refused = RefundAnswer::Refused { reason: error.message };
                Ok(if refunded { RefundAnswer::Refunded { amount } } else { refused })
            }
            Err(error) => Err(error.into()),
        }
    }
}

#[async_trait]
impl PaymentProvider for StripeProvider {
    async fn prepare(&self, charge: &Charge) -> Result<IntentId, ProviderError> {
        let new = NewIntent {
            amount: self.minor_units(charge.amount)?,
            currency: self.currency.clone(),
            payment_method: charge.payment_method.as_ref().map(ToString::to_string),
            order_id: charge.order_id.to_string(),
            capture: self.capture,
        };
        let prepared = match self.stripe.create_intent(&new).await {
            // Stripe may have refused the customer's payment method. Without a payment method, the
            // intent is created, and its charge is declined.
            Err(StripeError::Invalid(_)) if new.payment_method.is_some() => {
                self.stripe.create_intent(&NewIntent { payment_method: None, ..new }).await?
            }
            prepared => prepared?,
        };
        Ok(IntentId(prepared.id))
    }

    async fn confirm(&self, id: &IntentId, charge: &Charge) -> Result<ChargeAnswer, ProviderError> {
        let intent = self.read(id).await?;
        if intent.amount != self.minor_units(charge.amount)? {
            return Err(ProviderError::Refused(format!(
                "the amount of payment intent {} is {} in minor units, but {} is to be charged",
                id.0, intent.amount, charge.amount
            )));
        }
        if intent.status != IntentStatus::RequiresConfirmation {
            return Self::concluded(intent);
        }
        match self.stripe.confirm(&id.0, self.return_url.as_deref()).await {
            Ok(intent) => Self::concluded(intent),
            Err(StripeError::Declined(error)) => {
                Ok(ChargeAnswer::Declined { reason: error.message })
            }
            // If another request was faster, the intent has that request's result.
            Err(StripeError::Invalid(error)) => match self.read(id).await? {
                intent if intent.status == IntentStatus::RequiresConfirmation => {
                    Err(StripeError::Invalid(error).into())
                }
                intent => Self::concluded(intent),
            },
            Err(error) => Err(error.into()),
        }
    }

    async fn capture(&self, id: &IntentId) -> Result<CaptureAnswer, ProviderError> {
        if let Some(known) = Self::captured(self.read(id).await?)? {
            return Ok(known);
        }
        match self.stripe.capture(&id.0).await {
            Ok(intent) => Self::captured(intent)?.ok_or_else(|| {
                ProviderError::NotYet(format!("payment intent {} is not captured yet", id.0))
            }),
            // Another request may have been faster, or the authorization may have lapsed: the
            // intent's status tells which.
            Err(StripeError::Invalid(error) | StripeError::Declined(error)) => {
                let refused = CaptureAnswer::Failed { reason: error.message };
                Ok(Self::captured(self.read(id).await?)?.unwrap_or(refused))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn refund(&self, refund: &Refund) -> Result<RefundAnswer, ProviderError> {
        for _ in 0..READS {
            let intent = self.read(&refund.intent).await?;
            match intent.status {
                IntentStatus::Succeeded => return self.refund_intent(intent).await,
                IntentStatus::Canceled => return Ok(RefundAnswer::NothingCharged),
                IntentStatus::Processing => return Err(not_yet(&intent)),
                IntentStatus::Unknown(_) => return Err(unexpected(&intent)),
                IntentStatus::RequiresPaymentMethod
                | IntentStatus::RequiresConfirmation
                | IntentStatus::RequiresAction
                | IntentStatus::RequiresCapture => match self.stripe.cancel(&intent.id).await {
                    Ok(_) => return Ok(RefundAnswer::NothingCharged),
                    // The payment intent was charged or canceled after it was read: the loop reads
                    // the intent again.
                    Err(StripeError::Invalid(_)) => {}
                    Err(error) => return Err(error.into()),
                },
            }
        }
        Err(ProviderError::NotYet(format!(
            "payment intent {} changed in every attempt to refund it",
            refund.intent.0
        )))
    }

    async fn find(&self, id: &IntentId) -> Result<Option<KnownIntent>, ProviderError> {
        let intent = match self.stripe.intent(&id.0).await {
            Ok(intent) => intent,
            Err(StripeError::Invalid(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let order_id = order_of(&intent);
        let is_refunded = is_refunded(&intent);
        let is_canceled = intent.status == IntentStatus::Canceled;
        Ok(order_id.map(|order_id| KnownIntent { order_id, is_refunded, is_canceled }))
    }

    /// Leaves out payment intents of other programs: intents that name no order, and intents in a
    /// currency that is not the shop's.
    async fn list(&self, since: Timestamp) -> Result<Vec<ListedIntent>, ProviderError> {
        let since = Some(since.as_second()).filter(|since| *since > 0);
        let (mut listed, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = self.stripe.intents(since, after.as_deref()).await?;
            for intent in page.data.iter().filter(|it| it.currency == self.currency.code()) {
                if let Some(order_id) = order_of(intent) {
                    let state = state(intent)?;
                    listed.push(ListedIntent {
                        intent: IntentId(intent.id.clone()),
                        order_id,
                        state,
                    });
                }
            }
            match page.data.last().filter(|_| page.has_more) {
                Some(last) => after = Some(last.id.clone()),
                None => return Ok(listed),
            }
        }
    }

    fn money(&self, minor_units: u64) -> Option<Money> {
        self.currency.hundredths(minor_units).map(Money::from_minor)
    }
}

/// Returns the id of the charge that a payment intent made; the intent's id if Stripe reports no
/// charge.
fn charge_id(intent: Intent) -> String {
    intent.latest_charge.map_or(intent.id, |charge| charge.id)
}

/// Returns the order that a payment intent was prepared for; none if the intent names no order.
fn order_of(intent: &Intent) -> Option<OrderId> {
    intent.metadata.get(ORDER_ID).and_then(|id| id.parse().ok())
}

fn state(intent: &Intent) -> Result<IntentState, ProviderError> {
    Ok(match intent.status {
        IntentStatus::RequiresConfirmation | IntentStatus::RequiresPaymentMethod => {
            IntentState::Open
        }
        IntentStatus::RequiresCapture => IntentState::Held,
        IntentStatus::Succeeded if is_refunded(intent) => IntentState::Refunded,
        IntentStatus::Succeeded | IntentStatus::RequiresAction | IntentStatus::Processing => {
            IntentState::Confirmed
        }
        IntentStatus::Canceled => IntentState::Canceled,
        IntentStatus::Unknown(_) => return Err(unexpected(intent)),
    })
}

/// Returns the bank's page for the customer; none if the bank has no page.
fn page(intent: &Intent) -> Option<ConfirmationUrl> {
    let page = intent.next_action.as_ref()?.redirect_to_url.as_ref()?;
    page.url.parse().ok()
}

/// Returns the amount that a payment intent charged. Some servers with Stripe's API do not report
/// that amount; then the intent's amount is returned.
fn charged_amount(intent: &Intent) -> u64 {
    intent.amount_received.unwrap_or(intent.amount)
}

/// Whether the whole charge was refunded. For an amount that is only held, the result is false,
/// because nothing was charged.
fn is_refunded(intent: &Intent) -> bool {
    let charge = intent.latest_charge.as_ref();
    let refunded = charge.and_then(|charge| charge.amount_refunded).unwrap_or(0);
    refunded > 0 && refunded >= charged_amount(intent)
}

fn not_yet(intent: &Intent) -> ProviderError {
    ProviderError::NotYet(format!("the charge of payment intent {} has no result yet", intent.id))
}

fn unexpected(intent: &Intent) -> ProviderError {
    ProviderError::Refused(format!(
        "payment intent {} has the unexpected status {:?}",
        intent.id, intent.status
    ))
}

impl From<StripeError> for ProviderError {
    fn from(error: StripeError) -> Self {
        match error {
            StripeError::OutcomeUnknown(why) => Self::Unknown(why),
            StripeError::Busy(_) | StripeError::NoKey(KeyError::Unreachable(_)) => {
                Self::Later(error.to_string())
            }
            StripeError::Declined(_)
            | StripeError::Invalid(_)
            | StripeError::Key(_)
            | StripeError::NoKey(KeyError::Refused(_)) => Self::Refused(error.to_string()),
        }
    }
}
