//! The carrier's callback, for which Delivery waits.

use chorus_events::{Capture, OrderId};
use chorus_kernel::{ActionError, Callback, CallbackDomain, TableSpec, answers};
use serde_json::{Value, json};

/// One DynamoDB item for each parcel: the callback that Delivery waits for and, once the carrier
/// has called back, the carrier's answer.
pub const CARRIER_WAIT_TABLE: TableSpec =
    TableSpec { name: CarrierReport::TABLE, indexes: &[], ttl: None };

/// The kind of callback in which the carrier reports what became of an order's parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarrierReport;

impl CallbackDomain for CarrierReport {
    const TABLE: &'static str = "carrier-wait";
    type Subject = OrderId;
}

/// The callback in which the carrier reports on one parcel.
pub type CarrierCallback = Callback<CarrierReport>;

/// The `note` that a [`CarrierCallback`] has if the parcel's order is charged only when the parcel
/// leaves.
pub const CAPTURE_DUE: &str = "capture-due";

/// Returns [`Capture::Due`] if the payment has to be captured (charged) when the parcel leaves;
/// none if the order is charged already.
pub(crate) fn capture(callback: &CarrierCallback) -> Option<Capture> {
    (callback.note() == Some(CAPTURE_DUE)).then_some(Capture::Due)
}

answers! {
    /// The answer that the waiting state machine gets about the parcel: what became of it.
    pub enum ParcelStatus in "status" {
        /// The carrier reports that the recipient has the parcel.
        Delivered = "Delivered",
        /// The carrier reports that the parcel will not arrive.
        DeliveryCanceled = "DeliveryCanceled",
        /// The shop canceled the delivery. The event about the cancellation is published already.
        Canceled = "Canceled",
        /// The parcel was never handed to the carrier. The event with the reason is published
        /// already.
        NotStarted = "NotStarted",
    }
}

/// Returns the answer that completes the task that waits for the carrier. `event` is the event that
/// was published about `status`.
pub(crate) fn answer(status: ParcelStatus, event: Option<&Value>) -> Value {
    json!({ ParcelStatus::ANSWERS.field: status.as_str(), "event": event })
}

/// Every status that can complete the task that waits for the carrier.
pub(crate) const STATUSES: [ParcelStatus; 4] = [
    ParcelStatus::Delivered,
    ParcelStatus::DeliveryCanceled,
    ParcelStatus::Canceled,
    ParcelStatus::NotStarted,
];

/// Reads the status that completed the task that waits for the carrier; none while the task waits.
pub(crate) fn answered_status(
    callback: &CarrierCallback,
) -> Result<Option<ParcelStatus>, ActionError> {
    let Some(answer) = callback.answer() else { return Ok(None) };
    let answered_status = answer[ParcelStatus::ANSWERS.field].as_str().unwrap_or_default();
    let known = STATUSES.into_iter().find(|status| status.as_str() == answered_status);
    let unknown =
        || ActionError::Later(format!("the parcel has the unknown status {answered_status}"));
    known.map(Some).ok_or_else(unknown)
}

/// The callback in its stored form after the carrier has sent `answer`.
#[cfg(test)]
pub(crate) fn answered(callback: &CarrierCallback, answer: &Value) -> CarrierCallback {
    let mut fields = json!(callback);
    fields["answer"] = answer.to_string().into();
    serde_json::from_value(fields).unwrap()
}
