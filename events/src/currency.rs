//! The currency of the shop's prices.

use std::borrow::Cow;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The ISO 4217 codes of the currencies in use. The codes of funds and metals, and the codes for
/// tests, are left out, because no shop has prices in them.
const CODES: [&str; 156] = [
    "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN",
    "BHD", "BIF", "BMD", "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF",
    "CHF", "CLP", "CNY", "COP", "CRC", "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP",
    "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD", "GNF", "GTQ", "GYD",
    "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IQD", "IRR", "ISK", "JMD", "JOD", "JPY",
    "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD",
    "LSL", "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK",
    "MXN", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK",
    "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SDG",
    "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS",
    "TMT", "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UZS", "VED",
    "VES", "VND", "VUV", "WST", "XAF", "XCD", "XCG", "XOF", "XPF", "YER", "ZAR", "ZMW", "ZWG",
];

/// The error for a text that is not the code of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the ISO 4217 code of a currency, such as EUR")]
pub struct CurrencyError;

/// The currency of the shop's prices: its code by ISO 4217.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Currency(&'static str);

impl Currency {
    pub const EUR: Self = Self("EUR");

    /// The codes of all currencies in use, in alphabetical order.
    #[must_use]
    pub const fn codes() -> &'static [&'static str] {
        &CODES
    }

    /// The code: three capital letters.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.0
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(code: &str) -> Result<Self, CurrencyError> {
        let known = CODES.iter().find(|known| known.eq_ignore_ascii_case(code));
        known.map(|code| Self(code)).ok_or(CurrencyError)
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = Cow::<str>::deserialize(deserializer)?;
        code.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Currency {
    fn schema_name() -> Cow<'static, str> {
        "Currency".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The currency of the amounts: a code of ISO 4217.",
            "type": "string",
            "pattern": "^[A-Z]{3}$",
        })
    }
}

/// A value that contains amounts of money, and the currency of these amounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "{T}", description = "All amounts of money are in `currency`.")]
pub struct Priced<T> {
    #[serde(flatten)]
    value: T,
    currency: Currency,
}

impl<T> Priced<T> {
    pub const fn new(value: T, currency: Currency) -> Self {
        Self { value, currency }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_is_one_that_is_in_use_whatever_letters_it_is_written_in() {
        assert_eq!("eur".parse(), Ok(Currency::EUR));
        for unknown in ["", "EU", "EURO", "XXX", "DEM", "E R"] {
            assert_eq!(unknown.parse::<Currency>(), Err(CurrencyError), "{unknown}");
        }
        assert!(CODES.is_sorted(), "the codes must be in alphabetical order");
        assert!(CODES.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
