//! The steps of collecting a payment, each a pure function of its own: does it need approval, what
//! is charged, under which key. Whatever orders the steps, an action or a state machine, uses these.

use chorus_events::{HIGH_VALUE, Money, OrderId};
use chorus_kernel::derived_id;

use crate::{Charge, Payment, Refund};

/// Whether an order of this total is charged only once a reviewer approved it.
#[must_use]
pub fn needs_approval(total: Money) -> bool {
    total >= HIGH_VALUE
}

/// The key of the order's charge.
///
/// It derives from the order alone. The kernel hands every call a key that derives from the
/// message that led to it; that one is left unused, because an estimate, an approval and a
/// cancellation all have to mean the same charge: at most one for each order, whatever asks.
#[must_use]
pub fn charge_key(order_id: &OrderId) -> String {
    derived_id("charge", order_id.as_str(), 0).simple().to_string()
}

/// The key of the order's refund: the same whoever asks for it. A provider answers a key that it has
/// refused with the same refusal, so that each retry of an operator has a key of its own, which
/// derives from how many came before it.
#[must_use]
pub fn refund_key(order_id: &OrderId, retries: u32) -> String {
    derived_id("refund", order_id.as_str(), retries as usize).simple().to_string()
}

/// What is to be charged; nothing where the estimate, which says how much, has not come yet.
pub(crate) fn charge(payment: &Payment) -> Option<Charge> {
    Some(Charge {
        order_id: payment.order_id.clone(),
        customer_id: payment.customer_id.clone()?,
        amount: payment.amount?,
    })
}

/// What is to be refunded.
pub(crate) fn refund(order_id: &OrderId) -> Refund {
    Refund { order_id: order_id.clone(), charge_key: charge_key(order_id) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::samples;

    #[test]
    fn a_total_of_high_value_needs_approval_and_a_cent_less_does_not() {
        assert!(needs_approval(HIGH_VALUE));
        assert!(!needs_approval(HIGH_VALUE.minus(Money::from_minor(1)).unwrap()));
    }

    #[test]
    fn an_order_has_one_charge_key_and_another_order_has_another() {
        let other = "1073459985".parse().unwrap();
        assert_eq!(charge_key(&samples::order_id()), charge_key(&samples::order_id()));
        assert_ne!(charge_key(&samples::order_id()), charge_key(&other));
        assert_ne!(charge_key(&samples::order_id()), refund_key(&samples::order_id(), 0));
        assert_ne!(refund_key(&samples::order_id(), 0), refund_key(&samples::order_id(), 1));
    }
}
