//! Publishes how an order ended, without data about its customer.

use chorus_events::Currency;
use chorus_events::enterprise::{ShopOrderCanceled, ShopOrderDelivered};
use chorus_events::table::rows::{self, PublishOutcomeInput, PublishOutcomeOutput};
use chorus_kernel::{Action, ActionError, Context, Decision};

/// The field is the currency of the totals in the published events.
pub(crate) struct PublishOutcome(pub(crate) Currency);

impl Action for PublishOutcome {
    type Row = rows::PublishOutcome;
    type State = ();

    fn keys(&self, _: &PublishOutcomeInput) {}

    /// Returns `None`, so that the published event names no tenant: a tenant is a customer's id,
    /// and other accounts must not learn who the customer is.
    fn tenant(&self, _: Option<&str>, _: &PublishOutcomeInput, (): &()) -> Option<String> {
        None
    }

    fn decide(
        &self,
        input: &PublishOutcomeInput,
        (): &(),
        _: &Context<'_>,
    ) -> Result<Decision<PublishOutcomeOutput>, ActionError> {
        let currency = self.0;
        Ok(match input {
            PublishOutcomeInput::OrderDelivered(order) => Decision::emit(ShopOrderDelivered {
                order_id: order.order_id.clone(),
                placed_at: order.placed_at,
                total: order.total,
                currency,
            }),
            PublishOutcomeInput::OrderCanceled(order) => Decision::emit(ShopOrderCanceled {
                order_id: order.order_id.clone(),
                placed_at: order.placed_at,
                total: order.total,
                currency,
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::order::{OrderCanceled, OrderDelivered};
    use chorus_events::samples;
    use chorus_kernel::testing::{Stored, decide};
    use chorus_table::Event;

    fn published(input: impl Into<PublishOutcomeInput>) -> Vec<PublishOutcomeOutput> {
        let publish = PublishOutcome(Currency::EUR);
        let decision = decide(&publish, input, &Stored::default()).unwrap();
        assert!(decision.changes().is_empty());
        decision.events().to_vec()
    }

    #[test]
    fn each_outcome_has_its_public_event() {
        let delivered = published(OrderDelivered::sample());
        assert_eq!(delivered, [ShopOrderDelivered::sample().into()]);
        let canceled = published(OrderCanceled::sample());
        assert_eq!(canceled, [ShopOrderCanceled::sample().into()]);
    }

    #[test]
    fn the_tenant_of_an_order_is_not_that_of_its_public_event() {
        let delivered = OrderDelivered::sample().into();
        assert_eq!(PublishOutcome(Currency::EUR).tenant(Some("ana"), &delivered, &()), None);
    }

    #[test]
    fn neither_the_customer_nor_what_they_wrote_is_published() {
        let reason = "Ana Trujillo has moved".to_owned();
        let canceled = published(OrderCanceled { reason, ..OrderCanceled::sample() });
        let [PublishOutcomeOutput::ShopOrderCanceled(canceled)] = &canceled[..] else {
            panic!("{canceled:?}")
        };
        let text = serde_json::to_string(canceled).unwrap();
        for personal in ["Ana", samples::customer_id().as_str(), "customer", "reason"] {
            assert!(!text.contains(personal), "{personal} is in {text}");
        }
    }
}
