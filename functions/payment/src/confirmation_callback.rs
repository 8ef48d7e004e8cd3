//! The callback that Payment waits for while a customer confirms a charge: the provider's notice
//! that there is a result.

use chorus_events::OrderId;
use chorus_kernel::{Callback, CallbackDomain, TableSpec};
use serde_json::{Value, json};

/// One callback for each order whose charge the customer has to confirm.
pub const CUSTOMER_WAIT_TABLE: TableSpec =
    TableSpec { name: Customer::TABLE, indexes: &[], ttl: None };

/// The kind of callback: the payment provider reports the result of a charge that the customer had
/// to confirm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer;

impl CallbackDomain for Customer {
    const TABLE: &'static str = "customer-wait";
    type Subject = OrderId;
}

/// The callback that awaits the result of a charge which the customer has to confirm.
pub type ConfirmationCallback = Callback<Customer>;

/// The answer that completes the waiting task. It does not have the result: the state machine asks
/// the provider for that next. If the wait times out, the state machine's definition makes the same
/// answer, with a reason.
pub(crate) fn concluded() -> Value {
    json!({ "reason": null })
}
