//! Cancels an open order when a customer asks for it, or when a step of the order has failed.

use chorus_events::OrderId;
use chorus_events::order::OrderCanceled;
use chorus_events::table::rows::{self, CancelOrderInput, CancelOrderOutput};
use chorus_kernel::{Action, ActionError, Context, Decision, Folded, append};

use crate::{Order, Status};

pub(crate) struct CancelOrder;

impl Action for CancelOrder {
    type Row = rows::CancelOrder;
    type State = Folded<Order>;

    fn keys(&self, input: &CancelOrderInput) -> OrderId {
        order_and_reason(input).0.clone()
    }

    fn owner(&self, _: &CancelOrderInput, known: &Self::State) -> Option<String> {
        known.state.0.as_ref().map(|order| order.customer_id.to_string())
    }

    fn decide(
        &self,
        input: &CancelOrderInput,
        Folded { state: Order(order), version }: &Self::State,
        context: &Context<'_>,
    ) -> Result<Decision<CancelOrderOutput>, ActionError> {
        let (order_id, reason) = order_and_reason(input);
        let asked = matches!(input, CancelOrderInput::CancelOrder(_));
        let missing = || ActionError::NotFound(format!("there is no order {order_id}"));
        let order = order.as_ref().ok_or_else(missing)?;
        match order.status {
            Status::Canceled => Ok(Decision::nothing("the order was canceled before")),
            Status::Delivered if asked => {
                Err(ActionError::Conflict(format!("order {order_id} has been delivered")))
            }
            Status::Delivered => Ok(Decision::nothing("the order has been delivered")),
            Status::Open => {
                let canceled = OrderCanceled {
                    order_id: order_id.clone(),
                    customer_id: order.customer_id.clone(),
                    lines: order.lines.clone(),
                    total: order.total,
                    reason,
                    placed_at: order.placed_at,
                    terms: Some(order.terms),
                };
                let at = context.metadata().occurred_at;
                let last = append::<Order, _>(version + 1, at, &canceled)?;
                Ok(Decision::emit(canceled).with(last))
            }
        }
    }
}

/// Returns the order to cancel, and the reason.
fn order_and_reason(input: &CancelOrderInput) -> (&OrderId, String) {
    use CancelOrderInput as Because;
    match input {
        Because::CancelOrder(asked) => (&asked.order_id, asked.reason.clone()),
        Because::ItemNotAvailable(event) => (&event.order_id, event.reason.clone()),
        Because::ErrorItemDescribed(event) => (&event.order_id, event.reason.clone()),
        Because::ErrorCustomerDescribed(event) => (&event.order_id, event.reason.clone()),
        Because::ErrorDeliveryEstimated(event) => (&event.order_id, event.reason.clone()),
        Because::OrderDeclined(event) => {
            (&event.order_id, format!("the review declined it: {}", event.reason))
        }
        Because::PaymentFailed(event) => {
            (&event.order_id, format!("the payment failed: {}", event.reason))
        }
        Because::CaptureFailed(event) => {
            (&event.order_id, format!("the payment could not be taken: {}", event.reason))
        }
        Because::ErrorItemRemoved(event) => (&event.order_id, event.reason.clone()),
        Because::ErrorMarkDeliveryAsStarted(event) => (&event.order_id, event.reason.clone()),
        Because::DeliveryWasCanceled(event) => {
            (&event.order_id, format!("the delivery was canceled: {}", event.reason))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::commands::CancelOrder as Command;
    use chorus_events::order::{OrderCreated, OrderDelivered};
    use chorus_events::payment::PaymentFailed;
    use chorus_events::samples;
    use chorus_kernel::testing::{Stored, decide};
    use chorus_table::Event;

    fn open() -> Stored {
        Stored::default().with_event::<Order, _>(1, &OrderCreated::sample())
    }

    fn delivered() -> Stored {
        open().with_event::<Order, _>(2, &OrderDelivered::sample())
    }

    #[test]
    fn a_failed_payment_cancels_the_order_and_says_why() {
        let decision = decide(&CancelOrder, PaymentFailed::sample(), &open()).unwrap();
        let [CancelOrderOutput::OrderCanceled(canceled)] = decision.events() else { panic!() };
        assert_eq!(canceled.reason, "the payment failed: card declined");
        let second = append::<Order, _>(2, samples::moment(), canceled).unwrap();
        assert_eq!(decision.changes(), [second]);
    }

    #[test]
    fn a_late_failure_does_not_overwrite_a_delivery() {
        let decision = decide(&CancelOrder, PaymentFailed::sample(), &delivered()).unwrap();
        assert!(decision.events().is_empty() && decision.changes().is_empty());
    }

    #[test]
    fn a_customer_is_told_that_it_is_too_late() {
        let refusal = decide(&CancelOrder, Command::sample(), &delivered()).unwrap_err();
        assert!(matches!(refusal, ActionError::Conflict(_)));
    }

    #[test]
    fn an_unknown_order_cannot_be_canceled() {
        let refusal = decide(&CancelOrder, Command::sample(), &Stored::default()).unwrap_err();
        assert!(matches!(refusal, ActionError::NotFound(_)));
    }
}
