//! The port to whoever moves the money.

use async_trait::async_trait;
use chorus_events::{CustomerId, Money, OrderId};
use chorus_kernel::OutcomeUnknown;

/// A charge to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The order that is paid.
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    pub amount: Money,
}

/// What became of a charge. Asked again with the same key, a provider answers the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChargeAnswer {
    Charged {
        /// The provider's name of the charge.
        charge_id: String,
    },
    /// Nothing was taken, and nothing will be for this key.
    Declined {
        /// Why, for the customer.
        reason: String,
    },
}

/// A refund of all that was charged with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// The order that was canceled.
    pub order_id: OrderId,
    /// The key of the charge. Its own name may never have reached us.
    pub charge_key: String,
}

/// What became of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundAnswer {
    /// The money went back, now or earlier.
    Refunded { amount: Money },
    /// Nothing was charged with that key.
    NothingCharged,
    Refused {
        /// Why, for an operator.
        reason: String,
    },
}

/// Moves money, once for each key however often it is asked.
///
/// A refund may overtake the charge that it takes back, for instance where the charge hangs in a
/// network. What follows depends on the provider, and the service is right with both kinds:
///
/// - One that *voids* remembers the refund and declines the charge when it comes. So does
///   [`crate::SimulatedProvider`].
/// - One that does not makes the charge. `MakePayment` is told of it, finds the order canceled,
///   and asks for the refund itself. Where it was not told, and the refund finds nothing, it asks
///   for the charge again, with its key: it ends only once it knows what became of the charge.
///   Where all of its attempts are given up, nobody asks again, and a charge that is still on its
///   way then is learned of by nobody. The adapter of such a provider closes that gap with its
///   means: it authorizes and captures in two steps.
#[async_trait]
pub trait PaymentProvider: Send + Sync {
    /// Charges, at most once for each `key`.
    ///
    /// # Errors
    /// Where no answer came; the charge may have been made, or may still be.
    async fn charge(&self, charge: &Charge, key: &str) -> Result<ChargeAnswer, OutcomeUnknown>;

    /// Refunds, at most once for each `key`.
    ///
    /// # Errors
    /// Where no answer came; the refund may have been made, or may still be.
    async fn refund(&self, refund: &Refund, key: &str) -> Result<RefundAnswer, OutcomeUnknown>;
}
