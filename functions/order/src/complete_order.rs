//! Closes the order once its parcel has arrived.

use chorus_events::OrderId;
use chorus_events::order::OrderDelivered;
use chorus_events::table::rows::{self, CompleteOrderInput, CompleteOrderOutput};
use chorus_kernel::{Action, ActionError, Context, Decision, Folded, append};

use crate::{Order, Status};

pub(crate) struct CompleteOrder;

impl Action for CompleteOrder {
    type Row = rows::CompleteOrder;
    type State = Folded<Order>;

    fn keys(
        &self,
        CompleteOrderInput::DeliveryWasDelivered(delivery): &CompleteOrderInput,
    ) -> OrderId {
        delivery.order_id.clone()
    }

    fn decide(
        &self,
        CompleteOrderInput::DeliveryWasDelivered(delivery): &CompleteOrderInput,
        Folded { state: Order(order), version }: &Self::State,
        context: &Context<'_>,
    ) -> Result<Decision<CompleteOrderOutput>, ActionError> {
        let missing = || ActionError::NotFound(format!("there is no order {}", delivery.order_id));
        let order = order.as_ref().ok_or_else(missing)?;
        if order.status != Status::Open {
            return Ok(Decision::nothing("the order had ended before"));
        }
        let delivered = OrderDelivered {
            order_id: order.order_id.clone(),
            customer_id: order.customer_id.clone(),
            total: order.total,
            placed_at: order.placed_at,
        };
        let last = append::<Order, _>(version + 1, context.metadata().occurred_at, &delivered)?;
        Ok(Decision::emit(delivered).with(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::delivery::DeliveryWasDelivered;
    use chorus_events::order::{OrderCanceled, OrderCreated};
    use chorus_events::samples;
    use chorus_kernel::testing::{Stored, decide};
    use chorus_table::Event;

    fn open() -> Stored {
        Stored::default().with_event::<Order, _>(1, &OrderCreated::sample())
    }

    #[test]
    fn a_delivered_order_is_complete() {
        let decision = decide(&CompleteOrder, DeliveryWasDelivered::sample(), &open()).unwrap();
        let [CompleteOrderOutput::OrderDelivered(delivered)] = decision.events() else { panic!() };
        let second = append::<Order, _>(2, samples::moment(), delivered).unwrap();
        assert_eq!(decision.changes(), [second]);
    }

    #[test]
    fn a_late_delivery_does_not_overwrite_a_cancellation() {
        let canceled = open().with_event::<Order, _>(2, &OrderCanceled::sample());
        let decision = decide(&CompleteOrder, DeliveryWasDelivered::sample(), &canceled).unwrap();
        assert!(decision.events().is_empty() && decision.changes().is_empty());
    }
}
