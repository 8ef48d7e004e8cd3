//! Charges the order; one of high value only once it is approved.
//!
//! Where a cancellation overtakes the charge, the charge is given back here and nothing is said:
//! the rows' own event, `PaymentCanceled`, is `CancelPayment`'s to say.

use std::sync::Arc;

use async_trait::async_trait;
use chorus_events::payment::{PaymentFailed, PaymentMade};
use chorus_events::table::rows::{self, MakePaymentInput, MakePaymentOutput};
use chorus_kernel::{Given, Loaded, Outreach, Read, Refusal, Step, Unanswered};

use crate::outreach::{self, Answer, Case, Question};
use crate::transitions::Fact;
use crate::{Payment, PaymentProvider, Status};

/// The row, in code.
pub(crate) struct MakePayment {
    provider: Arc<dyn PaymentProvider>,
}

impl MakePayment {
    /// Charges by this provider.
    pub(crate) fn by(provider: Arc<dyn PaymentProvider>) -> Self {
        Self { provider }
    }
}

#[async_trait]
impl Outreach for MakePayment {
    type Row = rows::MakePayment;
    type Question = Question;
    type Answer = Answer;

    fn reads(&self, MakePaymentInput::DeliveryEstimated(order): &MakePaymentInput) -> Vec<Read> {
        vec![Read::entity::<Payment>(&order.order_id)]
    }

    fn decide(
        &self,
        given: &Given<'_, MakePaymentInput>,
        loaded: &Loaded,
        answer: Option<&Answer>,
    ) -> Result<Step<Question, MakePaymentOutput>, Refusal> {
        let MakePaymentInput::DeliveryEstimated(order) = given.input;
        let read = loaded.entity::<Payment>(&order.order_id)?;
        let case = Case::new(&order.order_id, read, &given.metadata().idempotency_key);
        let fact = match answer {
            Some(Answer::Charge(answer)) => Fact::Charge(answer),
            Some(Answer::Refund(answer)) => Fact::LateRefund(answer),
            None if case.holds_the_fence() => Fact::Again,
            None => Fact::Estimate(&order.customer_id, order.total),
        };
        case.step(&fact, said)
    }

