//! The value types of events. Each value is checked when it is created: a `Sku` is never empty, and
//! a `Quantity` is never zero.

use chorus_table::identifier;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The number is not a quantity: quantities are 1 to 10,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 1 to 10000")]
pub struct QuantityError;

identifier! {
    /// The id of an order: the `correlation-id` of every message about the order.
    OrderId
}
identifier! {
    /// The id of a customer.
    CustomerId
}
identifier! {
    /// The id of an item that the shop sells (stock-keeping unit).
    Sku
}
identifier! {
    /// The payment provider's token of a card or account; never a card's number.
    PaymentMethod
}

impl PaymentMethod {
    /// Whether this text is probably a card's number, which must not be stored or passed on.
    #[must_use]
    pub fn is_card_number(&self) -> bool {
        let digits = self.as_str().bytes().filter(u8::is_ascii_digit).count();
        let written = self.as_str().bytes().all(|it| it.is_ascii_digit() || b".-_".contains(&it));
        written && digits >= 12
    }
}

/// A number of pieces of one item: 1 to 10,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "u32")]
pub struct Quantity(u32);

impl Quantity {
    /// The largest quantity of one order line.
    pub const MAX: u32 = 10_000;

    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<i64> for Quantity {
    type Error = QuantityError;
    fn try_from(pieces: i64) -> Result<Self, QuantityError> {
        u32::try_from(pieces)
            .ok()
            .filter(|pieces| (1..=Self::MAX).contains(pieces))
            .map(Self)
            .ok_or(QuantityError)
    }
}

impl From<Quantity> for u32 {
    fn from(quantity: Quantity) -> Self {
        quantity.0
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Quantity".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": Self::MAX })
    }
}

/// A regular expression for text that people write: not blank, and without control characters.
pub const PLAIN_TEXT: &str =
    r"^[^\x00-\x1F\x7F-\x9F]*[^\s\x00-\x1F\x7F-\x9F][^\x00-\x1F\x7F-\x9F]*$";

/// Whether `text` matches [`PLAIN_TEXT`], and has at most `longest` characters.
#[must_use]
pub fn is_plain_text(text: &str, longest: usize) -> bool {
    !text.trim().is_empty()
        && text.chars().count() <= longest
        && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_never_blank_endless_or_full_of_control_characters() {
        for bad in ["", " \t", "a\0b", "a\nb", "\u{85}a", "ääääää"] {
            assert!(!is_plain_text(bad, 5), "{bad:?}");
        }
        assert!(is_plain_text("ä-'漢 ", 5));
    }

    #[test]
    fn a_cards_number_is_told_from_a_token() {
        let of = |text: &str| text.parse::<PaymentMethod>().unwrap().is_card_number();
        assert!(of("4242424242424242") && of("4242-4242-4242-4242"));
        assert!(!of("pm_1Pgc72B7WZ01zgkWqPvrRrPE") && !of("12345"));
    }

    #[test]
    fn a_quantity_is_never_zero_negative_or_huge() {
        for bad in ["0", "-1", "10001", "99999999999999", "1.5", "\"1\""] {
            assert!(serde_json::from_str::<Quantity>(bad).is_err(), "{bad}");
        }
        assert_eq!(serde_json::from_str::<Quantity>("10000").unwrap().get(), 10_000);
    }
}
