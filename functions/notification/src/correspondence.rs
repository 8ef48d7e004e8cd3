//! The recipient of an order's emails, stored for events that contain the order's id but not the
//! customer's id.

use chorus_events::{CustomerId, OrderId};
use chorus_kernel::entity;
use chorus_table::Sealed;
use serde::{Deserialize, Serialize};

use crate::{Contact, Recipient};

/// The recipient of the last email about an order. The name and the email address are copies from
/// the [`Contact`]: an action can load only items whose keys are in its message, so it cannot load
/// the contact by the customer id in this item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Correspondence {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    pub name: Sealed,
    pub email: Sealed,
}

impl Correspondence {
    /// Returns the correspondence about this order with this customer.
    #[must_use]
    pub fn with(order_id: &OrderId, contact: &Contact) -> Self {
        Self {
            order_id: order_id.clone(),
            customer_id: contact.customer_id.clone(),
            name: contact.name.clone(),
            email: contact.email.clone(),
        }
    }

    /// Returns the correspondence about this order with a customer whose email address is unknown.
    #[must_use]
    pub fn without_address(order_id: &OrderId, customer_id: &CustomerId) -> Self {
        Self::with(order_id, &Contact::erased(customer_id.clone()))
    }

    /// Whether the recipient's email address is stored: it was known, and was not erased.
    #[must_use]
    pub fn has_address(&self) -> bool {
        !self.email.is_empty()
    }

    /// Returns the recipient of the order's emails.
    #[must_use]
    pub fn recipient(&self) -> Recipient {
        Recipient::Customer {
            customer_id: self.customer_id.clone(),
            name: self.name.clone(),
            email: self.email.clone(),
        }
    }
}

entity!(Correspondence: "order" in super::TABLE, by order_id: OrderId);
