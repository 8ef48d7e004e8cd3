//! Turns a payment's transition, which follows from a [`Fact`], into the action's next step: a
//! decision, or a call to the provider. A call comes with a claim: the writes to commit before the
//! call.

use chorus_events::OrderId;
use chorus_kernel::{ActionError, CallContext, Decision, Found, OutcomeUnknown, Step, save};

use crate::transitions::{Fact, Next};
use crate::{
    CaptureAnswer, Charge, ChargeAnswer, IntentId, Payment, PaymentProvider, ProviderError, Refund,
    RefundAnswer, Status, charge,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    Prepare(Charge),
    Confirm(IntentId, Charge),
    Capture(IntentId),
    Refund(Refund),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Response {
    Prepared(IntentId),
    Charge(ChargeAnswer),
    Capture(CaptureAnswer),
    Refund(RefundAnswer),
    /// See [`ProviderError::Refused`].
    Refused(String),
    /// See [`ProviderError::NotYet`].
    NotYet(String),
}

pub(crate) async fn call(
    provider: &dyn PaymentProvider,
    request: &Request,
) -> Result<Response, OutcomeUnknown> {
    let answered = match request {
        Request::Prepare(charge) => provider.prepare(charge).await.map(Response::Prepared),
        Request::Confirm(intent, charge) => {
            provider.confirm(intent, charge).await.map(Response::Charge)
        }
        Request::Capture(intent) => provider.capture(intent).await.map(Response::Capture),
        Request::Refund(refund) => provider.refund(refund).await.map(Response::Refund),
    };
    answered.or_else(|error| match error {
        ProviderError::Refused(_) => Ok(Response::Refused(error.to_string())),
        // The provider has answered, so the provider's circuit breaker must not count this as an
        // outage.
        ProviderError::NotYet(_) => Ok(Response::NotYet(error.to_string())),
        ProviderError::Unknown(_) | ProviderError::Later(_) => {
            Err(OutcomeUnknown(error.to_string()))
        }
    })
}

/// The stored payment, if there is one, and the message that the action handles.
#[derive(Debug)]
pub(crate) struct Case<'a> {
    read: &'a Found<Payment>,
    /// The stored payment, or [`Payment::new`] if there is none.
    payment: Payment,
    /// The payment intent that was prepared for this message and is not stored yet.
    prepared: Option<&'a IntentId>,
    /// The idempotency key of the message.
    message: &'a str,
}

impl<'a> Case<'a> {
    /// # Errors
    /// [`ActionError::Conflict`] if the provider refused the request itself: an operator has to
    /// correct the cause, such as an invalid key. [`ActionError::Later`] if the provider has no
    /// result yet: the message is retried.
    pub(crate) fn new(
        order_id: &OrderId,
        read: &'a Found<Payment>,
        context: &'a CallContext<'_, Response>,
    ) -> Result<Self, ActionError> {
        let prepared = match context.response {
            Some(Response::Refused(why)) => return Err(ActionError::Conflict(why.clone())),
            Some(Response::NotYet(why)) => return Err(ActionError::Later(why.clone())),
            Some(Response::Prepared(intent)) => Some(intent),
            _ => None,
        };
        let payment = Payment::known(order_id, read.as_ref());
        let message = &context.message.metadata().idempotency_key;
        Ok(Self { read, payment, prepared, message })
    }

    /// Whether this message may continue the charge; see [`Payment::charged_by`]. In a region that
    /// took over, the stored payment does not name the message that charged, so any message may ask
    /// for the result.
    pub(crate) fn may_repeat_the_charge(&self) -> bool {
        match &self.payment.charged_by {
            Some(message) => message == self.message,
            None => self.payment.status == Status::Charging,
        }
    }

    /// Returns the step that follows from `fact`; `event_for` returns the event for the payment's
    /// new status.
    pub(crate) fn step<O>(
        &self,
        fact: &Fact<'_>,
        event_for: impl FnOnce(&Payment) -> Option<O>,
    ) -> Result<Step<Request, O>, ActionError> {
        let known = self.payment.learn(fact);
        let with_status = |status| Payment { status, ..known.clone() };
        match self.payment.next(fact) {
            Next::Nothing(why) => Ok(Step::Done(Decision::nothing(why))),
            Next::Become(status, why) => {
                let change = save(self.read.as_ref(), &with_status(status));
                Ok(Step::Done(Decision::nothing(why).with(change)))
            }
            Next::Publish(status) => {
                let payment = with_status(status);
                let event = event_for(&payment).ok_or_else(|| incomplete(&payment))?;
                let change = save(self.read.as_ref(), &payment);
                Ok(Step::Done(Decision::emit(event).with(change)))
            }
            Next::Charge(status) => {
                let charged_by = Some(self.message.to_owned());
                self.call(Payment { charged_by, ..with_status(status) }, Request::Confirm)
            }
            Next::Capture(status) => {
                self.call(with_status(status), |intent, _| Request::Capture(intent))
            }
            Next::Refund(status) => {
                let payment = with_status(status);
                let refunds = charge::refund;
                self.call(payment.clone(), |intent, _| Request::Refund(refunds(&payment, &intent)))
            }
            Next::Later(why) => Err(ActionError::Later(why.to_owned())),
            Next::Wrong(why) => Err(ActionError::Conflict(why.to_owned())),
        }
    }

    /// Returns the step that calls the provider about the payment's intent. The step's claim (the
    /// writes to commit before the call) stores the payment with the intent's id; the claim is
    /// empty if that payment is stored already. The call that prepares an intent needs no claim,
    /// because an intent without a stored id never charges.
    fn call<O>(
        &self,
        claimed: Payment,
        request: impl FnOnce(IntentId, Charge) -> Request,
    ) -> Result<Step<Request, O>, ActionError> {
        let charge = charge::charge(&claimed).ok_or_else(|| incomplete(&claimed))?;
        let Some(intent) = claimed.intent.as_ref().or(self.prepared).cloned() else {
            return Ok(Step::Call { request: Request::Prepare(charge), claim: Vec::new() });
        };
        let claimed = Payment { intent: Some(intent.clone()), ..claimed };
        let known = self.read.as_ref().is_some_and(|read| read.value == claimed);
        let claim = if known { Vec::new() } else { vec![save(self.read.as_ref(), &claimed)] };
        Ok(Step::Call { request: request(intent, charge), claim })
    }
}

fn incomplete(payment: &Payment) -> ActionError {
    let status = payment.status;
    ActionError::Conflict(format!(
        "the payment record of order {} is incomplete for the status {status:?}",
        payment.order_id
    ))
}
