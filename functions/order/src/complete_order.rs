//! Closes the order once its delivery has arrived.

use chorus_events::order::OrderDelivered;
use chorus_events::table::rows::{self, CompleteOrderInput, CompleteOrderOutput};
use chorus_kernel::{Action, Decision, Given, Loaded, Read, Refusal, append};

use crate::{Order, Status, TABLE};

/// The row, in code.
#[derive(Debug)]
pub(crate) struct CompleteOrder;

impl Action for CompleteOrder {
    type Row = rows::CompleteOrder;

    fn reads(&self, input: &CompleteOrderInput) -> Vec<Read> {
        let CompleteOrderInput::DeliveryWasDelivered(delivery) = input;
        vec![Read::Stream { table: TABLE.name, id: delivery.order_id.to_string() }]
    }

    fn decide(
        &self,
        given: &Given<'_, CompleteOrderInput>,
        loaded: &Loaded,
    ) -> Result<Decision<CompleteOrderOutput>, Refusal> {
        let CompleteOrderInput::DeliveryWasDelivered(delivery) = given.input;
        let (Order(order), version) = loaded.fold(delivery.order_id.as_str())?;
        let missing = || Refusal::NotFound(format!("there is no order {}", delivery.order_id));
        let order = order.ok_or_else(missing)?;
        if order.status != Status::Open {
            return Ok(Decision::nothing("the order had ended before"));
        }
        let delivered = OrderDelivered {
            order_id: order.order_id,
            customer_id: order.customer_id,
            total: order.total,
            placed_at: order.placed_at,
        };
        let last = append(TABLE.name, version + 1, given.metadata().occurred_at, &delivered)?;
        Ok(Decision::emit(delivered).with(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::tests::recorded;
    use chorus_events::delivery::DeliveryWasDelivered;
    use chorus_events::order::{OrderCanceled, OrderCreated};
    use chorus_events::samples;
    use chorus_kernel::testing::decide;
    use chorus_table::Event;

    fn open() -> Loaded {
        let id = samples::order_id();
        Loaded::default().with_event(id.as_str(), recorded(1, &OrderCreated::sample()))
    }

    #[test]
    fn a_delivered_order_is_complete() {
        let decision = decide(&CompleteOrder, DeliveryWasDelivered::sample(), &open()).unwrap();
        assert!(matches!(decision.events(), [CompleteOrderOutput::OrderDelivered(_)]));
    }

    #[test]
    fn a_late_delivery_does_not_overwrite_a_cancellation() {
        let id = samples::order_id();
        let canceled = open().with_event(id.as_str(), recorded(2, &OrderCanceled::sample()));
        let decision = decide(&CompleteOrder, DeliveryWasDelivered::sample(), &canceled).unwrap();
        assert!(decision.events().is_empty() && decision.changes().is_empty());
    }
}
