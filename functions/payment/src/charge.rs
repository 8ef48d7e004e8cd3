//! Pure functions that several actions share. They determine whether an order needs approval, and
//! make the requests to charge and to refund.

use chorus_events::Terms;
use chorus_events::delivery::DeliveryEstimated;

use crate::{Charge, IntentId, Payment, Refund};

/// Whether an order is charged only after a reviewer approved it. The terms under which the order
/// was created decide this. An order of an earlier release has no terms, so the order's total
/// decides.
#[must_use]
pub fn needs_approval(order: &DeliveryEstimated) -> bool {
    let implied = || Terms::implied_review(order.total);
    order.terms.map_or_else(implied, |terms| terms.needs_review)
}

/// Returns the charge to request; `None` until the delivery estimate has arrived, because the
/// estimate contains the amount.
pub(crate) fn charge(payment: &Payment) -> Option<Charge> {
    Some(Charge {
        order_id: payment.order_id.clone(),
        customer_id: payment.customer_id.clone()?,
        amount: payment.amount?,
        payment_method: payment.payment_method.clone(),
    })
}

/// Returns the request to refund what the payment intent charged or, if nothing was charged, to
/// cancel the intent.
pub(crate) fn refund(payment: &Payment, intent: &IntentId) -> Refund {
    let (order_id, intent) = (payment.order_id.clone(), intent.clone());
    Refund { order_id, intent, retries: payment.refund_retries }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::{Money, samples};
    use chorus_table::Event;

    #[test]
    fn the_terms_of_an_order_decide_whatever_its_total() {
        for needs_review in [true, false] {
            let terms = Terms { needs_review, ..samples::home_terms().unwrap() };
            let order = DeliveryEstimated { terms: Some(terms), ..Event::sample() };
            assert_eq!(needs_approval(&order), needs_review);
        }
    }

    #[test]
    fn an_estimate_without_terms_needs_approval_from_1000_on() {
        let of = |cents| {
            let total = Money::from_minor(cents);
            needs_approval(&DeliveryEstimated { total, terms: None, ..Event::sample() })
        };
        assert!(of(100_000) && !of(99_999));
    }
}
