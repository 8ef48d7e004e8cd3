//! Helpers for tests of decisions. A test gives an action a payment and a response, and checks what
//! the action decides.

use std::fmt::Debug;
use std::sync::Arc;

use chorus_events::{OrderId, samples};
use chorus_kernel::testing::{Stored, message, metadata, step};
use chorus_kernel::{ActionError, ExternalAction, Step, Versioned, Write, replace};
use chorus_table::{Event, Handle, Row};
use serde_json::{Value, json};

use crate::provider_call::{Request, Response};
use crate::{
    Charge, ChargeAnswer, ConfirmationCallback, IntentId, NoProvider, Payment, PaymentProvider,
    ReviewCallback, Status, charge,
};

/// The version of every item in [`stored`] and [`stored_with`].
const VERSION: u64 = 3;

/// The id of the payment intent of the sample payment.
pub(crate) fn intent() -> IntentId {
    IntentId("pi-1".to_owned())
}

/// The sample payment in this status. Only the sample message may charge it, because `charged_by`
/// is that message's key.
pub(crate) fn payment(status: Status) -> Payment {
    let unbegun = [Status::New, Status::WaitingForApproval, Status::Approved].contains(&status);
    Payment {
        status,
        payment_method: (!unbegun).then(samples::payment_method),
        intent: (!unbegun).then(intent),
        customer_id: Some(samples::customer_id()),
        amount: Some(samples::total()),
        charged_by: Some(metadata().idempotency_key),
        ..Payment::new(samples::order_id())
    }
}

/// The answer that the sample payment was charged.
pub(crate) fn charged() -> ChargeAnswer {
    let charge_id = chorus_events::payment::PaymentMade::sample().charge_id;
    ChargeAnswer::Charged { charge_id }
}

/// The answer that the bank holds the amount of the sample payment.
pub(crate) fn authorized() -> ChargeAnswer {
    let charge_id = chorus_events::payment::PaymentAuthorized::sample().charge_id;
    ChargeAnswer::Authorized { charge_id }
}

/// The request to charge the sample payment.
pub(crate) fn to_charge() -> Request {
    let (order_id, customer_id) = (samples::order_id(), samples::customer_id());
    let payment_method = Some(samples::payment_method());
    let amount = samples::total();
    Request::Confirm(intent(), Charge { order_id, customer_id, amount, payment_method })
}

pub(crate) fn to_refund(payment: &Payment) -> Request {
    Request::Refund(charge::refund(payment, &intent()))
}

/// The callback about the review of the sample order, with this task token and answer.
pub(crate) fn wait(token: &str, answer: Option<&Value>) -> ReviewCallback {
    serde_json::from_value(callback(ReviewCallback::handle, token, answer)).unwrap()
}

/// The callback about the confirmation of the sample payment, with this task token and answer.
pub(crate) fn confirmation(token: &str, answer: Option<&Value>) -> ConfirmationCallback {
    serde_json::from_value(callback(ConfirmationCallback::handle, token, answer)).unwrap()
}

/// A callback about the sample order, in its stored form.
fn callback(handle: fn(&OrderId) -> Handle, token: &str, answer: Option<&Value>) -> Value {
    let subject = samples::order_id();
    let (handle, answer) = (handle(&subject), answer.map(Value::to_string));
    json!({ "handle": handle, "subject": subject, "token": token, "answer": answer })
}

/// A store's content with this payment and, if there is one, this confirmation callback.
pub(crate) fn stored_with(payment: &Payment, wait: Option<&ConfirmationCallback>) -> Stored {
    wait.into_iter().fold(stored(Some(payment), None), |stored, it| stored.with(VERSION, it))
}

/// The write that replaces the confirmation callback in [`stored_with`].
pub(crate) fn confirms(known: &ConfirmationCallback, after: &ConfirmationCallback) -> Write {
    replace(&Versioned { version: VERSION, value: known.clone() }, after)
}

/// A store's content with this payment and this review callback, if there are any.
pub(crate) fn stored(payment: Option<&Payment>, wait: Option<&ReviewCallback>) -> Stored {
    let stored = Stored::default();
    let stored = payment.into_iter().fold(stored, |stored, it| stored.with(VERSION, it));
    wait.into_iter().fold(stored, |stored, it| stored.with(VERSION, it))
}

/// The write that replaces the payment in [`stored`].
pub(crate) fn update(known: &Payment, after: &Payment) -> Write {
    replace(&Versioned { version: VERSION, value: known.clone() }, after)
}

/// The write that replaces the review callback in [`stored`].
pub(crate) fn waits(known: &ReviewCallback, after: &ReviewCallback) -> Write {
    replace(&Versioned { version: VERSION, value: known.clone() }, after)
}

pub(crate) fn decided<A: ExternalAction<Request = Request, Response = Response>>(
    action: &A,
    input: impl Into<<A::Row as Row>::Input>,
    known: Option<&Payment>,
    response: Option<&Response>,
) -> Result<Step<Request, <A::Row as Row>::Output>, ActionError> {
    step(action, input, &message(), &stored(known, None), response)
}

/// Returns the events and the writes of a decision.
pub(crate) fn done<O: Clone + Debug>(step: Step<Request, O>) -> (Vec<O>, Vec<Write>) {
    let Step::Done(decision) = step else { panic!("a call, not a decision: {step:?}") };
    (decision.events().to_vec(), decision.changes().to_vec())
}

/// Returns a provider for decisions that never call it.
pub(crate) fn no_provider() -> Arc<dyn PaymentProvider> {
    Arc::new(NoProvider)
}
