//! Charges the order, or makes the bank hold the amount. If the order's terms require a review, or
//! the customer's bank asks for a confirmation, starts the state machine that waits for the review
//! or the confirmation.
//!
//! This action never charges an order of high value; `MakePayment` does. If the provider cannot be
//! reached, the queue in front of this action retries for a day; then `RefusePayment` handles the
//! `DeliveryEstimated` event.

use chorus_events::OrderId;
use chorus_events::table::rows::{self, CollectPaymentInput, CollectPaymentOutput};
use chorus_kernel::{ActionError, CallContext, Decision, Found, Signal, Step};

use crate::make_payment::charging;
use crate::provider_action::ProviderAction;
use crate::provider_call::{Request, Response};
use crate::{COLLECT_PAYMENT, ChargeAnswer, Payment, Status, needs_approval};

pub(crate) struct CollectPayment;

impl ProviderAction for CollectPayment {
    type Row = rows::CollectPayment;
    type State = Found<Payment>;

    fn keys(&self, CollectPaymentInput::DeliveryEstimated(order): &CollectPaymentInput) -> OrderId {
        order.order_id.clone()
    }

    fn decide(
        &self,
        CollectPaymentInput::DeliveryEstimated(order): &CollectPaymentInput,
        payment: &Found<Payment>,
        context: &CallContext<'_, Response>,
    ) -> Result<Step<Request, CollectPaymentOutput>, ActionError> {
        if !needs_approval(order) {
            let step = charging(order, payment, context)?;
            let before = payment.as_ref().map(|read| read.value.status);
            return Ok(match (step, before, context.response) {
                (
                    Step::Done(decision),
                    Some(Status::Charging),
                    Some(Response::Charge(ChargeAnswer::ConfirmationRequired { .. })),
                ) => Step::Done(decision.signal(waits_for_customer(context)?)),
                (step, ..) => step,
            });
        }
        Ok(Step::Done(match payment {
            None => {
                Decision::nothing("the order is of high value: CollectPayment waits for a review")
                    .signal(COLLECT_PAYMENT.start(&context.message)?)
            }
            Some(_) => Decision::nothing("the review was requested, or the order canceled, before"),
        }))
    }
}

/// Returns the signal that starts the state machine for an order that needs no review: the machine
/// waits only for the customer.
fn waits_for_customer(context: &CallContext<'_, Response>) -> Result<Signal, ActionError> {
    Ok(COLLECT_PAYMENT.start_with(&context.message, [("waits-for-customer", true.into())])?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        charged, decided, done, intent, no_provider, payment, stored, to_charge, update,
    };
    use chorus_events::delivery::DeliveryEstimated;
    use chorus_events::payment::PaymentMade;
    use chorus_events::{Money, Settings, samples};
    use chorus_kernel::create;
    use chorus_kernel::testing::{message, step};
    use chorus_table::Event;

    const HIGH_VALUE: Money = Settings::DEFAULT.review_above;

    fn of(total: Money) -> DeliveryEstimated {
        let terms = samples::terms(total);
        DeliveryEstimated { total, terms, ..DeliveryEstimated::sample() }
    }

    fn on(
        input: DeliveryEstimated,
        known: Option<&Payment>,
        response: Option<&Response>,
    ) -> Step<Request, CollectPaymentOutput> {
        decided(&CollectPayment.by(no_provider()), input, known, response).unwrap()
    }

    #[test]
    fn an_order_that_needs_no_person_is_charged_at_once() {
        let prepared = Response::Prepared(intent());
        let claim = vec![create(&payment(Status::Charging))];
        let step = on(DeliveryEstimated::sample(), None, Some(&prepared));
        assert_eq!(step, Step::Call { request: to_charge(), claim });
        let response = Response::Charge(charged());
        let charging = payment(Status::Charging);
        let (events, _) = done(on(DeliveryEstimated::sample(), Some(&charging), Some(&response)));
        assert_eq!(events, [CollectPaymentOutput::PaymentMade(PaymentMade::sample())]);
    }

    #[test]
    fn an_order_of_high_value_starts_the_machine_and_a_cent_less_is_charged() {
        let action = CollectPayment.by(no_provider());
        let step = step(&action, of(HIGH_VALUE), &message(), &stored(None, None), None).unwrap();
        let Step::Done(decision) = step else { panic!("{step:?}") };
        assert!(decision.events().is_empty() && decision.changes().is_empty());
        let [Signal::Start { machine, .. }] = decision.signals() else { panic!("{decision:?}") };
        assert_eq!(machine, "CollectPayment");
        let less = of(HIGH_VALUE.minus(Money::from_minor(1)).unwrap());
        assert!(matches!(on(less, None, None), Step::Call { .. }));
    }

    #[test]
    fn an_order_that_the_customer_has_to_confirm_starts_the_machine_once() {
        let answer = ChargeAnswer::ConfirmationRequired { confirm_at: None };
        let response = Response::Charge(answer);
        let charging = payment(Status::Charging);
        let step = on(DeliveryEstimated::sample(), Some(&charging), Some(&response));
        let Step::Done(decision) = step else { panic!("{step:?}") };
        assert!(decision.events().is_empty());
        let waiting = payment(Status::WaitingForCustomer);
        assert_eq!(decision.changes(), [update(&charging, &waiting)]);
        let [Signal::Start { machine, input, .. }] = decision.signals() else {
            panic!("{decision:?}")
        };
        assert_eq!(
            (machine.as_str(), &input["waits-for-customer"]),
            ("CollectPayment", &true.into())
        );
        let again = on(DeliveryEstimated::sample(), Some(&waiting), None);
        let Step::Done(again) = again else { panic!("{again:?}") };
        assert!(again.signals().is_empty() && again.changes().is_empty());
    }

    #[test]
    fn a_review_is_not_begun_twice_and_not_for_a_canceled_order() {
        let statuses = [Status::WaitingForApproval, Status::Approved, Status::Canceled];
        for known in statuses.map(payment) {
            let step = on(of(HIGH_VALUE), Some(&known), None);
            let Step::Done(decision) = step else { panic!("{step:?}") };
            assert!(decision.signals().is_empty() && decision.changes().is_empty());
        }
    }
}
