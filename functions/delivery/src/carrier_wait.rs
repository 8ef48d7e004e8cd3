//! What Delivery waits for: the carrier's word on a parcel.

use chorus_events::OrderId;
use chorus_kernel::{Domain, TableSpec, Wait};
use serde_json::{Value, json};

/// One wait for each parcel.
pub const CARRIER_WAIT_TABLE: TableSpec =
    TableSpec { name: CarrierWord::TABLE, indexes: &[], ttl: None };

/// The carrier is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarrierWord;

impl Domain for CarrierWord {
    const TABLE: &'static str = "carrier-wait";
    type Subject = OrderId;
}

/// The wait for the carrier's word on a parcel.
pub type CarrierWait = Wait<CarrierWord>;

/// The word that lets the state machine go on; `event` is what has been said of it.
pub(crate) fn word(status: &str, event: Option<&Value>) -> Value {
    json!({ "status": status, "event": event })
}

/// The status of the word that came.
pub(crate) fn status(wait: &CarrierWait) -> Option<String> {
    wait.answer()?.get("status")?.as_str().map(ToOwned::to_owned)
}

/// The wait as it is stored once the carrier has said `word`.
#[cfg(test)]
pub(crate) fn answered(wait: &CarrierWait, word: &Value) -> CarrierWait {
    let mut fields = json!(wait);
    fields["answer"] = word.to_string().into();
    serde_json::from_value(fields).unwrap()
}
