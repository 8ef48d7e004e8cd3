//! Countries, by ISO 3166.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The text is not a country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the ISO 3166 code of a country, such as DE, or its English name")]
pub struct CountryError;

/// A country: a two-letter code of ISO 3166, or `XK` for Kosovo, a code that ISO leaves unassigned
/// for private use.
///
/// In an event, any two capital letters are accepted, because ISO may have withdrawn the code since
/// the event was published. Text that a person wrote is parsed, and must name a country that exists
/// today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Cow<'_, str>", into = "String")]
pub struct Country([u8; 2]);

impl Country {
    pub const DE: Self = Self(*b"DE");

    /// The code: two capital letters.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).expect("two ASCII letters are valid UTF-8")
    }

    /// The codes of all countries, in alphabetical order.
    #[must_use]
    pub fn codes() -> Vec<&'static str> {
        let mut codes: Vec<&str> =
            celes::Country::get_countries().iter().map(|it| it.alpha2).collect();
        codes.sort_unstable();
        codes
    }

    fn of_code(code: &str) -> Option<Self> {
        let letters: [u8; 2] = code.as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_uppercase).then_some(Self(letters))
    }
}

/// Reads a country's code or English name, in upper or lower case.
impl FromStr for Country {
    type Err = CountryError;

    fn from_str(text: &str) -> Result<Self, CountryError> {
        // The crate `celes` stores names without spaces. The crate also accepts numeric codes,
        // which this function refuses.
        let name: String = text.split_whitespace().collect();
        if name.bytes().any(|byte| byte.is_ascii_digit()) {
            return Err(CountryError);
        }
        // The code of the United Kingdom is GB, but ISO also reserves UK, so people may write UK.
        let name = if name.eq_ignore_ascii_case("UK") { "GB" } else { &name };
        let known = name.parse::<celes::Country>().map_err(|_| CountryError)?;
        Self::of_code(known.alpha2).ok_or(CountryError)
    }
}

impl TryFrom<Cow<'_, str>> for Country {
    type Error = &'static str;

    fn try_from(code: Cow<'_, str>) -> Result<Self, &'static str> {
        Self::of_code(&code).ok_or("must be a country's code of two capital letters, such as DE")
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.code().to_owned()
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl JsonSchema for Country {
    fn schema_name() -> Cow<'static, str> {
        "Country".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A country: its two-letter code by ISO 3166.",
            "type": "string",
            "pattern": "^[A-Z]{2}$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Option<String> {
        text.parse().ok().map(|country: Country| country.to_string())
    }

    #[test]
    fn a_country_is_told_by_its_code_or_its_english_name() {
        for (text, expected) in [
            ("DE", "DE"),
            ("de", "DE"),
            ("Germany", "DE"),
            ("USA", "US"),
            ("UK", "GB"),
            ("United Kingdom", "GB"),
            ("Venezuela", "VE"),
            ("South Korea", "KR"),
            ("Samoa", "WS"),
            ("Kosovo", "XK"),
        ] {
            assert_eq!(code(text).as_deref(), Some(expected), "{text}");
        }
        for unknown in ["", " ", "ZZ", "XX", "Atlantis", "Deutschland", "276", "D", "DE1"] {
            assert_eq!(code(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn every_code_is_that_of_a_country_and_there_once() {
        let codes = Country::codes();
        assert_eq!(codes.len(), 250, "249 of ISO 3166, and XK");
        assert!(codes.windows(2).all(|pair| pair[0] < pair[1]));
        for known in codes {
            assert_eq!(code(known).as_deref(), Some(known));
        }
    }

    #[test]
    fn an_event_names_a_country_by_its_code_alone() {
        let read = |text: &str| serde_json::from_str::<Country>(text);
        assert_eq!(read("\"DE\"").unwrap(), Country::DE);
        assert_eq!(serde_json::to_string(&Country::DE).unwrap(), "\"DE\"");
        for bad in ["\"de\"", "\"Germany\"", "\"\"", "7"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read("\"AN\"").is_ok(), "ISO has withdrawn AN, but events of that time contain it");
    }
}
