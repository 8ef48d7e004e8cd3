//! Asks the payment provider for the result of a charge that the customer had to confirm.
//!
//! The state machine runs this task after the provider's notice, or after the deadline if no notice
//! came. If the charge is still not confirmed, the payment fails, and the order is canceled. The
//! cancellation cancels the payment intent or, if the customer confirmed at the last moment,
//! refunds the charge.

use chorus_events::OrderId;
use chorus_events::table::rows::{self, ConcludePaymentInput, ConcludePaymentOutput};
use chorus_kernel::{ActionError, CallContext, Found, Step};

use crate::make_payment::result_event;
use crate::provider_action::ProviderAction;
use crate::provider_call::{Case, Request, Response};
use crate::transitions::Fact;
use crate::{ChargeAnswer, Payment};

pub(crate) struct ConcludePayment;

impl ProviderAction for ConcludePayment {
    type Row = rows::ConcludePayment;
    type State = Found<Payment>;

    fn keys(
        &self,
        ConcludePaymentInput::DeliveryEstimated(order): &ConcludePaymentInput,
    ) -> OrderId {
        order.order_id.clone()
    }

    fn decide(
        &self,
        ConcludePaymentInput::DeliveryEstimated(order): &ConcludePaymentInput,
        payment: &Found<Payment>,
        context: &CallContext<'_, Response>,
    ) -> Result<Step<Request, ConcludePaymentOutput>, ActionError> {
        let case = Case::new(&order.order_id, payment, context)?;
        let given_up = context.message.task().and_then(|task| task.reason.as_deref());
        let fact = match (context.response, given_up) {
            (Some(Response::Charge(ChargeAnswer::ConfirmationRequired { .. })), Some(reason)) => {
                Fact::Unconfirmed(reason)
            }
            (Some(Response::Charge(answer)), _) => Fact::Charge(answer),
            _ => Fact::Conclusion,
        };
        case.step(&fact, result_event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;
    use crate::testing::{charged, done, no_provider, payment, stored, to_charge, update};
    use chorus_events::delivery::DeliveryEstimated;
    use chorus_events::payment::{PaymentFailed, PaymentMade};
    use chorus_events::samples;
    use chorus_kernel::testing::{message, step};
    use chorus_kernel::{Message, Task};
    use chorus_table::Event;

    const NOT_CONFIRMED: &str = "the customer did not confirm the payment in time";

    fn on(
        status: Status,
        response: Option<ChargeAnswer>,
        reason: Option<&str>,
    ) -> Result<Step<Request, ConcludePaymentOutput>, ActionError> {
        let task = Task { reason: reason.map(ToOwned::to_owned), ..Task::default() };
        let message = Message { task: Some(task), ..message() };
        let (action, known) = (ConcludePayment.by(no_provider()), payment(status));
        let response = response.map(Response::Charge);
        let (input, stored) = (DeliveryEstimated::sample(), stored(Some(&known), None));
        step(&action, input, &message, &stored, response.as_ref())
    }

    fn unconfirmed() -> ChargeAnswer {
        ChargeAnswer::ConfirmationRequired { confirm_at: None }
    }

    #[test]
    fn the_provider_is_asked_whatever_its_notice_contains() {
        let asked = on(Status::WaitingForCustomer, None, None).unwrap();
        assert_eq!(asked, Step::Call { request: to_charge(), claim: Vec::new() });
    }

    #[test]
    fn a_charge_that_was_confirmed_is_made_and_one_that_was_declined_has_failed() {
        let waiting = payment(Status::WaitingForCustomer);
        let (events, changes) =
            done(on(Status::WaitingForCustomer, Some(charged()), None).unwrap());
        assert_eq!(events, [ConcludePaymentOutput::PaymentMade(PaymentMade::sample())]);
        let charge_id = Some(PaymentMade::sample().charge_id);
        let made = Payment { charge_id, charged: samples::total(), ..payment(Status::Charged) };
        assert_eq!(changes, [update(&waiting, &made)]);
        let declined = ChargeAnswer::Declined { reason: "card declined".to_owned() };
        let (events, _) = done(on(Status::WaitingForCustomer, Some(declined), None).unwrap());
        assert_eq!(events, [ConcludePaymentOutput::PaymentFailed(PaymentFailed::sample())]);
    }

    #[test]
    fn a_charge_that_is_not_confirmed_yet_is_looked_at_again_and_after_the_deadline_fails() {
        let early = on(Status::WaitingForCustomer, Some(unconfirmed()), None);
        assert!(matches!(early, Err(ActionError::Later(_))), "{early:?}");
        let late = on(Status::WaitingForCustomer, Some(unconfirmed()), Some(NOT_CONFIRMED));
        let (events, changes) = done(late.unwrap());
        let failed = PaymentFailed { reason: NOT_CONFIRMED.to_owned(), ..Event::sample() };
        assert_eq!(events, [ConcludePaymentOutput::PaymentFailed(failed)]);
        let waiting = payment(Status::WaitingForCustomer);
        let reason = Some(NOT_CONFIRMED.to_owned());
        assert_eq!(changes, [update(&waiting, &Payment { reason, ..waiting.clone() })]);
    }

    #[test]
    fn a_charge_that_was_confirmed_although_no_notice_came_is_made_after_the_deadline() {
        let made = on(Status::WaitingForCustomer, Some(charged()), Some(NOT_CONFIRMED));
        let (events, _) = done(made.unwrap());
        assert_eq!(events, [ConcludePaymentOutput::PaymentMade(PaymentMade::sample())]);
    }

    #[test]
    fn what_ended_or_was_canceled_is_left_as_it_is() {
        for status in [Status::Charged, Status::Failed, Status::Refunding, Status::Canceled] {
            for response in [None, Some(charged()), Some(unconfirmed())] {
                let (events, changes) = done(on(status, response, Some(NOT_CONFIRMED)).unwrap());
                assert!(events.is_empty() && changes.is_empty(), "{status:?}");
            }
        }
    }
}
