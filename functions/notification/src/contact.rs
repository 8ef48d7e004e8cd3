//! The name and the email address of a customer.

use chorus_events::CustomerId;
use chorus_events::customer::CustomerUpdated;
use chorus_kernel::entity;
use chorus_table::Sealed;
use serde::{Deserialize, Serialize};

/// A customer's name and email address, encrypted. The item's version is the `revision` of the
/// event that the contact comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Contact {
    pub customer_id: CustomerId,
    pub name: Sealed,
    pub email: Sealed,
}

impl Contact {
    /// Returns a contact whose name and address were erased.
    #[must_use]
    pub fn erased(customer_id: CustomerId) -> Self {
        Self { customer_id, name: Sealed::default(), email: Sealed::default() }
    }

    #[must_use]
    pub fn is_erased(&self) -> bool {
        self.email.is_empty()
    }
}

impl From<&CustomerUpdated> for Contact {
    fn from(customer: &CustomerUpdated) -> Self {
        Self {
            customer_id: customer.customer_id.clone(),
            name: customer.name.clone(),
            email: customer.email.clone(),
        }
    }
}

entity!(Contact: "contact" in super::TABLE, by customer_id: CustomerId);
