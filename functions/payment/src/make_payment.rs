//! Charges the order; one of high value only once it is approved.
//!
//! Where a cancellation overtakes the charge, the charge is given back here and nothing is said:
//! the rows' own event, `PaymentCanceled`, is `CancelPayment`'s to say.

use std::sync::Arc;

use async_trait::async_trait;
use chorus_events::OrderId;
use chorus_events::payment::{PaymentFailed, PaymentMade};
use chorus_events::table::rows::{self, MakePaymentInput, MakePaymentOutput};
use chorus_kernel::{ActionError, CallContext, ExternalAction, Found, OutcomeUnknown, Step};

use crate::provider_call::{self, Case, Request, Response};
use crate::transitions::Fact;
use crate::{Payment, PaymentProvider, Status};

pub(crate) struct MakePayment {
    provider: Arc<dyn PaymentProvider>,
}

impl MakePayment {
    pub(crate) fn by(provider: Arc<dyn PaymentProvider>) -> Self {
        Self { provider }
    }
}

#[async_trait]
impl ExternalAction for MakePayment {
    type Row = rows::MakePayment;
    type State = Found<Payment>;
    type Request = Request;
    type Response = Response;

    fn keys(&self, MakePaymentInput::DeliveryEstimated(order): &MakePaymentInput) -> OrderId {
        order.order_id.clone()
    }

    fn decide(
        &self,
        MakePaymentInput::DeliveryEstimated(order): &MakePaymentInput,
        payment: &Found<Payment>,
        context: &CallContext<'_, Response>,
    ) -> Result<Step<Request, MakePaymentOutput>, ActionError> {
        let message = &context.message.metadata().idempotency_key;
        let case = Case::new(&order.order_id, payment, message);
        let fact = match context.response {
            Some(Response::Charge(answer)) => Fact::Charge(answer),
            Some(Response::Refund(answer)) => Fact::LateRefund(answer),
            None if case.holds_the_fence() => Fact::Again,
            None => Fact::Estimate(&order.customer_id, order.total),
        };
        case.step(&fact, said)
    }

    /// The key that derives from the message is left unused, see [`crate::charge_key`].
    async fn call(&self, request: &Request, _: &str) -> Result<Response, OutcomeUnknown> {
        provider_call::call(&*self.provider, request).await
    }
}