    /// The key that derives from the message is left unused, see [`crate::charge_key`].
    async fn ask(&self, question: &Question, _: &str) -> Result<Answer, Unanswered> {
        outreach::ask(&*self.provider, question).await
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
    use crate::testing::{charged, decided, kept, payment};
    use crate::{ChargeAnswer, RefundAnswer};
    use chorus_events::HIGH_VALUE;
    use chorus_events::delivery::DeliveryEstimated;
    use chorus_table::Event;

    fn on(
        input: impl Into<MakePaymentInput>,
        known: Option<&Payment>,
        answer: Option<&Answer>,
    ) -> Step<Question, MakePaymentOutput> {
        let action = MakePayment::by(crate::testing::no_provider());
        decided(&action, &input.into(), known, answer).unwrap()
    }

    fn of_high_value() -> DeliveryEstimated {
        DeliveryEstimated { total: HIGH_VALUE, ..DeliveryEstimated::sample() }
    }

    fn is_charge(step: &Step<Question, MakePaymentOutput>) -> bool {
        matches!(step, Step::Ask { question: Question::Charge(_), claim } if claim.len() == 1)
    }

    #[test]
    fn an_order_is_charged_once_its_delivery_is_estimated() {
        assert!(is_charge(&on(DeliveryEstimated::sample(), None, None)));
    }

    #[test]
    fn an_order_of_high_value_is_charged_once_it_is_approved_and_not_before() {
        let action = MakePayment::by(crate::testing::no_provider());
        for known in [None, Some(payment(Status::WaitingForApproval))] {
            let refusal = decided(&action, &of_high_value().into(), known.as_ref(), None);
            let refusal = refusal.unwrap_err();
            assert!(matches!(refusal, Refusal::Conflict(_)), "{refusal}");
        }
        let approved = Payment { charged_by: None, ..payment(Status::Approved) };
        assert!(is_charge(&on(of_high_value(), Some(&approved), None)));
    }

    #[test]
    fn a_charge_that_was_made_is_said_to_be() {
        let charging = payment(Status::Charging);
        let answer = Answer::Charge(charged());
        let step = on(DeliveryEstimated::sample(), Some(&charging), Some(&answer));
        let (events, kept) = kept(&step);
        assert_eq!(events, [MakePaymentOutput::PaymentMade(PaymentMade::sample())]);
        assert_eq!(kept.map(|kept| kept.status), Some(Status::Charged));
    }

    #[test]
    fn a_declined_charge_fails_the_order() {
        let charging = payment(Status::Charging);
        let answer = Answer::Charge(ChargeAnswer::Declined { reason: "card declined".into() });
        let step = on(DeliveryEstimated::sample(), Some(&charging), Some(&answer));
        let (events, kept) = kept(&step);
        assert_eq!(events, [MakePaymentOutput::PaymentFailed(PaymentFailed::sample())]);
        assert_eq!(kept.map(|kept| kept.status), Some(Status::Failed));
    }

    #[test]
    fn a_crash_after_the_claim_leads_to_the_same_question_without_another_claim() {
        let step = on(DeliveryEstimated::sample(), Some(&payment(Status::Charging)), None);
        let Step::Ask { question: Question::Charge(_), claim } = step else { panic!("{step:?}") };
        assert!(claim.is_empty());
    }

    #[test]
    fn only_the_message_that_holds_the_fence_charges() {
        let others = Payment { charged_by: Some("other".into()), ..payment(Status::Charging) };
        let (events, kept) = kept(&on(DeliveryEstimated::sample(), Some(&others), None));
        assert!(events.is_empty() && kept.is_none());
    }

    #[test]
    fn a_canceled_order_is_not_charged() {
        let tombstone = Payment {
            status: Status::Canceled,
            ..Payment::new(chorus_events::samples::order_id())
        };
        let (events, kept) = kept(&on(DeliveryEstimated::sample(), Some(&tombstone), None));
        assert!(events.is_empty() && kept.is_none());
    }

    #[test]
    fn a_charge_that_a_cancellation_overtook_is_given_back_silently() {
        let answer = Answer::Charge(charged());
        for status in [Status::Refunding, Status::Canceled, Status::Refunded] {
            let step = on(DeliveryEstimated::sample(), Some(&payment(status)), Some(&answer));
            let Step::Ask { question: Question::Refund(_), claim } = step else {
                panic!("{status:?}: {step:?}")
            };
            assert_eq!(claim.len(), 1, "the record learns of the charge: {status:?}");
        }
    }

    #[test]
    fn a_canceled_charge_that_comes_again_is_given_back_if_it_is_there_and_settled_if_not() {
        for status in [Status::Canceled, Status::Refunding] {
            let step = on(DeliveryEstimated::sample(), Some(&payment(status)), None);
            assert!(matches!(step, Step::Ask { question: Question::Refund(_), .. }), "{step:?}");
            let answer = Answer::Refund(RefundAnswer::NothingCharged);
            let step = on(DeliveryEstimated::sample(), Some(&payment(status)), Some(&answer));
            let Step::Ask { question: Question::Charge(_), claim } = step else {
                panic!("{status:?}: {step:?}")
            };
            assert!(claim.is_empty(), "the record stays as it is: {status:?}");
            let answer = Answer::Charge(ChargeAnswer::Declined { reason: "canceled".into() });
            let step = on(DeliveryEstimated::sample(), Some(&payment(status)), Some(&answer));
            let (events, kept) = kept(&step);
            assert!(events.is_empty() && kept.is_none(), "{status:?}");
        }
    }

    #[test]
    fn a_refund_that_the_cancellation_has_not_heard_of_changes_the_record() {
        let refunding = payment(Status::Refunding);
        let amount = refunding.amount.unwrap();
        let answer = Answer::Refund(RefundAnswer::Refunded { amount });
        let step = on(DeliveryEstimated::sample(), Some(&refunding), Some(&answer));
        let (events, kept) = kept(&step);
        assert!(events.is_empty());
        assert_eq!(
            kept.map(|kept| (kept.status, kept.refunded)),
            Some((Status::Refunding, amount))
        );
    }

    #[test]
    fn a_late_refund_that_is_refused_goes_to_the_dead_letters() {
        let action = MakePayment::by(crate::testing::no_provider());
        let answer = Answer::Refund(RefundAnswer::Refused { reason: "no".into() });
        let input = DeliveryEstimated::sample().into();
        let canceled = payment(Status::Canceled);
        let refusal = decided(&action, &input, Some(&canceled), Some(&answer)).unwrap_err();
        assert!(matches!(refusal, Refusal::Conflict(_)), "{refusal}");
    }
}
