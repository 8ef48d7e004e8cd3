//! Looks up the customer who placed an order.

use chorus_events::CustomerId;
use chorus_events::customer::{CustomerDescribed, ErrorCustomerDescribed};
use chorus_events::table::rows::{self, DescribeCustomerInput, DescribeCustomerOutput};
use chorus_kernel::{Action, ActionError, Context, Decision, Found};
use chorus_table::Sealed;

use crate::Customer;

pub(crate) struct DescribeCustomer;

impl Action for DescribeCustomer {
    type Row = rows::DescribeCustomer;
    type State = Found<Customer>;

    fn keys(
        &self,
        DescribeCustomerInput::ItemDescribed(order): &DescribeCustomerInput,
    ) -> CustomerId {
        order.customer_id.clone()
    }

    fn decide(
        &self,
        DescribeCustomerInput::ItemDescribed(order): &DescribeCustomerInput,
        customer: &Self::State,
        _: &Context<'_>,
    ) -> Result<Decision<DescribeCustomerOutput>, ActionError> {
        let (order_id, customer_id) = (order.order_id.clone(), order.customer_id.clone());
        let reason = match customer {
            Some(customer) if !customer.blocked && !customer.is_erased() => {
                return Ok(Decision::emit(CustomerDescribed {
                    order_id,
                    customer_id,
                    customer_name: Sealed::default(),
                    lines: order.lines.clone(),
                    total: order.total,
                    shipping_address: order.shipping_address.clone(),
                    payment_method: order.payment_method.clone(),
                    terms: order.terms,
                }));
            }
            Some(customer) if customer.blocked => format!("customer {customer_id} is blocked"),
            _ => format!("no customer is called {customer_id}"),
        };
        Ok(Decision::emit(ErrorCustomerDescribed { order_id, reason }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::customer::sample;
    use chorus_events::inventory::ItemDescribed;
    use chorus_kernel::testing::{Stored, decide};
    use chorus_table::Event;

    fn decided(stored: &Stored) -> Decision<DescribeCustomerOutput> {
        decide(&DescribeCustomer, ItemDescribed::sample(), stored).unwrap()
    }

    #[test]
    fn a_customer_who_may_order_lets_the_order_go_on() {
        let decision = decided(&Stored::default().with(1, &sample()));
        let [DescribeCustomerOutput::CustomerDescribed(described)] = decision.events() else {
            panic!("{decision:?}")
        };
        assert_eq!(described.customer_id, chorus_events::samples::customer_id());
    }

    #[test]
    fn an_unknown_customer_fails_the_order() {
        let decision = decided(&Stored::default());
        let [DescribeCustomerOutput::ErrorCustomerDescribed(error)] = decision.events() else {
            panic!("{decision:?}")
        };
        assert_eq!(error.reason, "no customer is called 456");
    }

    #[test]
    fn a_customer_who_was_forgotten_is_unknown() {
        let decision = decided(&Stored::default().with(2, &sample().erased()));
        let [DescribeCustomerOutput::ErrorCustomerDescribed(error)] = decision.events() else {
            panic!("{decision:?}")
        };
        assert_eq!(error.reason, "no customer is called 456");
    }

    #[test]
    fn a_blocked_customer_fails_the_order() {
        let stored = Stored::default().with(1, &Customer { blocked: true, ..sample() });
        let decision = decided(&stored);
        let [DescribeCustomerOutput::ErrorCustomerDescribed(error)] = decision.events() else {
            panic!("{decision:?}")
        };
        assert_eq!(error.reason, "customer 456 is blocked");
    }
}
