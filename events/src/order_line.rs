//! The content of an order: its lines and its address.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use chorus_table::Sealed;

use crate::{Money, Quantity, Sku};

/// The maximum number of lines in an order. One transaction reserves all lines. A DynamoDB
/// transaction can write at most 100 items. The idempotency record and the reservation are two of
/// these items, and eight items are left as a margin.
pub const MAX_LINES: usize = 90;

/// One line of an order: an item, the number of pieces, and the price of one piece at the time of
/// the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Line {
    /// The id of the item.
    pub sku: Sku,
    /// The number of pieces.
    pub quantity: Quantity,
    /// The price of one piece.
    pub unit_price: Money,
}

/// The address of a parcel. The country is not encrypted, because the bus's rules read it. All other
/// lines are encrypted as one text under the customer's key, because each encrypted text would add
/// 30 bytes to each of the five events that contain the address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ShippingAddress {
    /// All lines of the address, encrypted as one text. In orders of earlier releases: only the
    /// recipient's name, not encrypted.
    pub name: Sealed,
    /// Empty in new orders, because `name` contains it. In orders of earlier releases: street and
    /// number.
    pub street: Sealed,
    /// Empty in new orders, because `name` contains it. In orders of earlier releases: the city.
    pub city: Sealed,
    /// Absent in new orders, because `name` contains it. In orders of earlier releases: the postal
    /// code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<Sealed>,
    /// The country's code of ISO 3166. In orders of earlier releases: the text that the customer
    /// wrote.
    pub country: String,
}

impl ShippingAddress {
    /// Returns an address in `country`. `lines` are the other lines, encrypted as one text.
    pub(crate) fn of(lines: Sealed, country: &str) -> Self {
        let (street, city) = (Sealed::default(), Sealed::default());
        Self { name: lines, street, city, postal_code: None, country: country.to_owned() }
    }

    /// Encrypts an address with `seal`. The lines of the address are joined with line breaks, so no
    /// line may itself contain a line break.
    #[must_use]
    pub fn sealed(address: PostalAddress, seal: impl Fn(&str) -> Sealed) -> Self {
        let PostalAddress { name, street, city, postal_code, country } = address;
        let lines = [Some(name), Some(street), Some(city), postal_code];
        let lines = lines.into_iter().flatten().collect::<Vec<_>>().join("\n");
        Self::of(seal(&lines), &country)
    }

    /// Decrypts the address with `open`; `None` if `open` fails.
    #[must_use]
    pub fn opened(&self, open: impl Fn(&Sealed) -> Option<String>) -> Option<PostalAddress> {
        let country = self.country.clone();
        if self.name.ciphertext().is_none() {
            let (name, street, city) = (open(&self.name)?, open(&self.street)?, open(&self.city)?);
            let postal_code = self.postal_code.as_ref().and_then(open);
            return Some(PostalAddress { name, street, city, postal_code, country });
        }
        let lines = open(&self.name)?;
        let mut lines = lines.lines().map(ToOwned::to_owned);
        let (name, street, city) = (lines.next()?, lines.next()?, lines.next()?);
        Some(PostalAddress { name, street, city, postal_code: lines.next(), country })
    }
}

/// An address that is not encrypted: the plain form of a [`ShippingAddress`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "ShippingAddress")]
pub struct PostalAddress {
    /// The recipient's name.
    pub name: String,
    /// The street and the house number.
    pub street: String,
    /// The city.
    pub city: String,
    /// The postal code; absent in a country without postal codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// The country's code of ISO 3166. In orders of earlier releases: the text that the customer
    /// wrote.
    pub country: String,
}

/// Returns the sum of the prices of all lines; `None` if the sum exceeds the largest amount.
#[must_use]
pub fn total(lines: &[Line]) -> Option<Money> {
    lines.iter().try_fold(Money::ZERO, |sum, line| {
        line.unit_price.times(line.quantity.get()).and_then(|price| sum.plus(price))
    })
}
