//! Asks the customer to confirm the payment, and stores the task token until the payment provider
//! reports the result.

use chorus_events::payment::ConfirmationRequired;
use chorus_events::table::rows::{self, AskCustomerInput, AskCustomerOutput};
use chorus_kernel::{Action, ActionError, Context, Decision, Found, Signal, Task, state};

use crate::confirmation_callback::concluded;
use crate::{ConfirmationCallback, Payment, Status};

#[derive(Debug)]
pub(crate) struct AskCustomer;

state! {
    pub(crate) struct Known read by KnownKeys {
        payment: Found<Payment>,
        waiting: Found<ConfirmationCallback>,
    }
}

impl Action for AskCustomer {
    type Row = rows::AskCustomer;
    type State = Known;

    fn keys(&self, AskCustomerInput::DeliveryEstimated(order): &AskCustomerInput) -> KnownKeys {
        let waiting = ConfirmationCallback::handle(&order.order_id);
        KnownKeys { payment: order.order_id.clone(), waiting }
    }

    fn decide(
        &self,
        AskCustomerInput::DeliveryEstimated(order): &AskCustomerInput,
        Known { payment, waiting }: &Known,
        context: &Context<'_>,
    ) -> Result<Decision<AskCustomerOutput>, ActionError> {
        let task = context.task();
        let attempt = task.and_then(Task::waiting);
        let (token, attempt) = attempt.ok_or_else(|| {
            ActionError::Conflict("no task waits for the customer's confirmation".into())
        })?;
        let known = Payment::known(&order.order_id, payment.as_ref());
        if known.status != Status::WaitingForCustomer {
            let settled = Signal::Answer { token: token.to_owned(), output: concluded() };
            return Ok(Decision::nothing("the charge needs no confirmation by the customer")
                .signal(settled));
        }
        let order_id = order.order_id.clone();
        let Some((change, answered)) =
            ConfirmationCallback::register(waiting.as_ref(), order_id.clone(), token, attempt)
        else {
            return Ok(Decision::nothing("a later attempt of the task waits"));
        };
        let decision = if waiting.is_some() {
            Decision::nothing("the customer was asked for the confirmation, or gave it, before")
        } else {
            let until = task.and_then(Task::deadline);
            let until =
                until.ok_or_else(|| ActionError::Conflict("the task has no deadline".into()))?;
            let (customer_id, amount) = (order.customer_id.clone(), order.total);
            let confirm_at = known.confirm_at;
            Decision::emit(ConfirmationRequired {
                order_id,
                customer_id,
                amount,
                confirm_at,
                until,
            })
        };
        Ok(answered.into_iter().fold(decision.with(change), Decision::signal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{confirmation, payment, stored_with};
    use chorus_events::delivery::DeliveryEstimated;
    use chorus_events::samples;
    use chorus_kernel::testing::{Stored, decide_on, waiting};
    use chorus_kernel::{Attempt, Message, create};
    use chorus_table::Event;
    use jiff::SignedDuration;

    /// The first attempt of a task that times out after an hour.
    fn attempt() -> Message {
        let since = samples::moment();
        let task = Task {
            token: Some("a-token".to_owned()),
            attempt: Attempt { since, retry: 0 },
            timeout_seconds: Some(3_600),
            ..Task::default()
        };
        Message { task: Some(task), ..waiting("a-token") }
    }

    fn on(stored: &Stored) -> Decision<AskCustomerOutput> {
        decide_on(&AskCustomer, DeliveryEstimated::sample(), &attempt(), stored).unwrap()
    }

    fn waits_for_customer() -> Payment {
        let confirm_at = Some(samples::confirmation_url());
        Payment { confirm_at, ..payment(Status::WaitingForCustomer) }
    }

    #[test]
    fn the_customer_is_asked_once_with_the_address_and_the_deadline() {
        let decision = on(&stored_with(&waits_for_customer(), None));
        let until = samples::moment() + SignedDuration::from_hours(1);
        let asked = ConfirmationRequired { until, ..Event::sample() };
        assert_eq!(decision.events(), [AskCustomerOutput::ConfirmationRequired(asked)]);
        assert_eq!(decision.changes().len(), 1);
        let open = confirmation("an-earlier-token", None);
        let again = on(&stored_with(&waits_for_customer(), Some(&open)));
        assert_eq!((again.events(), again.changes().len()), (&[][..], 1));
        assert_eq!(again.signals(), []);
    }

    #[test]
    fn who_confirmed_before_the_machine_waited_is_not_asked() {
        let early = confirmation("", Some(&concluded()));
        let decision = on(&stored_with(&waits_for_customer(), Some(&early)));
        assert_eq!(decision.events(), []);
        let signal = Signal::Answer { token: "a-token".to_owned(), output: concluded() };
        assert_eq!(decision.signals(), [signal]);
    }

    #[test]
    fn a_payment_that_waits_for_no_customer_is_concluded_at_once() {
        for status in [Status::Canceled, Status::Refunding, Status::Charged] {
            let decision = on(&stored_with(&payment(status), None));
            assert!(decision.events().is_empty() && decision.changes().is_empty(), "{status:?}");
            assert!(matches!(decision.signals(), [Signal::Answer { .. }]), "{status:?}");
        }
    }

    #[test]
    fn the_token_is_stored_under_a_handle_of_its_own() {
        let decision = on(&stored_with(&waits_for_customer(), None));
        let order = samples::order_id();
        assert_ne!(
            ConfirmationCallback::handle(&order),
            crate::ReviewCallback::handle(&order),
            "a review and a confirmation of one order are two waits"
        );
        assert_ne!(decision.changes(), [create(&ConfirmationCallback::of(order, "another"))]);
    }
}
