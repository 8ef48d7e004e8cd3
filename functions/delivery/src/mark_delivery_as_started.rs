//! Marks the delivery as started. The published event makes the bus call the carrier, and the state
//! machine's task waits for the carrier's callback.

use chorus_events::Capture;
use chorus_events::delivery::{DeliveryMarkedAsStarted, ErrorMarkDeliveryAsStarted};
use chorus_events::table::rows::{self, MarkDeliveryAsStartedInput, MarkDeliveryAsStartedOutput};
use chorus_kernel::{
    Action, ActionError, Context, Decision, Found, Kept, Signal, Task, Versioned, replace, state,
};

use crate::carrier_callback::{CAPTURE_DUE, ParcelStatus, answer};
use crate::delivery::Plan;
use crate::transitions::{Fact, Next, next};
use crate::{CarrierCallback, Delivery};

state! {
    pub(crate) struct Startable read by StartableKeys {
        delivery: Found<Delivery>,
        wait: Found<CarrierCallback>,
    }
}

#[derive(Debug)]
pub(crate) struct MarkDeliveryAsStarted;

impl Action for MarkDeliveryAsStarted {
    type Row = rows::MarkDeliveryAsStarted;
    type State = Startable;

    fn keys(
        &self,
        MarkDeliveryAsStartedInput::ItemRemoved(order): &MarkDeliveryAsStartedInput,
    ) -> StartableKeys {
        let wait = CarrierCallback::handle(&order.order_id);
        StartableKeys { delivery: order.order_id.clone(), wait }
    }

    fn decide(
        &self,
        MarkDeliveryAsStartedInput::ItemRemoved(order): &MarkDeliveryAsStartedInput,
        Startable { delivery, wait }: &Startable,
        context: &Context<'_>,
    ) -> Result<Decision<MarkDeliveryAsStartedOutput>, ActionError> {
        let attempt = context.task().and_then(Task::waiting);
        let (token, attempt) = attempt.ok_or_else(|| {
            ActionError::Conflict("no task waits for the carrier's callback".into())
        })?;
        let order_id = order.order_id.clone();
        let wrong = |reason: &str| {
            let (order_id, reason) = (order_id.clone(), reason.to_owned());
            Decision::emit(ErrorMarkDeliveryAsStarted { order_id, reason })
                .signal(go_on(token, ParcelStatus::NotStarted))
        };
        let note = order.capture.map(|Capture::Due| CAPTURE_DUE);
        let kept = Kept { note, tenant: context.metadata().tenant.as_deref() };
        let kept = CarrierCallback::register_keeping(
            wait.as_ref(),
            order_id.clone(),
            token,
            attempt,
            kept,
        );
        Ok(match next(delivery.as_ref().map(|known| known.status), Fact::ItemsRemoved) {
            Next::Publish(status) => {
                let Some((known, plan)) =
                    delivery.as_ref().and_then(|it| Some((it, it.plan.clone()?)))
                else {
                    return Ok(wrong("the delivery has no plan"));
                };
                let started = handed_over(known, plan).with(replace(known, &known.now(status)));
                started.with_all(kept.map(|(wait, _)| wait))
            }
            Next::Wrong(reason) => wrong(reason),
            // The state machine repeats the task: store the new task token or, if the carrier has
            // already called back, complete the task at once.
            _ if wait.is_some() => match kept {
                Some((wait, signaled_status)) => {
                    let decision = Decision::nothing("the delivery was started before").with(wait);
                    signaled_status.into_iter().fold(decision, Decision::signal)
                }
                None => Decision::nothing("a later attempt of the task waits for the carrier"),
            },
            Next::Become(_, why) | Next::Nothing(why) => {
                Decision::nothing(why).signal(go_on(token, ParcelStatus::NotStarted))
            }
        })
    }
}

fn handed_over(known: &Versioned<Delivery>, plan: Plan) -> Decision<MarkDeliveryAsStartedOutput> {
    let order_id = known.order_id.clone();
    Decision::emit(DeliveryMarkedAsStarted {
        handle: Some(CarrierCallback::handle(&order_id)),
        order_id,
        customer_id: plan.customer_id,
        lines: plan.lines,
        shipping_address: plan.shipping_address,
        deliver_by: plan.deliver_by,
    })
}

