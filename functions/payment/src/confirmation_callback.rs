//! The callback that Payment waits for while a customer confirms a charge. By this callback, the
//! provider reports that the charge has a result.

use chorus_events::OrderId;
use chorus_kernel::{Callback, CallbackDomain, TableSpec};
use serde_json::{Value, json};

/// One callback for each order whose charge the customer has to confirm.
pub const CUSTOMER_WAIT_TABLE: TableSpec =
    TableSpec { name: Customer::TABLE, indexes: &[], ttl: None };

/// The kind of callback that ends the wait for the customer's confirmation: the payment provider
/// reports that the charge has a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer;

impl CallbackDomain for Customer {
    const TABLE: &'static str = "customer-wait";
    type Subject = OrderId;
}

/// The stored callback about a charge that the customer has to confirm.
pub type ConfirmationCallback = Callback<Customer>;

/// The answer that completes the waiting task. The answer does not contain the result of the
/// charge: the state machine then asks the provider for the result. If the wait times out, the
/// state machine's definition makes an answer of the same form, with a reason.
pub(crate) fn concluded() -> Value {
    json!({ "reason": null })
}
