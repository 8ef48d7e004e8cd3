//! An order in the list of orders that a customer sees.

use chorus_events::order::{OrderCanceled, OrderCreated, OrderDelivered};
use chorus_events::{CustomerId, Money, OrderId};
use chorus_kernel::{Condition, Item, Key, Write};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;

use crate::{BY_STATUS, Status, VIEW_TABLE};

/// An order as its customer sees it in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "OrderSummary")]
pub struct OrderView {
    /// The order's id.
    pub order_id: OrderId,
    /// The id of the customer who placed the order.
    pub customer_id: CustomerId,
    /// The order's status.
    pub status: Status,
    /// The sum of the order's lines.
    pub total: Money,
    /// Why the order was canceled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the order was placed.
    pub placed_at: Timestamp,
}

impl OrderView {
    /// Returns the partition key of a customer's orders.
    pub(crate) fn partition(customer_id: &CustomerId) -> String {
        format!("customer#{customer_id}")
    }

    /// A regular expression for the cursors of the list.
    pub(crate) const CURSORS: &str = "^-?[0-9]{1,19}~[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$";

    /// Returns the cursor for the orders after this one in the list. The cursor's characters need
    /// no escaping in a URL's query.
    pub(crate) fn cursor(&self) -> String {
        format!("{}~{}", self.placed_at.as_nanosecond(), self.order_id)
    }

    /// Returns the cursor for the orders that were placed before this instant.
    pub(crate) fn cursor_before(at: Timestamp) -> String {
        format!("{}~0", at.as_nanosecond())
    }

    /// Reads the sort key from a cursor; `None` if the text is not a cursor.
    pub(crate) fn sort_key_of_cursor(cursor: &str) -> Option<String> {
        let (placed_at, order_id) = cursor.split_once('~')?;
        let placed_at = Timestamp::from_nanosecond(placed_at.parse().ok()?).ok()?;
        Some(Self::sort_key(placed_at, &order_id.parse().ok()?))
    }

    /// Returns the partition key, in the index [`BY_STATUS`], of the orders with this status that
    /// were placed in this month.
    pub(crate) fn month(status: Status, year: i16, month: i8) -> String {
        format!("{status:?}#{year:04}-{month:02}")
    }

    fn sort_key(placed_at: Timestamp, order_id: &OrderId) -> String {
        format!("{placed_at:.9}#{order_id}")
    }

    /// Returns the write that adds this order to the list, or replaces its open state by its ended
    /// state. No write replaces an ended state, even if the order's events arrive out of order.
    ///
    /// # Errors
    /// If the order cannot be written as an item.
    pub fn put(&self) -> Result<Write, serde_dynamo::Error> {
        let pk = Self::partition(&self.customer_id);
        let sk = Self::sort_key(self.placed_at, &self.order_id);
        let key = Key { table: VIEW_TABLE.name, pk, sk };
        let stage = if self.status == Status::Open { 1 } else { 2 };
        let fields: Item = serde_dynamo::to_item(self)?;
        let mut item = key.to_item();
        item.extend(fields.into_inner());
        let placed = self.placed_at.to_zoned(TimeZone::UTC);
        let month = Self::month(self.status, placed.year(), placed.month());
        item.insert(BY_STATUS.pk.to_owned(), AttributeValue::S(month));
        item.insert("stage".to_owned(), AttributeValue::N(stage.to_string()));
        let newer = Condition::AbsentOrBelow { attribute: "stage", value: stage };
        Ok(Write::Put { key, item, condition: Some(newer) })
    }
}

impl From<&OrderCreated> for OrderView {
    fn from(order: &OrderCreated) -> Self {
        Self {
            order_id: order.order_id.clone(),
            customer_id: order.customer_id.clone(),
            status: Status::Open,
            total: order.total,
            reason: None,
            placed_at: order.placed_at,
        }
    }
}

impl From<&OrderCanceled> for OrderView {
    fn from(order: &OrderCanceled) -> Self {
        Self {
            order_id: order.order_id.clone(),
            customer_id: order.customer_id.clone(),
            status: Status::Canceled,
            total: order.total,
            reason: Some(order.reason.clone()),
            placed_at: order.placed_at,
        }
    }
}

impl From<&OrderDelivered> for OrderView {
    fn from(order: &OrderDelivered) -> Self {
        Self {
            order_id: order.order_id.clone(),
            customer_id: order.customer_id.clone(),
            status: Status::Delivered,
            total: order.total,
            reason: None,
            placed_at: order.placed_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_table::Event;

    #[test]
    fn a_cursor_names_a_line_and_stands_in_a_query_as_it_is() {
        let view = OrderView::from(&OrderCreated::sample());
        let cursor = view.cursor();
        assert!(
            cursor.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)),
            "{cursor}"
        );
        assert_eq!(
            OrderView::sort_key_of_cursor(&cursor),
            Some(OrderView::sort_key(view.placed_at, &view.order_id))
        );
    }

    #[test]
    fn what_is_no_cursor_names_nothing() {
        for text in ["", "x", "~", "1764152423000000000", "1764152423000000000~", "now~1"] {
            assert_eq!(OrderView::sort_key_of_cursor(text), None, "{text}");
        }
    }
}
