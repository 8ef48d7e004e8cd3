//! The interface to the payment provider, which moves the money.

use async_trait::async_trait;
use chorus_events::{ConfirmationUrl, CustomerId, Money, OrderId, PaymentMethod};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A charge to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The order that is paid.
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    pub amount: Money,
    /// How the customer pays; absent if the order names no payment method.
    pub payment_method: Option<PaymentMethod>,
}

/// The provider's id of a payment intent: of a charge that is prepared, and perhaps made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IntentId(pub String);

/// The result of a charge. A provider gives the same answer for the same payment intent until the
/// customer confirms the charge, the amount is captured, or the intent is canceled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChargeAnswer {
    Charged {
        /// The provider's id of the charge.
        charge_id: String,
    },
    /// The bank holds the amount for some days: [`PaymentProvider::capture`] charges the amount.
    Authorized {
        /// The provider's id of the charge.
        charge_id: String,
    },
    /// This payment intent charged nothing, and never will.
    Declined {
        /// The reason, for the customer.
        reason: String,
    },
    /// The customer's bank asks the customer to confirm. Nothing is charged yet; the provider calls
    /// the shop's webhook once there is a result.
    ConfirmationRequired {
        /// The bank's page on which the customer confirms the charge; absent if the bank has no
        /// page.
        confirm_at: Option<ConfirmationUrl>,
    },
}

/// The result of a request to charge an amount that the bank holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaptureAnswer {
    /// The amount was charged, now or earlier.
    Captured {
        /// The provider's id of the charge.
        charge_id: String,
    },
    /// Nothing was charged: the bank refuses, or no longer holds the amount.
    Failed {
        /// The reason, for an operator and the customer.
        reason: String,
    },
}

/// The provider's data about a payment intent, apart from the result of the charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownIntent {
    /// The order that the payment intent was prepared for.
    pub order_id: OrderId,
    /// Whether the whole charge was refunded.
    pub is_refunded: bool,
    /// Whether the payment intent is canceled for good: nothing was charged, and the bank no longer
    /// holds an amount.
    pub is_canceled: bool,
}

/// The state of a payment intent at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntentState {
    /// The payment intent was prepared but not confirmed, or its charge was declined. No money
    /// moves before the next call of [`PaymentProvider::confirm`].
    Open,
    /// The payment intent was confirmed: the amount was charged, or the customer still has to
    /// confirm the charge.
    Confirmed,
    /// The payment intent was confirmed, and the bank holds the amount.
    Held,
    Refunded,
    Canceled,
}

/// A payment intent in a provider's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedIntent {
    pub intent: IntentId,
    /// The order that the payment intent was prepared for.
    pub order_id: OrderId,
    pub state: IntentState,
}

impl ListedIntent {
    /// Whether nothing more can be charged or refunded for the payment intent.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.state, IntentState::Refunded | IntentState::Canceled)
    }

    /// Returns the request to refund what the payment intent charged, or to cancel the intent.
    #[must_use]
    pub fn refund(&self) -> Refund {
        Refund { order_id: self.order_id.clone(), intent: self.intent.clone(), retries: 0 }
    }
}

/// A request to refund all that one payment intent charged. If the intent charged nothing, the
/// provider cancels the intent instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// The order that the payment intent was prepared for.
    pub order_id: OrderId,
    pub intent: IntentId,
    /// How many times an operator requested the refund again. The number makes each request a new
    /// request, because a provider that refused a request refuses the same request again.
    pub retries: u32,
}

/// The result of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundAnswer {
    /// The charge is refunded, by this request or an earlier one.
    Refunded { amount: Money },
    /// The payment intent charged nothing, and never will.
    NothingCharged,
    Refused {
        /// The reason, for an operator.
        reason: String,
    },
}

/// The reason why a provider gave no result.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProviderError {
    /// No answer came: the provider may have acted, or may still act.
    #[error("the payment provider did not answer: {0}")]
    Unknown(String),
    /// The provider is busy: it did nothing, and asks for a retry.
    #[error("the payment provider is busy; retry later: {0}")]
    Later(String),
    /// The provider answers, but is still working on the payment intent and has no result yet.
    #[error("the payment provider has no result yet: {0}")]
    NotYet(String),
    /// The provider refuses the request itself, and will refuse it again: for example, because a
    /// key is not valid or a field is wrong. An operator has to correct the cause.
    #[error("the payment provider refuses the request: {0}")]
    Refused(String),
}

