//! Money: integer minor units in memory, an exact decimal JSON number on the wire.

use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The text is not an amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The text is not a decimal number.
    #[error("`{0}` must be a decimal number, such as 12.50")]
    NotADecimal(String),
    /// The text has more than two digits after the point.
    #[error("`{0}` must have at most two decimal places")]
    TooPrecise(String),
    /// The amount is outside of ±9,999,999,999,999.99. JSON readers that store numbers as doubles
    /// would lose its cents.
    #[error("`{0}` must be in the range ±9999999999999.99")]
    OutOfRange(String),
}

/// An amount of money in the shop's currency, as whole minor units (cents).
///
/// On the wire, an amount is a JSON number such as `237.51`, so that an event rule can compare the
/// amount with a limit. An amount has at most fifteen significant digits, because readers that
/// store numbers as doubles lose further digits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i64);

/// The largest amount, in minor units: fifteen nines.
const MAX_MINOR: i64 = 999_999_999_999_999;

impl Money {
    pub const ZERO: Self = Self(0);

    /// Returns an amount of `minor` units (cents).
    #[must_use]
    pub const fn from_minor(minor: i64) -> Self {
        Self(minor)
    }

    /// The amount in minor units (cents).
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.0
    }

    /// Returns `self + other`; `None` if the sum is out of range.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).filter(|sum| sum.abs() <= MAX_MINOR).map(Self)
    }

    /// Returns `self - other`; `None` if the difference is out of range.
    #[must_use]
    pub fn minus(self, other: Self) -> Option<Self> {
        self.plus(Self(-other.0))
    }

    /// Returns `self × count`; `None` if the product is out of range.
    #[must_use]
    pub fn times(self, count: u32) -> Option<Self> {
        self.0.checked_mul(i64::from(count)).filter(|product| product.abs() <= MAX_MINOR).map(Self)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (units, cents) = (self.0.unsigned_abs() / 100, self.0.unsigned_abs() % 100);
        f.pad(&format!("{sign}{units}.{cents:02}"))
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let not_a_decimal = || MoneyError::NotADecimal(text.to_owned());
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (units, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !all_digits(units) || !all_digits(fraction) {
            return Err(not_a_decimal());
        }
        let cents = match fraction.trim_end_matches('0').as_bytes() {
            [] => 0,
            [tens] => i64::from(tens - b'0') * 10,
            [tens, ones] => i64::from(tens - b'0') * 10 + i64::from(ones - b'0'),
            _ => return Err(MoneyError::TooPrecise(text.to_owned())),
        };
        let out_of_range = || MoneyError::OutOfRange(text.to_owned());
        let units: i64 = units.parse().map_err(|_| out_of_range())?;
        let minor = units.checked_mul(100).and_then(|minor| minor.checked_add(cents));
        let minor = minor.filter(|minor| *minor <= MAX_MINOR).ok_or_else(out_of_range)?;
        Ok(Self(if negative { -minor } else { minor }))
    }
}

impl Sum for Money {
    /// Saturates at the limits of `i64`, so the sum may be outside of the range. For amounts from
    /// input, use [`Money::plus`], which returns `None` in that case.
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        Self(amounts.fold(0, |sum, amount| sum.saturating_add(amount.0)))
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % 100 == 0 {
            return serializer.serialize_i64(self.0 / 100);
        }
        // The shortest decimal form of the double nearest to an amount is the amount's own text.
        let nearest: f64 = self.to_string().parse().map_err(serde::ser::Error::custom)?;
        serializer.serialize_f64(nearest)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Money;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount of money: a number with at most two decimal places")
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Money, E> {
                value.to_string().parse().map_err(E::custom)
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Money, E> {
                value.to_string().parse().map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Money, E> {
                value.to_string().parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Money {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Money".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An amount in the shop's currency, exact to two decimal places.",
            "type": "number",
            "multipleOf": 0.01,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn more_than_two_decimal_places_are_refused() {
        assert_eq!("1.005".parse::<Money>(), Err(MoneyError::TooPrecise("1.005".into())));
        assert!(serde_json::from_str::<Money>("0.001").is_err());
        assert!(serde_json::from_str::<Money>("\"1.00\"").is_err());
        assert!(serde_json::from_str::<Money>("1e300").is_err());
    }

    #[test]
    fn trailing_zeroes_do_not_matter() {
        assert_eq!("14.0000".parse::<Money>(), Ok(Money::from_minor(1_400)));
        assert_eq!(serde_json::to_string(&Money::from_minor(100_000)).unwrap(), "1000");
    }

    proptest! {
        #[test]
        fn every_amount_survives_the_wire(minor in -MAX_MINOR..=MAX_MINOR) {
            let wire = serde_json::to_string(&Money(minor)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Money>(&wire).unwrap(), Money(minor));
            let value: serde_json::Value = serde_json::from_str(&wire).unwrap();
            prop_assert_eq!(serde_json::from_value::<Money>(value).unwrap(), Money(minor));
        }
    }
}
