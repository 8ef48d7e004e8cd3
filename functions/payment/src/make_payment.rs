//! Charges an order of high value after a reviewer approved it. The state machine runs this action
//! as a task.
//!
//! The action prepares a payment intent at the provider, commits the intent's id, and then confirms
//! the intent. If the order is canceled meanwhile, this action publishes nothing: `CancelPayment`
//! refunds or cancels the intent, and publishes the result.

use chorus_events::OrderId;
use chorus_events::delivery::DeliveryEstimated;
use chorus_events::payment::{PaymentAuthorized, PaymentFailed, PaymentMade};
use chorus_events::table::rows::{self, MakePaymentInput, MakePaymentOutput};
use chorus_kernel::{ActionError, CallContext, Found, Step};

use crate::provider_action::ProviderAction;
use crate::provider_call::{Case, Request, Response};
use crate::transitions::Fact;
use crate::{Payment, Status};

pub(crate) struct MakePayment;

impl ProviderAction for MakePayment {
    type Row = rows::MakePayment;
    type State = Found<Payment>;

    fn keys(&self, MakePaymentInput::DeliveryEstimated(order): &MakePaymentInput) -> OrderId {
        order.order_id.clone()
    }

    fn decide(
        &self,
        MakePaymentInput::DeliveryEstimated(order): &MakePaymentInput,
        payment: &Found<Payment>,
        context: &CallContext<'_, Response>,
    ) -> Result<Step<Request, MakePaymentOutput>, ActionError> {
        charging(order, payment, context)
    }
}

/// Returns the next step of charging the order, for `CollectPayment` and for `MakePayment`. If the
/// customer has to confirm the charge, this step publishes nothing: the state machine waits for the
/// confirmation.
pub(crate) fn charging<O: From<PaymentMade> + From<PaymentAuthorized> + From<PaymentFailed>>(
    order: &DeliveryEstimated,
    payment: &Found<Payment>,
    context: &CallContext<'_, Response>,
) -> Result<Step<Request, O>, ActionError> {
    let case = Case::new(&order.order_id, payment, context)?;
    let fact = match context.response {
        Some(Response::Charge(answer)) => Fact::Charge(answer),
        _ if case.may_repeat_the_charge() => Fact::Redelivered,
        _ => Fact::Estimate(order),
    };
    case.step(&fact, result_event)
}

