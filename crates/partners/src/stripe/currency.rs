//! Currencies by their ISO 4217 code, and how many minor units make one unit: 1 for yen, 1,000 for
//! dinars.

use std::str::FromStr;

use thiserror::Error;

/// Currencies without minor units: Stripe expects whole amounts.
const WITHOUT_MINOR_UNITS: [&str; 15] = [
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf",
    "xof", "xpf",
];

/// Currencies of which one unit has a thousand minor units.
const IN_THOUSANDTHS: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];

/// The three-letter code of a currency, in lower case as Stripe writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Currency(String);

/// A text that is not the code of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the currency must be a three-letter ISO 4217 code, such as EUR")]
pub struct UnknownCurrency;

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(code: &str) -> Result<Self, UnknownCurrency> {
        let letters = code.len() == 3 && code.bytes().all(|letter| letter.is_ascii_alphabetic());
        letters.then(|| Self(code.to_ascii_lowercase())).ok_or(UnknownCurrency)
    }
}

impl Currency {
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0
    }

    /// Converts hundredths of the currency into its minor units; `None` if the result would not be
    /// a whole number, or `hundredths` is negative.
    #[must_use]
    pub fn minor_units(&self, hundredths: i64) -> Option<u64> {
        let hundredths = u64::try_from(hundredths).ok()?;
        if WITHOUT_MINOR_UNITS.contains(&self.code()) {
            return (hundredths % 100 == 0).then_some(hundredths / 100);
        }
        let factor = if IN_THOUSANDTHS.contains(&self.code()) { 10 } else { 1 };
        hundredths.checked_mul(factor)
    }

    /// Converts minor units into hundredths of the currency; `None` if the result would not be a
    /// whole number.
    #[must_use]
    pub fn hundredths(&self, minor_units: u64) -> Option<i64> {
        let minor_units = i64::try_from(minor_units).ok()?;
        if WITHOUT_MINOR_UNITS.contains(&self.code()) {
            return minor_units.checked_mul(100);
        }
        if IN_THOUSANDTHS.contains(&self.code()) {
            return (minor_units % 10 == 0).then_some(minor_units / 10);
        }
        Some(minor_units)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: &str) -> Currency {
        code.parse().unwrap()
    }

    #[test]
    fn an_amount_is_given_in_the_currencys_own_minor_units() {
        let amounts = [("EUR", 6_299), ("JPY", 62), ("krw", 62), ("KWD", 62_990)];
        for (code, minor) in amounts {
            let hundredths = if minor == 62 { 6_200 } else { 6_299 };
            assert_eq!(of(code).minor_units(hundredths), Some(minor), "{code}");
            assert_eq!(of(code).hundredths(minor), Some(hundredths), "{code}");
        }
    }

    #[test]
    fn half_a_yen_is_no_amount_and_neither_is_less_than_nothing() {
        assert_eq!(of("JPY").minor_units(6_250), None);
        assert_eq!(of("EUR").minor_units(-1), None);
        assert_eq!(of("KWD").hundredths(5), None);
    }

    #[test]
    fn a_code_has_three_letters() {
        for code in ["", "EU", "EURO", "E1R", "€ur"] {
            assert_eq!(code.parse::<Currency>(), Err(UnknownCurrency), "{code}");
        }
    }
}
