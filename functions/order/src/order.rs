//! An order: the fold of its own events.

use chorus_events::order::{OrderCanceled, OrderCreated, OrderDelivered};
use chorus_events::{CustomerId, Line, Money, OrderId, ShippingAddress, Terms};
use chorus_kernel::{Fold, Recorded};
use chorus_table::{Event, ReadError};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// An order's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "OrderStatus")]
pub enum Status {
    /// The order is neither canceled nor delivered yet.
    Open,
    /// The order is canceled; the other services undo their work for it.
    Canceled,
    /// The order is delivered to its customer.
    Delivered,
}

/// The order's content and its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    pub lines: Vec<Line>,
    pub total: Money,
    pub shipping_address: ShippingAddress,
    pub placed_at: Timestamp,
    /// The terms of the order: the shop's settings at the time when it was placed. Later changes of
    /// the settings do not apply to the order.
    pub terms: Terms,
    pub status: Status,
    pub reason: Option<String>,
    /// When the order was canceled or delivered; absent while it is open.
    pub ended_at: Option<Timestamp>,
}

/// The fold of an order's events; `None` before the first event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Order(pub Option<Placed>);

impl Fold for Order {
    type Id = OrderId;
    const TABLE: &'static str = super::TABLE.name;

    fn apply(self, event: &Recorded) -> Result<Self, ReadError> {
        match (self.0, event.detail_type.as_str()) {
            (None, "OrderCreated") => {
                let order: OrderCreated = read(event)?;
                Ok(Self(Some(order.into())))
            }
            (Some(placed), "OrderCanceled") => {
                let OrderCanceled { reason, .. } = read(event)?;
                let (status, ended_at) = (Status::Canceled, Some(event.at));
                Ok(Self(Some(Placed { status, reason: Some(reason), ended_at, ..placed })))
            }
            (Some(placed), "OrderDelivered") => {
                let OrderDelivered { .. } = read(event)?;
                let (status, ended_at) = (Status::Delivered, Some(event.at));
                Ok(Self(Some(Placed { status, ended_at, ..placed })))
            }
            (_, other) => Err(ReadError::Unexpected(other.to_owned())),
        }
    }
}

impl From<OrderCreated> for Placed {
    fn from(order: OrderCreated) -> Self {
        let implied = || Terms::implied_by(order.total, &order.country);
        Self {
            terms: order.terms.unwrap_or_else(implied),
            order_id: order.order_id,
            customer_id: order.customer_id,
            lines: order.lines,
            total: order.total,
            shipping_address: order.shipping_address,
            placed_at: order.placed_at,
            status: Status::Open,
            reason: None,
            ended_at: None,
        }
    }
}

/// Reads the data of a stored event, in the version in which the event was written.
pub(crate) fn read<E: Event>(event: &Recorded) -> Result<E, ReadError> {
    let (detail_type, version) = (E::SPEC.detail_type, event.schema);
    let data = RawValue::from_string(event.data.clone()).map_err(|source| ReadError::Data {
        detail_type,
        version,
        source,
    })?;
    E::read(version, &data)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A stored event of the sample order.
    pub(crate) fn recorded<E: Event>(version: u64, event: &E) -> Recorded {
        Recorded {
            version,
            detail_type: E::SPEC.detail_type.to_owned(),
            schema: E::SPEC.version,
            at: chorus_events::samples::moment(),
            data: serde_json::to_string(event).unwrap(),
        }
    }

    #[test]
    fn an_order_is_what_its_events_say() {
        let order = Order::default().apply(&recorded(1, &OrderCreated::sample())).unwrap();
        assert_eq!(order.0.as_ref().unwrap().status, Status::Open);
        let order = order.apply(&recorded(2, &OrderCanceled::sample())).unwrap();
        let placed = order.0.unwrap();
        assert_eq!((placed.status, placed.reason.is_some()), (Status::Canceled, true));
    }

    #[test]
    fn an_event_that_cannot_follow_is_an_error_with_its_name() {
        let error = Order::default().apply(&recorded(1, &OrderCanceled::sample())).unwrap_err();
        assert!(error.to_string().contains("OrderCanceled"), "{error}");
    }
}
