//! The callback of the carrier that Delivery waits for.

use chorus_events::OrderId;
use chorus_kernel::{Callback, CallbackDomain, TableSpec, answers};
use serde_json::{Value, json};

/// One callback for each parcel.
pub const CARRIER_WAIT_TABLE: TableSpec =
    TableSpec { name: CarrierWord::TABLE, indexes: &[], ttl: None };

/// The carrier is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarrierWord;

impl CallbackDomain for CarrierWord {
    const TABLE: &'static str = "carrier-wait";
    type Subject = OrderId;
}

/// The wait for the carrier's callback on a parcel.
pub type CarrierCallback = Callback<CarrierWord>;

answers! {
    /// What became of the parcel, as the waiting machine gets it.
    pub enum ParcelStatus in "status" {
        /// The carrier reports that it was handed over.
        Delivered = "Delivered",
        /// The carrier reports that it will not arrive.
        DeliveryCanceled = "DeliveryCanceled",
        /// It was canceled on our side; that event is published already.
        Canceled = "Canceled",
        /// It was never handed to the carrier; that event is published already.
        NotStarted = "NotStarted",
    }
}

/// The answer that completes the waiting task; `event` is the event that was published about it.
pub(crate) fn word(status: ParcelStatus, event: Option<&Value>) -> Value {
    json!({ ParcelStatus::ANSWERS.field: status.word(), "event": event })
}

/// The status of the callback that came.
pub(crate) fn status(callback: &CarrierCallback) -> Option<String> {
    callback.answer()?.get(ParcelStatus::ANSWERS.field)?.as_str().map(ToOwned::to_owned)
}

/// The callback as it is stored once the carrier has sent `word`.
#[cfg(test)]
pub(crate) fn answered(callback: &CarrierCallback, word: &Value) -> CarrierCallback {
    let mut fields = json!(callback);
    fields["answer"] = word.to_string().into();
    serde_json::from_value(fields).unwrap()
}