/// Returns the event that reports the payment's status: the amount was charged, the bank holds the
/// amount, or the payment failed. Returns `None` for a status that no event reports.
pub(crate) fn result_event<O>(payment: &Payment) -> Option<O>
where
    O: From<PaymentMade> + From<PaymentAuthorized> + From<PaymentFailed>,
{
    let (order_id, customer_id) = (payment.order_id.clone(), payment.customer_id.clone()?);
    match payment.status {
        Status::Charged => {
            let (amount, charge_id) = (payment.amount?, payment.charge_id.clone()?);
            Some(PaymentMade { order_id, customer_id, amount, charge_id }.into())
        }
        Status::Authorized => {
            let (amount, charge_id) = (payment.amount?, payment.charge_id.clone()?);
            Some(PaymentAuthorized { order_id, customer_id, amount, charge_id }.into())
        }
        // The state machine no longer waits for the customer. The order is canceled next, which
        // cancels the intent.
        Status::Failed | Status::WaitingForCustomer => {
            let reason = payment.reason.clone()?;
            Some(PaymentFailed { order_id, customer_id, reason }.into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        authorized, charged, decided, done, intent, no_provider, payment, to_charge, update,
    };
    use crate::{ChargeAnswer, IntentId};
    use chorus_events::samples;
    use chorus_kernel::create;
    use chorus_table::Event;

    fn on(
        input: DeliveryEstimated,
        known: Option<&Payment>,
        response: Option<&Response>,
    ) -> Step<Request, MakePaymentOutput> {
        decided(&MakePayment.by(no_provider()), input, known, response).unwrap()
    }

    fn of_high_value() -> DeliveryEstimated {
        let (total, terms) = (samples::high_total(), samples::terms(samples::high_total()));
        DeliveryEstimated { total, terms, ..DeliveryEstimated::sample() }
    }

    /// Returns `payment` as a charged payment.
    fn known_charged(payment: &Payment) -> Payment {
        let charge_id = Some(PaymentMade::sample().charge_id);
        Payment { charge_id, charged: samples::total(), ..payment.clone() }
    }

    #[test]
    fn an_order_is_charged_once_its_delivery_is_estimated() {
        let on = |response| on(DeliveryEstimated::sample(), None, response);
        let Request::Confirm(_, charge) = to_charge() else { panic!("it is to be confirmed") };
        let prepare = Request::Prepare(charge);
        assert_eq!(on(None), Step::Call { request: prepare, claim: Vec::new() });
        let claim = vec![create(&payment(Status::Charging))];
        let confirm = Step::Call { request: to_charge(), claim };
        assert_eq!(on(Some(&Response::Prepared(intent()))), confirm);
    }

    #[test]
    fn an_order_of_high_value_is_charged_once_it_is_approved_and_not_before() {
        let action = MakePayment.by(no_provider());
        for known in [None, Some(payment(Status::WaitingForApproval))] {
            let refusal = decided(&action, of_high_value(), known.as_ref(), None).unwrap_err();
            assert!(matches!(refusal, ActionError::Conflict(_)), "{refusal}");
        }
        let approved = Payment { charged_by: None, ..payment(Status::Approved) };
        let claim = vec![update(&approved, &payment(Status::Charging))];
        let prepared = Response::Prepared(intent());
        let step = on(of_high_value(), Some(&approved), Some(&prepared));
        assert_eq!(step, Step::Call { request: to_charge(), claim });
    }

    #[test]
    fn a_charge_that_was_made_is_published() {
        let charging = payment(Status::Charging);
        let response = Response::Charge(charged());
        let (events, changes) =
            done(on(DeliveryEstimated::sample(), Some(&charging), Some(&response)));
        assert_eq!(events, [MakePaymentOutput::PaymentMade(PaymentMade::sample())]);
        let made = known_charged(&payment(Status::Charged));
        assert_eq!(changes, [update(&charging, &made)]);
    }

    #[test]
    fn an_amount_that_the_bank_holds_is_published_as_held_and_is_not_charged() {
        let charging = payment(Status::Charging);
        let response = Response::Charge(authorized());
        let (events, changes) =
            done(on(DeliveryEstimated::sample(), Some(&charging), Some(&response)));
        assert_eq!(events, [MakePaymentOutput::PaymentAuthorized(PaymentAuthorized::sample())]);
        let charge_id = Some(PaymentAuthorized::sample().charge_id);
        let held = Payment { charge_id, ..payment(Status::Authorized) };
        assert_eq!(changes, [update(&charging, &held)]);
        let again = on(DeliveryEstimated::sample(), Some(&held), Some(&response));
        assert_eq!(done(again), (vec![], vec![]));
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
        assert_eq!(changes, [update(&charging, &failed)]);
    }

    #[test]
    fn a_charge_that_the_customer_has_to_confirm_waits_for_that_without_an_event() {
        let (charging, confirm_at) = (payment(Status::Charging), Some(samples::confirmation_url()));
        let answer = ChargeAnswer::ConfirmationRequired { confirm_at: confirm_at.clone() };
        let response = Response::Charge(answer);
        let step = on(DeliveryEstimated::sample(), Some(&charging), Some(&response));
        let (events, changes) = done(step);
        let waiting = Payment { confirm_at, ..payment(Status::WaitingForCustomer) };
        assert_eq!((events, changes), (vec![], vec![update(&charging, &waiting)]));
        let again = on(DeliveryEstimated::sample(), Some(&waiting), None);
        assert_eq!(done(again), (vec![], vec![]), "it is not charged again");
    }

    #[test]
    fn a_crash_after_the_claim_leads_to_the_same_call_without_another_claim() {
        let step = on(DeliveryEstimated::sample(), Some(&payment(Status::Charging)), None);
        assert_eq!(step, Step::Call { request: to_charge(), claim: Vec::new() });
    }

    #[test]
    fn the_intent_of_the_record_is_charged_and_not_one_that_was_prepared_since() {
        let charging = payment(Status::Charging);
        let prepared = Response::Prepared(IntentId("pi-2".to_owned()));
        let step = on(DeliveryEstimated::sample(), Some(&charging), Some(&prepared));
        assert_eq!(step, Step::Call { request: to_charge(), claim: Vec::new() });
    }

    #[test]
    fn a_request_that_the_provider_refuses_as_such_goes_to_the_dead_letters() {
        let action = MakePayment.by(no_provider());
        let (charging, refused) =
            (payment(Status::Charging), Response::Refused("no such key".to_owned()));
        let input = DeliveryEstimated::sample();
        let refusal = decided(&action, input, Some(&charging), Some(&refused)).unwrap_err();
        assert!(matches!(refusal, ActionError::Conflict(_)), "{refusal}");
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
        let prepared = Response::Prepared(intent());
        for response in [None, Some(&prepared)] {
            let step = on(DeliveryEstimated::sample(), Some(&tombstone), response);
            let (events, changes) = done(step);
            assert!(events.is_empty() && changes.is_empty());
        }
    }

    #[test]
    fn a_charge_that_a_cancellation_overtook_is_left_to_it() {
        let response = Response::Charge(charged());
        for status in [Status::Refunding, Status::Canceled, Status::Refunded] {
            for response in [Some(&response), None] {
                let known = payment(status);
                let (events, changes) =
                    done(on(DeliveryEstimated::sample(), Some(&known), response));
                assert!(events.is_empty() && changes.is_empty(), "{status:?}");
            }
        }
    }
}
