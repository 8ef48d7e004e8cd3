//! A customer of the shop.

use chorus_events::CustomerId;
use chorus_kernel::entity;
use chorus_table::Sealed;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A customer, and whether they may order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Customer {
    pub customer_id: CustomerId,
    /// The customer's name, encrypted; empty once the customer was forgotten.
    pub name: Sealed,
    /// The customer's address for emails, encrypted; empty once the customer was forgotten.
    pub email: Sealed,
    /// Whether the customer is barred from ordering.
    pub blocked: bool,
    /// The number of the customer's latest change, counted from 1.
    pub revision: u64,
    /// When the customer was last changed; absent if an earlier release made that change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// The id of the key under which the name and the email address are encrypted; absent if an
    /// earlier release stored the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
}

impl Customer {
    /// Returns the customer without name and email address, in the form that is stored once the
    /// customer was forgotten.
    #[must_use]
    pub fn erased(&self) -> Self {
        let (name, email) = (Sealed::default(), Sealed::default());
        Self { name, email, key_id: None, revision: self.revision + 1, ..self.clone() }
    }

    #[must_use]
    pub fn is_erased(&self) -> bool {
        self.email.is_empty()
    }
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
        updated_at: Some(chorus_events::samples::moment()),
        key_id: Some(chorus_events::samples::key_id()),
    }
}