/// Moves money. A charge has two steps: [`PaymentProvider::prepare`] only returns the id of a
/// payment intent, and [`PaymentProvider::confirm`] makes the charge of that intent. In a shop that
/// charges when the parcel leaves, the second step only makes the bank hold the amount, and
/// [`PaymentProvider::capture`] charges the amount later.
///
/// The caller commits the id of the intent before it calls [`PaymentProvider::confirm`]. So every
/// charge that was ever requested has an id in the payment's record, and a cancellation refunds or
/// cancels exactly that intent. However late the request to charge arrives, either it finds the
/// intent canceled, or the cancellation finds the charge and refunds it. So the provider does not
/// have to remember idempotency keys for days.
///
/// An id that the provider did not issue is refused ([`ProviderError::Refused`]), and
/// [`PaymentProvider::find`] does not find it. [`provider_suite`](crate::provider_suite) checks
/// these rules for every provider.
#[async_trait]
pub trait PaymentProvider: Send + Sync {
    /// Prepares a charge; no money moves. Each call may prepare a new payment intent. Only the
    /// intent whose id is committed is ever confirmed, so the other intents are never charged.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn prepare(&self, charge: &Charge) -> Result<IntentId, ProviderError>;

    /// Makes the charge that was prepared: at most once for each `intent`, no matter how many times
    /// and how late this is called, and never after the `intent` was canceled.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn confirm(
        &self,
        intent: &IntentId,
        charge: &Charge,
    ) -> Result<ChargeAnswer, ProviderError>;

    /// Charges the amount that the bank holds for a payment intent: at most once, no matter how
    /// many times and how late this is called, and never after the `intent` was canceled.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn capture(&self, intent: &IntentId) -> Result<CaptureAnswer, ProviderError>;

    /// Refunds what was charged, once for each payment intent. If nothing was charged, cancels the
    /// intent for good, which releases the amount that the bank holds.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn refund(&self, refund: &Refund) -> Result<RefundAnswer, ProviderError>;

    /// Lists the payment intents that were prepared at `since` or later, and perhaps earlier
    /// intents. A region that takes over learns from the list what the failed region charged. A
    /// provider that does not store intents before they are confirmed may leave out unconfirmed
    /// intents.
    ///
    /// # Errors
    /// See [`ProviderError`]; [`ProviderError::Refused`] if the provider cannot list intents.
    async fn list(&self, since: Timestamp) -> Result<Vec<ListedIntent>, ProviderError> {
        let why = format!("the payment intents since {since} cannot be listed");
        Err(ProviderError::Refused(why))
    }

    /// Looks up a payment intent that was confirmed; none if this shop did not prepare the intent.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn find(&self, intent: &IntentId) -> Result<Option<KnownIntent>, ProviderError>;

    /// Converts an amount in a webhook request, in the minor unit of the shop's currency, to
    /// [`Money`]; none if `Money` cannot represent the amount.
    fn money(&self, minor_units: u64) -> Option<Money> {
        i64::try_from(minor_units).ok().map(Money::from_minor)
    }
}

/// A provider whose every call fails. It is for programs that only describe the services, and for
/// tests of decisions that make no call.
#[derive(Debug, Clone, Copy)]
pub struct NoProvider;

impl NoProvider {
    fn no_provider() -> ProviderError {
        ProviderError::Unknown("there is no provider here".to_owned())
    }
}

#[async_trait]
impl PaymentProvider for NoProvider {
    async fn prepare(&self, _: &Charge) -> Result<IntentId, ProviderError> {
        Err(Self::no_provider())
    }

    async fn confirm(&self, _: &IntentId, _: &Charge) -> Result<ChargeAnswer, ProviderError> {
        Err(Self::no_provider())
    }

    async fn capture(&self, _: &IntentId) -> Result<CaptureAnswer, ProviderError> {
        Err(Self::no_provider())
    }

    async fn refund(&self, _: &Refund) -> Result<RefundAnswer, ProviderError> {
        Err(Self::no_provider())
    }

    async fn find(&self, _: &IntentId) -> Result<Option<KnownIntent>, ProviderError> {
        Err(Self::no_provider())
    }
}
