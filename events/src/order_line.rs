//! The content of an order: its lines and its address.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use chorus_table::Sealed;

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

/// The address of a parcel. Rules read the country, so it is not encrypted. The rest is encrypted
/// under the customer's key, as one text, because each encrypted text takes 30 more bytes in each
/// of five events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ShippingAddress {
    /// All lines of the address, encrypted; in orders of earlier releases, the recipient's name,
    /// not encrypted.
    pub name: Sealed,
    /// Empty; in orders of earlier releases, street and number.
    pub street: Sealed,
    /// Empty; in orders of earlier releases, the city.
    pub city: Sealed,
    /// Absent; in orders of earlier releases, the postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<Sealed>,
    /// Country, by its code of ISO 3166; in orders of earlier releases, whatever their customers wrote.
    pub country: String,
}

impl ShippingAddress {
    /// Returns an address of these encrypted lines, in this country.
    pub(crate) fn of(lines: Sealed, country: &str) -> Self {
        let (street, city) = (Sealed::default(), Sealed::default());
        Self { name: lines, street, city, postal_code: None, country: country.to_owned() }
    }

    /// Encrypts an address with `seal`, as one text of its lines: none of them may have a line
    /// break.
    #[must_use]
    pub fn sealed(address: PostalAddress, seal: impl Fn(&str) -> Sealed) -> Self {
        let PostalAddress { name, street, city, postal_code, country } = address;
        let lines = [Some(name), Some(street), Some(city), postal_code];
        let lines = lines.into_iter().flatten().collect::<Vec<_>>().join("\n");
        Self::of(seal(&lines), &country)
    }

    /// Decrypts the address; none if `open` cannot.
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

/// An address that is not encrypted: what [`ShippingAddress`] has in encrypted form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "ShippingAddress")]
pub struct PostalAddress {
    /// Who receives it.
    pub name: String,
    /// Street and number.
    pub street: String,
    /// City.
    pub city: String,
    /// Postal code; not every country has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// Country, by its code of ISO 3166; in orders of earlier releases, whatever their customers wrote.
    pub country: String,
}

/// Returns the sum of all lines; none if it exceeds the largest amount.
#[must_use]
pub fn total(lines: &[Line]) -> Option<Money> {
    lines.iter().try_fold(Money::ZERO, |sum, line| {
        line.unit_price.times(line.quantity.get()).and_then(|price| sum.plus(price))
    })
}
