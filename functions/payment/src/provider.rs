//! The port to whoever moves the money.

use async_trait::async_trait;
use chorus_events::{CustomerId, Money, OrderId, PaymentMethod};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A charge to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The order that is paid.
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    pub amount: Money,
    /// How the customer pays, if the order names it.
    pub payment_method: Option<PaymentMethod>,
}

/// The provider's id of a charge that is prepared, and perhaps made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IntentId(pub String);

/// What became of a charge. Asked again about the same intent, a provider answers the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChargeAnswer {
    Charged {
        /// The provider's name of the charge.
        charge_id: String,
    },
    /// Nothing was taken, and nothing will be for this intent.
    Declined {
        /// Why, for the customer.
        reason: String,
    },
}

/// A refund of all that was charged by one intent, or its end where nothing was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// The order that was canceled.
    pub order_id: OrderId,
    pub intent: IntentId,
    /// How often an operator had it tried again: a provider that recognizes a request which it
    /// refused answers the next one anew.
    pub retries: u32,
}

/// What became of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundAnswer {
    /// The money went back, now or earlier.
    Refunded { amount: Money },
    /// Nothing was charged by that intent, and nothing ever will be.
    NothingCharged,
    Refused {
        /// Why, for an operator.
        reason: String,
    },
}

/// Why a provider did not answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProviderError {
    /// No answer came: it may have acted, or may still.
    #[error("the payment provider did not answer: {0}")]
    Unknown(String),
    /// It did nothing and wants a retry: it is busy.
    #[error("the payment provider is busy; retry later: {0}")]
    Later(String),
    /// It is still at work on the intent: it answers, and has no result yet.
    #[error("the payment provider has no result yet: {0}")]
    NotYet(String),
    /// It refuses the request as such, and will refuse it again: a key that is not valid, a field
    /// that is wrong. Whoever runs the shop has to look.
    #[error("the payment provider refuses the request: {0}")]
    Refused(String),
}

/// Moves money, in two steps: a charge is prepared, which moves nothing, and then made by its id.
///
/// Whoever charges commits the id of the intent before [`PaymentProvider::confirm`]. So a charge that
/// was ever asked for has an id in the payment's record, and a cancellation ends that very intent:
/// however late the request to charge arrives, it finds the intent canceled, or the cancellation
/// finds the charge and refunds it. No provider has to recognize a key days later.
#[async_trait]
pub trait PaymentProvider: Send + Sync {
    /// Prepares a charge; no money moves. Each call may prepare another: those whose id is not
    /// committed are never confirmed, so they are never charged.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn prepare(&self, charge: &Charge) -> Result<IntentId, ProviderError>;

    /// Makes the charge that was prepared, at most once for each `intent`, however often and late it
    /// is asked to; never where `intent` was canceled.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn confirm(
        &self,
        intent: &IntentId,
        charge: &Charge,
    ) -> Result<ChargeAnswer, ProviderError>;

    /// Refunds what was charged, once for each intent; where nothing was, cancels the intent, for
    /// good.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn refund(&self, refund: &Refund) -> Result<RefundAnswer, ProviderError>;
}

/// Stands where a provider is wanted and never asked: where services are described, and where
/// decisions are tried that call nobody.
#[derive(Debug, Clone, Copy)]
pub struct NoProvider;

impl NoProvider {
    fn unasked() -> ProviderError {
        ProviderError::Unknown("there is no provider here".to_owned())
    }
}

#[async_trait]
impl PaymentProvider for NoProvider {
    async fn prepare(&self, _: &Charge) -> Result<IntentId, ProviderError> {
        Err(Self::unasked())
    }

    async fn confirm(&self, _: &IntentId, _: &Charge) -> Result<ChargeAnswer, ProviderError> {
        Err(Self::unasked())
    }

    async fn refund(&self, _: &Refund) -> Result<RefundAnswer, ProviderError> {
        Err(Self::unasked())
    }
}
