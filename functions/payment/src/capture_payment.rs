//! Captures the amount that the bank holds, as soon as the carrier reports that it has the parcel.
//! If the carrier reports only the delivery of the parcel, this action captures the amount at that
//! report.
//!
//! The order may be canceled at any time. If the amount is not captured yet, the cancellation
//! cancels the payment intent, and the provider refuses a later capture. Otherwise, the
//! cancellation refunds the charge.

use chorus_events::OrderId;
use chorus_events::payment::{CaptureFailed, PaymentMade};
use chorus_events::table::rows::{self, CapturePaymentInput, CapturePaymentOutput};
use chorus_kernel::{ActionError, CallContext, Found, Step};

use crate::provider_action::ProviderAction;
use crate::provider_call::{Case, Request, Response};
use crate::transitions::Fact;
use crate::{Payment, Status};

pub(crate) struct CapturePayment;

impl ProviderAction for CapturePayment {
    type Row = rows::CapturePayment;
    type State = Found<Payment>;

    fn keys(&self, input: &CapturePaymentInput) -> OrderId {
        match input {
            CapturePaymentInput::DeliveryStarted(parcel) => parcel.order_id.clone(),
            CapturePaymentInput::Delivered(parcel) => parcel.order_id.clone(),
        }
    }

    fn decide(
        &self,
        input: &CapturePaymentInput,
        payment: &Found<Payment>,
        context: &CallContext<'_, Response>,
    ) -> Result<Step<Request, CapturePaymentOutput>, ActionError> {
        let order_id = self.keys(input);
        let case = Case::new(&order_id, payment, context)?;
        let fact = match context.response {
            Some(Response::Capture(answer)) => Fact::Capture(answer),
            _ => Fact::Departure,
        };
        case.step(&fact, result_event)
    }
}

fn result_event(payment: &Payment) -> Option<CapturePaymentOutput> {
    let order_id = payment.order_id.clone();
    match payment.status {
        Status::Charged => {
            let customer_id = payment.customer_id.clone()?;
            let (amount, charge_id) = (payment.amount?, payment.charge_id.clone()?);
            Some(PaymentMade { order_id, customer_id, amount, charge_id }.into())
        }
        Status::CaptureFailed => {
            let reason = payment.reason.clone()?;
            Some(CaptureFailed { order_id, reason }.into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CaptureAnswer;
    use crate::testing::{decided, done, intent, no_provider, payment, update};
    use chorus_events::logistics::{Delivered, DeliveryStarted};
    use chorus_events::samples;
    use chorus_kernel::Write;
    use chorus_table::Event;

    fn on(
        known: &Payment,
        response: Option<CaptureAnswer>,
    ) -> Result<Step<Request, CapturePaymentOutput>, ActionError> {
        let response = response.map(Response::Capture);
        let action = CapturePayment.by(no_provider());
        decided(&action, DeliveryStarted::sample(), Some(known), response.as_ref())
    }

    fn settled(
        known: &Payment,
        response: Option<CaptureAnswer>,
    ) -> (Vec<CapturePaymentOutput>, Vec<Write>) {
        done(on(known, response).unwrap())
    }

    fn captured() -> CaptureAnswer {
        CaptureAnswer::Captured { charge_id: PaymentMade::sample().charge_id }
    }

    fn failed() -> CaptureAnswer {
        CaptureAnswer::Failed { reason: CaptureFailed::sample().reason }
    }

    #[test]
    fn what_the_bank_holds_is_taken_when_the_parcel_leaves_or_has_arrived() {
        let held = payment(Status::Authorized);
        let capture = Step::Call { request: Request::Capture(intent()), claim: Vec::new() };
        assert_eq!(on(&held, None).unwrap(), capture);
        let action = CapturePayment.by(no_provider());
        let arrived = decided(&action, Delivered::sample(), Some(&held), None);
        assert_eq!(arrived.unwrap(), capture);
    }

    #[test]
    fn an_amount_that_was_taken_is_a_payment() {
        let held = payment(Status::Authorized);
        let (events, changes) = settled(&held, Some(captured()));
        assert_eq!(events, [CapturePaymentOutput::PaymentMade(PaymentMade::sample())]);
        let charge_id = Some(PaymentMade::sample().charge_id);
        let made = Payment { charge_id, charged: samples::total(), ..payment(Status::Charged) };
        assert_eq!(changes, [update(&held, &made)]);
    }

    #[test]
    fn an_amount_that_the_bank_does_not_give_is_a_failure_of_its_own() {
        let held = payment(Status::Authorized);
        let (events, changes) = settled(&held, Some(failed()));
        assert_eq!(events, [CapturePaymentOutput::CaptureFailed(CaptureFailed::sample())]);
        let reason = Some(CaptureFailed::sample().reason);
        let failed = Payment { reason, ..payment(Status::CaptureFailed) };
        assert_eq!(changes, [update(&held, &failed)]);
    }

    #[test]
    fn nothing_is_taken_twice_and_nothing_for_a_canceled_order() {
        for status in [
            Status::Charged,
            Status::CaptureFailed,
            Status::Refunding,
            Status::Canceled,
            Status::Refunded,
            Status::RefundRefused,
        ] {
            for response in [None, Some(captured()), Some(failed())] {
                let (events, changes) = settled(&payment(status), response);
                assert!(events.is_empty() && changes.is_empty(), "{status:?}");
            }
        }
    }

    #[test]
    fn a_parcel_that_leaves_before_anything_was_authorized_is_for_an_operator() {
        for status in [Status::Approved, Status::Charging, Status::WaitingForCustomer] {
            let refusal = on(&payment(status), None).unwrap_err();
            assert!(matches!(refusal, ActionError::Conflict(_)), "{status:?}");
        }
    }
}
