//! What an order is made of: its lines, and where they go.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Money, Quantity, Sku};

/// The most lines that one order may have. One transaction reserves them all, and a DynamoDB
/// transaction holds 100 items; the idempotency record and the reservation take two.
pub const MAX_LINES: usize = 90;

/// One line of an order: an item, how many of it, and the price of one piece when it was ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Line {
    /// The item.
    pub sku: Sku,
    /// The number of pieces.
    pub quantity: Quantity,
    /// The price of one piece.
    pub unit_price: Money,
}

/// Where a parcel goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ShippingAddress {
    /// Who receives it.
    pub name: String,
    /// Street and number.
    pub street: String,
    /// City.
    pub city: String,
    /// Postal code; not every country has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// Country, by its code of ISO 3166; in orders of earlier releases, whatever their customers wrote.
    pub country: String,
}

/// The sum of all lines, or nothing where it exceeds the largest amount.
#[must_use]
pub fn total(lines: &[Line]) -> Option<Money> {
    lines.iter().try_fold(Money::ZERO, |sum, line| {
        line.unit_price.times(line.quantity.get()).and_then(|price| sum.plus(price))
    })
}
