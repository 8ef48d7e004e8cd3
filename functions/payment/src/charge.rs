//! The steps of collecting a payment, each a pure function of its own: does it need approval, what
//! is charged. Whatever orders the steps, an action or a state machine, uses these.

use chorus_events::{HIGH_VALUE, Money};

use crate::{Charge, IntentId, Payment, Refund};

/// Whether an order of this total is charged only once a reviewer approved it.
#[must_use]
pub fn needs_approval(total: Money) -> bool {
    total >= HIGH_VALUE
}

/// What is to be charged; nothing where the estimate, which has the total, has not come yet.
pub(crate) fn charge(payment: &Payment) -> Option<Charge> {
    Some(Charge {
        order_id: payment.order_id.clone(),
        customer_id: payment.customer_id.clone()?,
        amount: payment.amount?,
        payment_method: payment.payment_method.clone(),
    })
}

/// What is to be refunded, or canceled where nothing was charged.
pub(crate) fn refund(payment: &Payment, intent: &IntentId) -> Refund {
    let (order_id, intent) = (payment.order_id.clone(), intent.clone());
    Refund { order_id, intent, retries: payment.refund_retries }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_of_high_value_needs_approval_and_a_cent_less_does_not() {
        assert!(needs_approval(HIGH_VALUE));
        assert!(!needs_approval(HIGH_VALUE.minus(Money::from_minor(1)).unwrap()));
    }
}
