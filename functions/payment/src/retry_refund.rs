//! Asks the payment provider again for a refund that the provider refused. An operator starts this.

use chorus_events::OrderId;
use chorus_events::table::rows::{self, RetryRefundInput, RetryRefundOutput};
use chorus_kernel::{ActionError, CallContext, Found, Step};

use crate::Payment;
use crate::cancel_payment::result_event;
use crate::provider_action::ProviderAction;
use crate::provider_call::{Case, Request, Response};
use crate::transitions::Fact;

pub(crate) struct RetryRefund;

impl ProviderAction for RetryRefund {
    type Row = rows::RetryRefund;
    type State = Found<Payment>;

    fn keys(&self, RetryRefundInput::RetryRefund(command): &RetryRefundInput) -> OrderId {
        command.order_id.clone()
    }

    fn tenant(&self, _: Option<&str>, payment: &Found<Payment>) -> Option<String> {
        payment.as_ref()?.customer_id.as_ref().map(ToString::to_string)
    }

    fn decide(
        &self,
        RetryRefundInput::RetryRefund(command): &RetryRefundInput,
        payment: &Found<Payment>,
        context: &CallContext<'_, Response>,
    ) -> Result<Step<Request, RetryRefundOutput>, ActionError> {
        if payment.is_none() {
            let missing = format!("no payment of order {} is known", command.order_id);
            return Err(ActionError::NotFound(missing));
        }
        let case = Case::new(&command.order_id, payment, context)?;
        let fact = match context.response {
            Some(Response::Refund(answer)) => Fact::Refund(answer),
            _ => Fact::Retry,
        };
        case.step(&fact, result_event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{decided, done, no_provider, payment, to_refund, update};
    use crate::{RefundAnswer, Status};
    use chorus_events::payment::{ErrorPaymentCanceled, PaymentCanceled};
    use chorus_events::{commands, samples};
    use chorus_table::Event;

    fn on(
        known: Option<&Payment>,
        response: Option<RefundAnswer>,
    ) -> Result<Step<Request, RetryRefundOutput>, ActionError> {
        let response = response.map(Response::Refund);
        let action = RetryRefund.by(no_provider());
        decided(&action, commands::RetryRefund::sample(), known, response.as_ref())
    }

    fn refused() -> Payment {
        let reason = Some("the provider refuses".to_owned());
        Payment { charged: samples::total(), reason, ..payment(Status::RefundRefused) }
    }

    /// The payment whose refund was refused, after the operator's retry has committed its claim
    /// (the writes before the call to the provider).
    fn retried() -> Payment {
        Payment { status: Status::Refunding, refund_retries: 1, ..refused() }
    }

    #[test]
    fn a_refused_refund_is_asked_for_anew() {
        let claim = vec![update(&refused(), &retried())];
        let request = to_refund(&retried());
        assert_eq!(on(Some(&refused()), None).unwrap(), Step::Call { request, claim });
    }

    #[test]
    fn a_retry_whose_answer_was_lost_goes_on_as_the_same() {
        let again = Step::Call { request: to_refund(&retried()), claim: Vec::new() };
        assert_eq!(on(Some(&retried()), None).unwrap(), again);
    }

    #[test]
    fn what_comes_of_it_is_an_event() {
        let amount = samples::total();
        let (events, changes) =
            done(on(Some(&retried()), Some(RefundAnswer::Refunded { amount })).unwrap());
        assert_eq!(events, [PaymentCanceled { refunded: amount, ..Event::sample() }.into()]);
        let refunded = Payment { status: Status::Refunded, refunded: amount, ..retried() };
        assert_eq!(changes, [update(&retried(), &refunded)]);

        let reason = "no balance".to_owned();
        let refusal = RefundAnswer::Refused { reason: reason.clone() };
        let (events, changes) = done(on(Some(&retried()), Some(refusal)).unwrap());
        assert_eq!(
            events,
            [ErrorPaymentCanceled { reason: reason.clone(), ..Event::sample() }.into()]
        );
        let refused = Payment { reason: Some(reason), status: Status::RefundRefused, ..retried() };
        assert_eq!(changes, [update(&retried(), &refused)]);
    }

    #[test]
    fn a_payment_of_which_no_refund_was_refused_is_left_as_it_is() {
        for status in [Status::Charging, Status::Charged, Status::Failed, Status::Canceled] {
            let refusal = on(Some(&payment(status)), None).unwrap_err();
            assert!(matches!(refusal, ActionError::Conflict(_)), "{status:?}: {refusal}");
        }
        let refusal = on(None, None).unwrap_err();
        assert!(matches!(refusal, ActionError::NotFound(_)), "{refusal}");
        let (events, changes) = done(on(Some(&payment(Status::Refunded)), None).unwrap());
        assert!(events.is_empty() && changes.is_empty());
    }
}
