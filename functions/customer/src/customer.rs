//! A customer of the shop.

use chorus_events::CustomerId;
use chorus_kernel::entity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A customer, and whether they may order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Customer {
    /// Which customer.
    pub customer_id: CustomerId,
    /// What they are called.
    pub name: String,
    /// Where emails reach them.
    pub email: String,
    /// Whether they may not order.
    pub blocked: bool,
    /// Counts the customer's changes, from 1.
    pub revision: u64,
}

entity!(Customer: "customer" in super::TABLE, by customer_id: CustomerId);

#[cfg(test)]
pub(crate) fn sample() -> Customer {
    Customer {
        customer_id: chorus_events::samples::customer_id(),
        name: chorus_events::samples::customer_name(),
        email: chorus_events::samples::email(),
        blocked: false,
        revision: 1,
    }
}
