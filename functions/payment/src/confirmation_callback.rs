//! What Payment waits for while a customer confirms a charge: the provider's result.

use chorus_events::OrderId;
use chorus_kernel::{Callback, CallbackDomain, TableSpec};
use serde_json::{Value, json};

/// One callback for each order whose charge the customer has to confirm.
pub const CUSTOMER_WAIT_TABLE: TableSpec =
    TableSpec { name: Customer::TABLE, indexes: &[], ttl: None };

/// A customer is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer;

impl CallbackDomain for Customer {
    const TABLE: &'static str = "customer-wait";
    type Subject = OrderId;
}

/// The callback that awaits the result of a charge which the customer has to confirm.
pub type ConfirmationCallback = Callback<Customer>;

/// What the waiting task is answered: there is a result, or the wait is over for another reason. What
/// the result is, only the provider says: the machine asks it next. A wait that nothing ends is given
/// this answer with a reason, by the machine's definition.
pub(crate) fn concluded() -> Value {
    json!({ "reason": null })
}