fn said(payment: &Payment) -> Option<MakePaymentOutput> {
    let (order_id, customer_id) = (payment.order_id.clone(), payment.customer_id.clone()?);
    match payment.status {
        Status::Charged => {
            let (amount, charge_id) = (payment.amount?, payment.charge_id.clone()?);
            Some(PaymentMade { order_id, customer_id, amount, charge_id }.into())
        }
        Status::Failed => {
            let reason = payment.reason.clone()?;
            Some(PaymentFailed { order_id, customer_id, reason }.into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{becomes, charged, decided, done, no_provider, payment};
    use crate::{Charge, ChargeAnswer, RefundAnswer};
    use chorus_events::delivery::DeliveryEstimated;
    use chorus_events::{HIGH_VALUE, samples};
    use chorus_kernel::create;
    use chorus_table::Event;

    fn on(
        input: DeliveryEstimated,
        known: Option<&Payment>,
        response: Option<&Response>,
    ) -> Step<Request, MakePaymentOutput> {
        decided(&MakePayment::by(no_provider()), input, known, response).unwrap()
    }

    fn of_high_value() -> DeliveryEstimated {
        DeliveryEstimated { total: HIGH_VALUE, ..DeliveryEstimated::sample() }
    }

    /// The charge of the samples.
    fn to_charge() -> Request {
        let (order_id, customer_id) = (samples::order_id(), samples::customer_id());
        Request::Charge(Charge { order_id, customer_id, amount: samples::total() })
    }

    fn to_refund() -> Request {
        Request::refund(&payment(Status::Canceled))
    }

    /// The payment, once it is known to be charged.
    fn known_charged(payment: &Payment) -> Payment {
        let charge_id = Some(PaymentMade::sample().charge_id);
        Payment { charge_id, charged: samples::total(), ..payment.clone() }
    }

    #[test]
    fn an_order_is_charged_once_its_delivery_is_estimated() {
        let step = on(DeliveryEstimated::sample(), None, None);
        let claim = vec![create(&payment(Status::Charging))];
        assert_eq!(step, Step::Call { request: to_charge(), claim });
    }

    #[test]
    fn an_order_of_high_value_is_charged_once_it_is_approved_and_not_before() {
        let action = MakePayment::by(no_provider());
        for known in [None, Some(payment(Status::WaitingForApproval))] {
            let refusal = decided(&action, of_high_value(), known.as_ref(), None).unwrap_err();
            assert!(matches!(refusal, ActionError::Conflict(_)), "{refusal}");
        }
        let approved = Payment { charged_by: None, ..payment(Status::Approved) };
        let claim = vec![becomes(&approved, &payment(Status::Charging))];
        let step = on(of_high_value(), Some(&approved), None);
        assert_eq!(step, Step::Call { request: to_charge(), claim });
    }

    #[test]
    fn a_charge_that_was_made_is_said_to_be() {
        let charging = payment(Status::Charging);
        let response = Response::Charge(charged());
        let (events, changes) =
            done(on(DeliveryEstimated::sample(), Some(&charging), Some(&response)));
        assert_eq!(events, [MakePaymentOutput::PaymentMade(PaymentMade::sample())]);
        let made = known_charged(&payment(Status::Charged));
        assert_eq!(changes, [becomes(&charging, &made)]);
    }

    #[test]
    fn a_declined_charge_fails_the_order() {
        let charging = payment(Status::Charging);
        let response = Response::Charge(ChargeAnswer::Declined { reason: "card declined".into() });
        let (events, changes) =
            done(on(DeliveryEstimated::sample(), Some(&charging), Some(&response)));
        assert_eq!(events, [MakePaymentOutput::PaymentFailed(PaymentFailed::sample())]);
        let reason = Some("card declined".to_owned());
        let failed = Payment { reason, ..payment(Status::Failed) };
        assert_eq!(changes, [becomes(&charging, &failed)]);
    }

    #[test]
    fn a_crash_after_the_claim_leads_to_the_same_call_without_another_claim() {
        let step = on(DeliveryEstimated::sample(), Some(&payment(Status::Charging)), None);
        assert_eq!(step, Step::Call { request: to_charge(), claim: Vec::new() });
    }

    #[test]
    fn only_the_message_that_holds_the_fence_charges() {
        let others = Payment { charged_by: Some("other".into()), ..payment(Status::Charging) };
        let (events, changes) = done(on(DeliveryEstimated::sample(), Some(&others), None));
        assert!(events.is_empty() && changes.is_empty());
    }

    #[test]
    fn a_canceled_order_is_not_charged() {
        let status = Status::Canceled;
        let tombstone = Payment { status, ..Payment::new(samples::order_id()) };
        let (events, changes) = done(on(DeliveryEstimated::sample(), Some(&tombstone), None));
        assert!(events.is_empty() && changes.is_empty());
    }

    #[test]
    fn a_charge_that_a_cancellation_overtook_is_given_back_silently() {
        let response = Response::Charge(charged());
        for status in [Status::Refunding, Status::Canceled, Status::Refunded] {
            let known = payment(status);
            let step = on(DeliveryEstimated::sample(), Some(&known), Some(&response));
            let claim = vec![becomes(&known, &known_charged(&known))];
            assert_eq!(step, Step::Call { request: to_refund(), claim }, "{status:?}");
        }
    }

    #[test]
    fn a_canceled_charge_that_comes_again_is_given_back_if_it_is_there_and_settled_if_not() {
        for status in [Status::Canceled, Status::Refunding] {
            let known = payment(status);
            let on = |response| on(DeliveryEstimated::sample(), Some(&known), response);
            let (refund, charge) = (to_refund(), to_charge());
            assert_eq!(on(None), Step::Call { request: refund, claim: Vec::new() });
            let response = Response::Refund(RefundAnswer::NothingCharged);
            assert_eq!(on(Some(&response)), Step::Call { request: charge, claim: Vec::new() });
            let declined = ChargeAnswer::Declined { reason: "canceled".into() };
            let (events, changes) = done(on(Some(&Response::Charge(declined))));
            assert!(events.is_empty() && changes.is_empty(), "{status:?}");
        }
    }

    #[test]
    fn a_late_refund_changes_the_record_so_that_the_cancellation_hears_of_it() {
        let amount = samples::total();
        let response = Response::Refund(RefundAnswer::Refunded { amount });
        let ends = [
            (Status::Refunding, Status::Refunding),
            (Status::Canceled, Status::Refunded),
            (Status::RefundRefused, Status::Refunded),
        ];
        for (before, after) in ends {
            let known = payment(before);
            let (events, changes) =
                done(on(DeliveryEstimated::sample(), Some(&known), Some(&response)));
            assert_eq!(events, []);
            let given_back = Payment { charged: amount, refunded: amount, ..payment(after) };
            assert_eq!(changes, [becomes(&known, &given_back)]);
        }
    }

    #[test]
    fn a_late_refund_that_is_refused_goes_to_the_dead_letters() {
        let action = MakePayment::by(no_provider());
        let response = Response::Refund(RefundAnswer::Refused { reason: "no".into() });
        let (input, canceled) = (DeliveryEstimated::sample(), payment(Status::Canceled));
        let refusal = decided(&action, input, Some(&canceled), Some(&response)).unwrap_err();
        assert!(matches!(refusal, ActionError::Conflict(_)), "{refusal}");
    }
}
