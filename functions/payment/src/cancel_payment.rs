//! Refunds what was charged for a canceled order, and sees to it that nothing will be.
//!
//! Where a charge was ever begun, exactly one event says how it ended: what went back, if only 0.
//! Where none was, there is nothing to say; a review that is waited for is waited for no more.

use std::sync::Arc;

use async_trait::async_trait;
use chorus_events::payment::{ErrorPaymentCanceled, PaymentCanceled};
use chorus_events::table::rows::{self, CancelPaymentInput, CancelPaymentOutput};
use chorus_kernel::{Given, Loaded, Outreach, Read, Refusal, Step, Unanswered};

use crate::outreach::{self, Answer, Case, Question};
use crate::transitions::Fact;
use crate::{Payment, PaymentProvider, ReviewVerdict, ReviewWait, Status};

/// The row, in code.
pub(crate) struct CancelPayment {
    provider: Arc<dyn PaymentProvider>,
}

impl CancelPayment {
    /// Refunds by this provider.
    pub(crate) fn by(provider: Arc<dyn PaymentProvider>) -> Self {
        Self { provider }
    }
}

#[async_trait]
impl Outreach for CancelPayment {
    type Row = rows::CancelPayment;
    type Question = Question;
    type Answer = Answer;

    fn reads(&self, CancelPaymentInput::OrderCanceled(order): &CancelPaymentInput) -> Vec<Read> {
        vec![
            Read::entity::<Payment>(&order.order_id),
            Read::entity::<ReviewWait>(ReviewWait::handle(&order.order_id)),
        ]
    }

    fn decide(
        &self,
        given: &Given<'_, CancelPaymentInput>,
        loaded: &Loaded,
        answer: Option<&Answer>,
    ) -> Result<Step<Question, CancelPaymentOutput>, Refusal> {
        let CancelPaymentInput::OrderCanceled(order) = given.input;
        let read = loaded.entity::<Payment>(&order.order_id)?;
        let case = Case::new(&order.order_id, read, &given.metadata().idempotency_key);
        let fact = match answer {
            Some(Answer::Refund(answer)) => Fact::Refund(answer),
            Some(Answer::Charge(_)) | None => Fact::Cancellation,
        };
        let review = loaded.entity::<ReviewWait>(ReviewWait::handle(&order.order_id))?;
        Ok(match (case.step(&fact, said)?, review) {
            (Step::Done(decision), Some(review)) if review.is_open() => {
                let (change, signal) = ReviewWait::take(&review, ReviewVerdict::Canceled.answer());
                Step::Done(decision.with(change).signal(signal))
            }
            (step, _) => step,
        })
    }

    /// The key that derives from the message is left unused, see [`crate::charge_key`].
    async fn ask(&self, question: &Question, _: &str) -> Result<Answer, Unanswered> {
        outreach::ask(&*self.provider, question).await
    }
}

fn said(payment: &Payment) -> Option<CancelPaymentOutput> {
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
    use crate::testing::{decided, kept, no_provider, payment};
    use chorus_events::Money;
    use chorus_events::order::OrderCanceled;
    use chorus_table::Event;

    fn on(
        known: Option<&Payment>,
        answer: Option<RefundAnswer>,
    ) -> Result<Step<Question, CancelPaymentOutput>, Refusal> {
        let input = OrderCanceled::sample().into();
        let answer = answer.map(Answer::Refund);
        decided(&CancelPayment::by(no_provider()), &input, known, answer.as_ref())
    }

    fn paid() -> Payment {
        let charged = payment(Status::Charged);
        Payment { charged: charged.amount.unwrap(), ..charged }
    }

    #[test]
    fn a_cancellation_that_comes_before_any_charge_leaves_a_silent_tombstone() {
        for status in [None, Some(Status::WaitingForApproval), Some(Status::Approved)] {
            let known = status.map(payment);
            let (events, kept) = kept(&on(known.as_ref(), None).unwrap());
            assert!(events.is_empty());
            assert_eq!(kept.map(|kept| kept.status), Some(Status::Canceled), "{status:?}");
        }
    }

    #[test]
    fn what_was_charged_or_may_have_been_is_asked_back() {
        for known in [paid(), payment(Status::Charging), payment(Status::Refunding)] {
            let step = on(Some(&known), None).unwrap();
            assert!(matches!(step, Step::Ask { question: Question::Refund(_), .. }), "{step:?}");
        }
    }

    #[test]
    fn a_refund_is_said_with_its_sum() {
        let refunding = Payment { status: Status::Refunding, ..paid() };
        let amount = refunding.charged;
        let step = on(Some(&refunding), Some(RefundAnswer::Refunded { amount })).unwrap();
        let (events, kept) = kept(&step);
        assert_eq!(events, [CancelPaymentOutput::PaymentCanceled(PaymentCanceled::sample())]);
        assert_eq!(kept.map(|kept| kept.status), Some(Status::Refunded));
    }

    #[test]
    fn a_charge_that_never_arrived_is_settled_with_nothing() {
        let refunding = payment(Status::Refunding);
        let step = on(Some(&refunding), Some(RefundAnswer::NothingCharged)).unwrap();
        let (events, kept) = kept(&step);
        let settled = PaymentCanceled { refunded: Money::ZERO, ..PaymentCanceled::sample() };
        assert_eq!(events, [CancelPaymentOutput::PaymentCanceled(settled)]);
        assert_eq!(kept.map(|kept| kept.status), Some(Status::Canceled));
    }

    #[test]
    fn a_refused_refund_is_an_event_that_an_operator_sees() {
        let refunding = Payment { status: Status::Refunding, ..paid() };
        let reason = ErrorPaymentCanceled::sample().reason;
        let step = on(Some(&refunding), Some(RefundAnswer::Refused { reason })).unwrap();
        let (events, kept) = kept(&step);
        let expected = ErrorPaymentCanceled::sample();
        assert_eq!(events, [CancelPaymentOutput::ErrorPaymentCanceled(expected)]);
        assert_eq!(kept.map(|kept| kept.status), Some(Status::RefundRefused));
    }

    #[test]
    fn a_charge_that_the_provider_cannot_find_is_asked_for_again_later() {
        let refunding = Payment { status: Status::Refunding, ..paid() };
        let refusal = on(Some(&refunding), Some(RefundAnswer::NothingCharged)).unwrap_err();
        assert!(matches!(refusal, Refusal::Later(_)), "{refusal}");
    }

    #[test]
    fn nothing_is_given_back_twice_and_nothing_where_the_charge_failed() {
        for status in [Status::Failed, Status::Canceled, Status::Refunded, Status::RefundRefused] {
            let (events, kept) = kept(&on(Some(&payment(status)), None).unwrap());
            assert!(events.is_empty() && kept.is_none(), "{status:?}");
        }
    }
}
