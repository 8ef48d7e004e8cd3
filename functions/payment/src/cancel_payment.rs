//! Refunds the charge of a canceled order or, if nothing was charged, cancels the payment intent at
//! the provider, so that nothing can be charged later.
//!
//! If a charge was begun, and the provider did not decline it, exactly one event reports the refund
//! (even of 0) or the provider's refusal to refund. In all other cases, no event is published. A
//! pending review is canceled.

use chorus_events::payment::{ErrorPaymentCanceled, PaymentCanceled};
use chorus_events::table::rows::{self, CancelPaymentInput, CancelPaymentOutput};
use chorus_kernel::{ActionError, CallContext, Found, Step, state};

use crate::provider_action::ProviderAction;
use crate::provider_call::{Case, Request, Response};
use crate::transitions::Fact;
use crate::{Payment, ReviewCallback, ReviewVerdict, Status};

pub(crate) struct CancelPayment;

state! {
    pub(crate) struct Known read by KnownKeys {
        payment: Found<Payment>,
        waiting: Found<ReviewCallback>,
    }
}

impl ProviderAction for CancelPayment {
    type Row = rows::CancelPayment;
    type State = Known;

    fn keys(&self, CancelPaymentInput::OrderCanceled(order): &CancelPaymentInput) -> KnownKeys {
        let waiting = ReviewCallback::handle(&order.order_id);
        KnownKeys { payment: order.order_id.clone(), waiting }
    }

    fn decide(
        &self,
        CancelPaymentInput::OrderCanceled(order): &CancelPaymentInput,
        Known { payment, waiting }: &Known,
        context: &CallContext<'_, Response>,
    ) -> Result<Step<Request, CancelPaymentOutput>, ActionError> {
        let case = Case::new(&order.order_id, payment, context)?;
        let fact = match context.response {
            Some(Response::Refund(answer)) => Fact::Refund(answer),
            _ => Fact::Cancellation,
        };
        Ok(match (case.step(&fact, result_event)?, waiting) {
            (Step::Done(decision), Some(waiting)) if waiting.is_open() => {
                let (change, signal) =
                    ReviewCallback::resolve(waiting, ReviewVerdict::Canceled.answer());
                Step::Done(decision.with(change).signal(signal))
            }
            (step, _) => step,
        })
    }
}