/// Completes the task at once; the status tells the state machine that there is nothing to wait
/// for.
fn go_on(token: &str, status: ParcelStatus) -> Signal {
    Signal::Answer { token: token.to_owned(), output: answer(status, None) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;
    use crate::carrier_callback::answered;
    use crate::delivery::{change, sample};
    use chorus_events::inventory::ItemRemoved;
    use chorus_events::samples;
    use chorus_kernel::create;
    use chorus_kernel::testing::{Stored, decide_on, waiting};
    use chorus_table::Event;

    fn decided(stored: &Stored) -> Decision<MarkDeliveryAsStartedOutput> {
        let message = waiting("a-token");
        decide_on(&MarkDeliveryAsStarted, ItemRemoved::sample(), &message, stored).unwrap()
    }

    fn signaled_status(decision: &Decision<MarkDeliveryAsStartedOutput>) -> Option<&str> {
        match decision.signals() {
            [Signal::Answer { output, .. }] => output["status"].as_str(),
            _ => None,
        }
    }

    #[test]
    fn an_estimated_delivery_is_handed_to_the_carrier_with_all_it_needs_but_the_token() {
        let decision = decided(&Stored::default().with(1, &sample(Status::Estimated)));
        let handle = Some(CarrierCallback::handle(&samples::order_id()));
        let expected = DeliveryMarkedAsStarted { handle, ..Event::sample() };
        assert_eq!(
            decision.events(),
            [MarkDeliveryAsStartedOutput::DeliveryMarkedAsStarted(expected)]
        );
        let wait = create(&CarrierCallback::of(samples::order_id(), "a-token"));
        let started = change(Status::Estimated, &sample(Status::Started));
        assert_eq!(decision.changes(), [started, wait]);
        assert_eq!(signaled_status(&decision), None);
    }

    #[test]
    fn that_the_order_is_charged_when_the_parcel_leaves_is_noted_for_the_carriers_callback() {
        let order = ItemRemoved { capture: Some(Capture::Due), ..ItemRemoved::sample() };
        let stored = Stored::default().with(1, &sample(Status::Estimated));
        let decision =
            decide_on(&MarkDeliveryAsStarted, order, &waiting("a-token"), &stored).unwrap();
        let wait = CarrierCallback::of(samples::order_id(), "a-token")
            .keeping(Kept { note: Some(CAPTURE_DUE), tenant: None });
        assert_eq!(decision.changes()[1], create(&wait));
    }

    #[test]
    fn a_delivery_without_an_estimate_fails_the_order() {
        let decision = decided(&Stored::default());
        assert!(matches!(
            decision.events(),
            [MarkDeliveryAsStartedOutput::ErrorMarkDeliveryAsStarted(_)]
        ));
        assert!(decision.changes().is_empty());
        assert_eq!(signaled_status(&decision), Some("NotStarted"));
    }

    #[test]
    fn a_canceled_delivery_is_not_started_and_nobody_waits_for_it() {
        let decision = decided(&Stored::default().with(1, &sample(Status::Canceled)));
        assert!(decision.events().is_empty() && decision.changes().is_empty());
        assert_eq!(signaled_status(&decision), Some("NotStarted"));
    }

    #[test]
    fn the_next_attempt_hands_nothing_over_and_gets_the_answer_that_the_first_one_missed() {
        let [first, second] =
            ["first", "a-token"].map(|token| CarrierCallback::of(samples::order_id(), token));
        let delivered = |wait| answered(wait, &answer(ParcelStatus::Delivered, None));
        for (stored, kept, expected) in [
            (first.clone(), second.clone(), None),
            (delivered(&first), delivered(&second), Some("Delivered")),
        ] {
            let started = Stored::default().with(2, &sample(Status::Started)).with(2, &stored);
            let decision = decided(&started);
            assert!(decision.events().is_empty());
            let read = Versioned { version: 2, value: stored };
            assert_eq!(decision.changes(), [replace(&read, &kept)]);
            assert_eq!(signaled_status(&decision), expected);
        }
    }
}
