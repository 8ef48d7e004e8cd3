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
    /// Which customer.
    pub customer_id: CustomerId,
    /// What they are called.
    pub name: Sealed,
    /// Where emails reach them.
    pub email: Sealed,
    /// Whether they may not order.
    pub blocked: bool,
    /// Counts the customer's changes, from 1.
    pub revision: u64,
    /// When they were last changed; absent where an earlier release did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
}

impl Customer {
    /// The same customer without name and address: they were forgotten.
    #[must_use]
    pub fn erased(&self) -> Self {
        let (name, email) = (Sealed::default(), Sealed::default());
        Self { name, email, revision: self.revision + 1, ..self.clone() }
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
    }
}