/// Returns the event about the result of a cancellation: the charge was refunded, nothing was
/// charged, or the provider refused the refund. Returns `None` if the payment has none of these
/// statuses.
pub(crate) fn result_event<O>(payment: &Payment) -> Option<O>
where
    O: From<PaymentCanceled> + From<ErrorPaymentCanceled>,
{
    let order_id = payment.order_id.clone();
    match payment.status {
        Status::Refunded | Status::Canceled => {
            Some(PaymentCanceled { order_id, refunded: payment.refunded }.into())
        }
        Status::RefundRefused => {
            let reason = payment.reason.clone()?;
            Some(ErrorPaymentCanceled { order_id, reason }.into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RefundAnswer;
    use crate::testing::{
        decided, done, intent, no_provider, payment, stored, to_refund, update, wait, waits,
    };
    use chorus_events::order::OrderCanceled;
    use chorus_events::{Money, samples};
    use chorus_kernel::testing::{message, step};
    use chorus_kernel::{Signal, Write, create};
    use chorus_table::Event;

    fn on(
        known: Option<&Payment>,
        response: Option<RefundAnswer>,
    ) -> Result<Step<Request, CancelPaymentOutput>, ActionError> {
        let response = response.map(Response::Refund);
        let action = CancelPayment.by(no_provider());
        decided(&action, OrderCanceled::sample(), known, response.as_ref())
    }

    fn settled(
        known: &Payment,
        response: Option<RefundAnswer>,
    ) -> (Vec<CancelPaymentOutput>, Vec<Write>) {
        done(on(Some(known), response).unwrap())
    }

    /// The sample payment in this status, with its whole amount charged.
    fn paid(status: Status) -> Payment {
        Payment { charged: samples::total(), ..payment(status) }
    }

    #[test]
    fn a_cancellation_that_comes_before_any_charge_leaves_a_silent_tombstone() {
        let (events, changes) = done(on(None, None).unwrap());
        let status = Status::Canceled;
        let tombstone = Payment { status, ..Payment::new(samples::order_id()) };
        assert_eq!((events, changes), (Vec::new(), vec![create(&tombstone)]));
        for known in [payment(Status::WaitingForApproval), payment(Status::Approved)] {
            let (events, changes) = settled(&known, None);
            let canceled = update(&known, &Payment { status: Status::Canceled, ..known.clone() });
            assert_eq!((events, changes), (Vec::new(), vec![canceled]), "{known:?}");
        }
    }

    #[test]
    fn a_review_that_is_waited_for_is_waited_for_no_more() {
        let (known, open) = (payment(Status::WaitingForApproval), wait("a-token", None));
        let output = ReviewVerdict::Canceled.answer();
        let answered = wait("a-token", Some(&output));
        let on = |wait: &ReviewCallback| {
            let (action, stored) =
                (CancelPayment.by(no_provider()), stored(Some(&known), Some(wait)));
            let step = step(&action, OrderCanceled::sample(), &message(), &stored, None);
            let Ok(Step::Done(decision)) = step else { panic!("{step:?}") };
            decision
        };
        let canceled = update(&known, &Payment { status: Status::Canceled, ..known.clone() });
        assert_eq!(on(&open).changes(), [canceled.clone(), waits(&open, &answered)]);
        assert_eq!(on(&open).signals(), [Signal::Answer { token: "a-token".into(), output }]);
        assert_eq!(on(&answered).changes(), [canceled]);
        assert_eq!(on(&answered).signals(), []);
    }

    #[test]
    fn what_was_charged_or_may_have_been_is_asked_back() {
        let request = || to_refund(&payment(Status::Charged));
        for known in [
            paid(Status::Charged),
            payment(Status::Charging),
            payment(Status::Authorized),
            payment(Status::CaptureFailed),
        ] {
            let refunding = Payment { status: Status::Refunding, ..known.clone() };
            let claim = vec![update(&known, &refunding)];
            assert_eq!(on(Some(&known), None).unwrap(), Step::Call { request: request(), claim });
            let again = Step::Call { request: request(), claim: Vec::new() };
            assert_eq!(on(Some(&refunding), None).unwrap(), again);
        }
    }

    #[test]
    fn an_intent_of_which_the_record_has_no_id_is_found_by_preparing_it_again() {
        let earlier = Payment { intent: None, ..paid(Status::Charged) };
        let Step::Call { request: Request::Prepare(_), claim } = on(Some(&earlier), None).unwrap()
        else {
            panic!("nothing is prepared")
        };
        assert_eq!(claim, []);
        let (action, response) = (CancelPayment.by(no_provider()), Response::Prepared(intent()));
        let step = decided(&action, OrderCanceled::sample(), Some(&earlier), Some(&response));
        let refunding = paid(Status::Refunding);
        let claim = vec![update(&earlier, &refunding)];
        assert_eq!(step.unwrap(), Step::Call { request: to_refund(&refunding), claim });
    }

    #[test]
    fn a_request_that_the_provider_refuses_as_such_goes_to_the_dead_letters() {
        let action = CancelPayment.by(no_provider());
        let (known, refused) = (payment(Status::Refunding), Response::Refused("401".to_owned()));
        let refusal = decided(&action, OrderCanceled::sample(), Some(&known), Some(&refused));
        assert!(matches!(refusal, Err(ActionError::Conflict(_))), "{refusal:?}");
    }

    #[test]
    fn an_intent_that_has_no_result_yet_is_asked_for_again_later() {
        let (known, later) =
            (payment(Status::Refunding), Response::NotYet("processing".to_owned()));
        let action = CancelPayment.by(no_provider());
        let refusal = decided(&action, OrderCanceled::sample(), Some(&known), Some(&later));
        assert!(matches!(refusal, Err(ActionError::Later(_))), "{refusal:?}");
    }

    #[test]
    fn a_refund_is_published_with_its_sum() {
        let (refunding, amount) = (paid(Status::Refunding), samples::total());
        let (events, changes) = settled(&refunding, Some(RefundAnswer::Refunded { amount }));
        assert_eq!(events, [CancelPaymentOutput::PaymentCanceled(PaymentCanceled::sample())]);
        let refunded = Payment { refunded: amount, ..paid(Status::Refunded) };
        assert_eq!(changes, [update(&refunding, &refunded)]);
    }

    #[test]
    fn a_charge_that_never_arrived_is_settled_with_nothing() {
        let refunding = payment(Status::Refunding);
        let (events, changes) = settled(&refunding, Some(RefundAnswer::NothingCharged));
        let canceled = PaymentCanceled { refunded: Money::ZERO, ..PaymentCanceled::sample() };
        assert_eq!(events, [CancelPaymentOutput::PaymentCanceled(canceled)]);
        assert_eq!(changes, [update(&refunding, &payment(Status::Canceled))]);
    }

    #[test]
    fn a_refused_refund_is_an_event_that_an_operator_sees() {
        let refunding = payment(Status::Refunding);
        let ErrorPaymentCanceled { reason, .. } = Event::sample();
        let refusal = RefundAnswer::Refused { reason: reason.clone() };
        let (events, changes) = settled(&refunding, Some(refusal));
        let expected = ErrorPaymentCanceled::sample();
        assert_eq!(events, [CancelPaymentOutput::ErrorPaymentCanceled(expected)]);
        let refused = Payment { reason: Some(reason), ..paid(Status::RefundRefused) };
        assert_eq!(changes, [update(&refunding, &refused)]);
    }

    #[test]
    fn a_charge_that_the_provider_cannot_find_is_asked_for_again_later() {
        let refunding = paid(Status::Refunding);
        let refusal = on(Some(&refunding), Some(RefundAnswer::NothingCharged)).unwrap_err();
        assert!(matches!(refusal, ActionError::Later(_)), "{refusal}");
    }

    #[test]
    fn nothing_is_given_back_twice_and_nothing_where_the_charge_failed() {
        for status in [Status::Failed, Status::Canceled, Status::Refunded, Status::RefundRefused] {
            let (events, changes) = settled(&payment(status), None);
            assert!(events.is_empty() && changes.is_empty(), "{status:?}");
        }
    }
}
