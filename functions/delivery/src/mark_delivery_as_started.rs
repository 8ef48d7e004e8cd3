//! Marks the delivery as started, which hands it to the carrier; the state machine waits for its word.

use chorus_events::delivery::{DeliveryMarkedAsStarted, ErrorMarkDeliveryAsStarted};
use chorus_events::table::rows::{self, MarkDeliveryAsStartedInput, MarkDeliveryAsStartedOutput};
use chorus_kernel::{
    Action, Decision, Given, Loaded, Read, Refusal, Signal, Task, Versioned, save,
};

use crate::carrier_wait::{ParcelStatus, word};
use crate::delivery::Plan;
use crate::transitions::{Fact, Next, next};
use crate::{CarrierWait, Delivery};

/// The row, in code.
#[derive(Debug)]
pub(crate) struct MarkDeliveryAsStarted;

impl Action for MarkDeliveryAsStarted {
    type Row = rows::MarkDeliveryAsStarted;

    fn reads(&self, input: &MarkDeliveryAsStartedInput) -> Vec<Read> {
        let MarkDeliveryAsStartedInput::ItemRemoved(order) = input;
        vec![
            Read::entity::<Delivery>(&order.order_id),
            Read::entity::<CarrierWait>(CarrierWait::handle(&order.order_id)),
        ]
    }

    fn decide(
        &self,
        given: &Given<'_, MarkDeliveryAsStartedInput>,
        loaded: &Loaded,
    ) -> Result<Decision<MarkDeliveryAsStartedOutput>, Refusal> {
        let MarkDeliveryAsStartedInput::ItemRemoved(order) = given.input;
        let attempt = given.task().and_then(Task::waiting);
        let attempt =
            attempt.ok_or_else(|| Refusal::Conflict("nobody waits for the carrier".into()))?;
        let order_id = order.order_id.clone();
        let known = loaded.entity::<Delivery>(&order_id)?;
        let waiting = loaded.entity::<CarrierWait>(CarrierWait::handle(&order_id))?;
        let wrong = |reason: &str| {
            let (order_id, reason) = (order_id.clone(), reason.to_owned());
            Decision::emit(ErrorMarkDeliveryAsStarted { order_id, reason })
                .signal(go_on(attempt.0, ParcelStatus::NotStarted))
        };
        let kept = CarrierWait::keep(waiting.as_ref(), order_id.clone(), attempt);
        Ok(match next(known.as_ref().map(|known| known.status), Fact::ItemsRemoved) {
            Next::Say(status) => {
                let Some((known, plan)) =
                    known.as_ref().and_then(|it| Some((it, it.plan.clone()?)))
                else {
                    return Ok(wrong("the delivery has no plan"));
                };
                let started = handed_over(known, plan).with(save(Some(known), &known.now(status)));
                started.with_all(kept.map(|(wait, _)| wait))
            }
            Next::Wrong(reason) => wrong(reason),
            // Another attempt of the task waits now, also for what the first one missed.
            _ if waiting.is_some() => match kept {
                Some((wait, told)) => {
                    let decision = Decision::nothing("it was started before").with(wait);
                    told.into_iter().fold(decision, Decision::signal)
                }
                None => Decision::nothing("a later attempt of the task waits"),
            },
            Next::Become(_, why) | Next::Nothing(why) => {
                Decision::nothing(why).signal(go_on(attempt.0, ParcelStatus::NotStarted))
            }
        })
    }
}

fn handed_over(known: &Versioned<Delivery>, plan: Plan) -> Decision<MarkDeliveryAsStartedOutput> {
    let order_id = known.order_id.clone();
    Decision::emit(DeliveryMarkedAsStarted {
        handle: Some(CarrierWait::handle(&order_id)),
        order_id,
        customer_id: plan.customer_id,
        lines: plan.lines,
        shipping_address: plan.shipping_address,
        deliver_by: plan.deliver_by,
    })
}

/// There is nothing to wait for.
fn go_on(token: &str, status: ParcelStatus) -> Signal {
    Signal::Answer { token: token.to_owned(), output: word(status, None) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;
    use crate::delivery::sample;
    use chorus_events::inventory::ItemRemoved;
    use chorus_events::samples;
    use chorus_kernel::testing::{decide_on, waiting};
    use chorus_table::Event;

    fn decided(loaded: &Loaded) -> Decision<MarkDeliveryAsStartedOutput> {
        let message = waiting("a-token");
        decide_on(&MarkDeliveryAsStarted, ItemRemoved::sample(), &message, loaded).unwrap()
    }

    fn told(decision: &Decision<MarkDeliveryAsStartedOutput>) -> Option<&str> {
        match decision.signals() {
            [Signal::Answer { output, .. }] => output["status"].as_str(),
            _ => None,
        }
    }

    #[test]
    fn an_estimated_delivery_is_handed_to_the_carrier_with_all_it_needs_but_the_token() {
        let decision = decided(&Loaded::default().with(1, &sample(Status::Estimated)));
        let handle = Some(CarrierWait::handle(&samples::order_id()));
        let expected = DeliveryMarkedAsStarted { handle, ..Event::sample() };
        assert_eq!(
            decision.events(),
            [MarkDeliveryAsStartedOutput::DeliveryMarkedAsStarted(expected)]
        );
        assert_eq!((decision.changes().len(), told(&decision)), (2, None));
    }

    #[test]
    fn a_delivery_without_an_estimate_fails_the_order() {
        let decision = decided(&Loaded::default());
        assert!(matches!(
            decision.events(),
            [MarkDeliveryAsStartedOutput::ErrorMarkDeliveryAsStarted(_)]
        ));
        assert_eq!(told(&decision), Some("NotStarted"));
    }

    #[test]
    fn a_canceled_delivery_is_not_started_and_nobody_waits_for_it() {
        let decision = decided(&Loaded::default().with(1, &sample(Status::Canceled)));
        assert!(decision.events().is_empty() && decision.changes().is_empty());
        assert_eq!(told(&decision), Some("NotStarted"));
    }

    #[test]
    fn the_next_attempt_hands_nothing_over_and_hears_what_the_first_one_missed() {
        let first = CarrierWait::of(samples::order_id(), "first");
        let read = Versioned { version: 1, value: first.clone() };
        let (change, _) = CarrierWait::take(&read, word(ParcelStatus::Delivered, None));
        let chorus_kernel::Write::Put { item, .. } = change else { panic!("{change:?}") };
        let answered: CarrierWait = serde_dynamo::from_item(item).unwrap();
        let started = || Loaded::default().with(2, &sample(Status::Started));
        for (loaded, expected) in
            [(started().with(1, &first), None), (started().with(2, &answered), Some("Delivered"))]
        {
            let decision = decided(&loaded);
            assert!(decision.events().is_empty() && decision.changes().len() == 1);
            assert_eq!(told(&decision), expected);
        }
    }
}
