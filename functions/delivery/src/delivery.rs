//! The stored state of an order's delivery. If the order was canceled before the delivery was
//! planned, the state is a tombstone, so that no delivery is planned later.

use chorus_events::inventory::DescribedLine;
use chorus_events::{CustomerId, OrderId, ShippingAddress};
use chorus_kernel::entity;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The state of an order's delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "DeliveryStatus")]
pub enum Status {
    /// The carrier can deliver to the address; the customer got an estimated day of arrival.
    Estimated,
    /// The carrier has the parcel, or is about to get it.
    Started,
    /// The parcel has reached its customer.
    Delivered,
    /// The order will not arrive. This is also the status of a tombstone, which is stored if an
    /// order is canceled before its delivery is planned.
    Canceled,
}

/// The plan of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    /// The customer who receives the parcel.
    pub customer_id: CustomerId,
    /// The items in the parcel.
    pub lines: Vec<DescribedLine>,
    /// The address that the parcel goes to.
    pub shipping_address: ShippingAddress,
    /// When the parcel should arrive.
    pub deliver_by: Timestamp,
}

/// An order's delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Delivery {
    /// The order that is delivered.
    pub order_id: OrderId,
    /// The state of the delivery.
    pub status: Status,
    /// The plan; absent if the order was canceled before the delivery was planned.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// Why the delivery was canceled; otherwise absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the carrier read the address; absent until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_shown_at: Option<Timestamp>,
}

impl Delivery {
    /// Returns the delivery with `status` instead of its own status.
    #[must_use]
    pub fn now(&self, status: Status) -> Self {
        Self { status, ..self.clone() }
    }

    /// Returns the delivery with the status [`Status::Canceled`] and this reason.
    #[must_use]
    pub fn canceled(&self, reason: &str) -> Self {
        Self { reason: Some(reason.to_owned()), ..self.now(Status::Canceled) }
    }

    /// Returns a delivery that was canceled before it was planned, and so is never planned.
    #[must_use]
    pub fn tombstone(order_id: OrderId, reason: &str) -> Self {
        let reason = Some(reason.to_owned());
        Self { order_id, status: Status::Canceled, plan: None, reason, address_shown_at: None }
    }
}

entity!(Delivery: "order" in super::TABLE, by order_id: OrderId);

#[cfg(test)]
pub(crate) fn sample(status: Status) -> Delivery {
    use chorus_events::samples;
    let plan = Plan {
        customer_id: samples::customer_id(),
        lines: samples::described_lines(),
        shipping_address: samples::address(),
        deliver_by: samples::estimated_arrival(),
    };
    let order_id = samples::order_id();
    Delivery { order_id, status, plan: Some(plan), reason: None, address_shown_at: None }
}

/// Returns the write that replaces the sample delivery by `to`. The sample has the status `from`
/// and is stored as version 1.
#[cfg(test)]
pub(crate) fn change(from: Status, to: &Delivery) -> chorus_kernel::Write {
    let read = chorus_kernel::Versioned { version: 1, value: sample(from) };
    chorus_kernel::replace(&read, to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_kernel::Found;
    use chorus_kernel::testing::Stored;

    #[test]
    fn a_delivery_is_read_as_it_was_written_with_and_without_a_plan() {
        let order_id = chorus_events::samples::order_id();
        for kept in [sample(Status::Started), Delivery::tombstone(order_id.clone(), "canceled")] {
            let stored = Stored::default().with(1, &kept);
            let read: Found<Delivery> = stored.state(order_id.clone()).unwrap();
            assert_eq!(read.unwrap().value, kept);
        }
    }
}
