//! How the actions turn what follows from a fact into a step: a call to the provider with its
//! claim, or a decision.

use chorus_events::OrderId;
use chorus_kernel::{ActionError, Decision, Found, OutcomeUnknown, Step, save};

use crate::transitions::{Fact, Next};
use crate::{
    Charge, ChargeAnswer, Payment, PaymentProvider, Refund, RefundAnswer, charge, charge_key,
    refund_key,
};

/// What the provider is called for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    Charge(Charge),
    Refund {
        refund: Refund,
        /// How often an operator had it tried again.
        retries: u32,
    },
}

impl Request {
    /// All that was charged for the order of `payment`, back.
    pub(crate) fn refund(payment: &Payment) -> Self {
        let retries = payment.refund_retries;
        Self::Refund { refund: charge::refund(&payment.order_id), retries }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Response {
    Charge(ChargeAnswer),
    Refund(RefundAnswer),
}

/// Calls the provider, with the keys that derive from the order.
pub(crate) async fn call(
    provider: &dyn PaymentProvider,
    request: &Request,
) -> Result<Response, OutcomeUnknown> {
    match request {
        Request::Charge(charge) => {
            provider.charge(charge, &charge_key(&charge.order_id)).await.map(Response::Charge)
        }
        Request::Refund { refund, retries } => {
            let key = refund_key(&refund.order_id, *retries);
            provider.refund(refund, &key).await.map(Response::Refund)
        }
    }
}

/// A payment as it was read, if there is one, and the message that is being answered.
#[derive(Debug)]
pub(crate) struct Case<'a> {
    read: &'a Found<Payment>,
    /// What was read, or a payment of which nothing is known.
    payment: Payment,
    /// The idempotency key of the message.
    message: &'a str,
}

impl<'a> Case<'a> {
    pub(crate) fn new(order_id: &OrderId, read: &'a Found<Payment>, message: &'a str) -> Self {
        Self { read, payment: Payment::known(order_id, read.as_ref()), message }
    }

    /// Whether the message is the one that holds the fence.
    pub(crate) fn holds_the_fence(&self) -> bool {
        self.payment.charged_by.as_deref() == Some(self.message)
    }

    /// The step that follows from `fact`; `say` finds the event for what the payment became.
    pub(crate) fn step<O>(
        &self,
        fact: &Fact<'_>,
        say: impl FnOnce(&Payment) -> Option<O>,
    ) -> Result<Step<Request, O>, ActionError> {
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
                let charged_by = Some(self.message.to_owned());
                let payment = Payment { charged_by, ..becomes(status) };
                let charge = charge::charge(&payment).ok_or_else(|| incomplete(&payment))?;
                Ok(self.call(Request::Charge(charge), &payment))
            }
            Next::Refund(status) => {
                let payment = becomes(status);
                Ok(self.call(Request::refund(&payment), &payment))
            }
            Next::Later(why) => Err(ActionError::Later(why.to_owned())),
            Next::Wrong(why) => Err(ActionError::Conflict(why.to_owned())),
        }
    }

    /// Calls, once the record says so; where it does already, there is nothing to claim.
    fn call<O>(&self, request: Request, claimed: &Payment) -> Step<Request, O> {
        let known = self.read.as_ref().is_some_and(|read| read.value == *claimed);
        let claim = if known { Vec::new() } else { vec![save(self.read.as_ref(), claimed)] };
        Step::Call { request, claim }
    }
}

fn incomplete(payment: &Payment) -> ActionError {
    let status = payment.status;
    ActionError::Conflict(format!(
        "the payment record of order {} is incomplete for the status {status:?}",
        payment.order_id
    ))
}
