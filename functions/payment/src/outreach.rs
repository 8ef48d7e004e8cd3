//! How both actions turn what follows from a fact into a step: a question to the provider with
//! its claim, or a decision.

use chorus_events::OrderId;
use chorus_kernel::{Decision, Refusal, Step, Unanswered, Versioned, save};

use crate::transitions::{Fact, Next};
use crate::{
    Charge, ChargeAnswer, Payment, PaymentProvider, Refund, RefundAnswer, charge, charge_key,
    refund_key,
};

/// What the provider is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Question {
    /// To charge.
    Charge(Charge),
    /// To refund.
    Refund(Refund),
}

/// What it answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// To a charge.
    Charge(ChargeAnswer),
    /// To a refund.
    Refund(RefundAnswer),
}

/// Asks the provider, with the keys that derive from the order.
pub(crate) async fn ask(
    provider: &dyn PaymentProvider,
    question: &Question,
) -> Result<Answer, Unanswered> {
    match question {
        Question::Charge(charge) => {
            provider.charge(charge, &charge_key(&charge.order_id)).await.map(Answer::Charge)
        }
        Question::Refund(refund) => {
            provider.refund(refund, &refund_key(&refund.order_id)).await.map(Answer::Refund)
        }
    }
}

/// A payment as it was read, if there is one, and the message that is being answered.
#[derive(Debug)]
pub(crate) struct Case {
    read: Option<Versioned<Payment>>,
    /// What was read, or a payment of which nothing is known.
    pub(crate) payment: Payment,
    /// The idempotency key of the message.
    pub(crate) message: String,
}

impl Case {
    pub(crate) fn new(order_id: &OrderId, read: Option<Versioned<Payment>>, message: &str) -> Self {
        let payment = Payment::known(order_id, read.as_ref());
        Self { read, payment, message: message.to_owned() }
    }

    /// Whether the message is the one that holds the fence.
    pub(crate) fn holds_the_fence(&self) -> bool {
        self.payment.charged_by.as_ref() == Some(&self.message)
    }

    /// The step that follows from `fact`; `say` finds the event for what the payment became.
    pub(crate) fn step<O>(
        &self,
        fact: &Fact<'_>,
        say: impl FnOnce(&Payment) -> Option<O>,
    ) -> Result<Step<Question, O>, Refusal> {
        let known = self.payment.learn(fact);
        let becomes = |status| Payment { status, ..known.clone() };
        match self.payment.next(fact) {
            Next::Nothing(why) => Ok(Step::Done(Decision::nothing(why))),
            Next::Become(status, why) => {
                let change = save(self.read.as_ref(), &becomes(status));
                Ok(Step::Done(Decision::nothing(why).with(change)))
            }
            Next::Say(status) => {
                let payment = becomes(status);
                let event = say(&payment).ok_or_else(|| incomplete(&payment))?;
                let change = save(self.read.as_ref(), &payment);
                Ok(Step::Done(Decision::emit(event).with(change)))
            }
            Next::Charge(status) => {
                let charged_by = Some(self.message.clone());
                let payment = Payment { charged_by, ..becomes(status) };
                let charge = charge::charge(&payment).ok_or_else(|| incomplete(&payment))?;
                Ok(self.ask(Question::Charge(charge), &payment))
            }
            Next::Refund(status) => {
                let payment = becomes(status);
                Ok(self.ask(Question::Refund(charge::refund(&payment.order_id)), &payment))
            }
            Next::Later(why) => Err(Refusal::Later(why.to_owned())),
            Next::Wrong(why) => Err(Refusal::Conflict(why.to_owned())),
        }
    }

    /// Asks, once the record says so; where it does already, there is nothing to claim.
    fn ask<O>(&self, question: Question, claimed: &Payment) -> Step<Question, O> {
        let known = self.read.as_ref().is_some_and(|read| read.value == *claimed);
        let claim = if known { Vec::new() } else { vec![save(self.read.as_ref(), claimed)] };
        Step::Ask { question, claim }
    }
}

fn incomplete(payment: &Payment) -> Refusal {
    let status = payment.status;
    Refusal::Conflict(format!("the payment of {} lacks what {status:?} needs", payment.order_id))
}
