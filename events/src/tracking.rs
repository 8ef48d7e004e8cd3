//! How to track a parcel, as its carrier reports it.

use chorus_table::identifier;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

identifier! {
    /// A carrier's number of a parcel.
    TrackingNumber
}

/// By what a parcel is followed on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Tracking {
    /// The carrier's number of the parcel.
    pub number: TrackingNumber,
    /// The carrier's page about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<TrackingUrl>,
}

/// The text is not the address of a carrier's page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an https:// URL of at most {} visible ASCII characters", TrackingUrl::MAX_LENGTH)]
pub struct TrackingUrlError;

/// The address of a carrier's page about a parcel. It is shown as a link, so it has to be `https`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TrackingUrl(String);

impl TrackingUrl {
    /// The longest address, in characters.
    pub const MAX_LENGTH: usize = 300;

    /// A regular expression that every such address matches.
    const PATTERN: &str = "^https://[A-Za-z0-9][!-~]*$";

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TrackingUrl {
    type Error = TrackingUrlError;

    fn try_from(text: String) -> Result<Self, TrackingUrlError> {
        let place = text.strip_prefix("https://").unwrap_or_default();
        let is_address = place.starts_with(|first: char| first.is_ascii_alphanumeric())
            && place.bytes().all(|byte| byte.is_ascii_graphic())
            && text.len() <= Self::MAX_LENGTH;
        if is_address { Ok(Self(text)) } else { Err(TrackingUrlError) }
    }
}

impl std::str::FromStr for TrackingUrl {
    type Err = TrackingUrlError;

    fn from_str(text: &str) -> Result<Self, TrackingUrlError> {
        Self::try_from(text.to_owned())
    }
}

impl From<TrackingUrl> for String {
    fn from(url: TrackingUrl) -> Self {
        url.0
    }
}

impl std::fmt::Display for TrackingUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for TrackingUrl {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TrackingUrl".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string", "pattern": Self::PATTERN, "maxLength": Self::MAX_LENGTH,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_at_an_https_address_and_never_a_script() {
        let long = format!("https://a{}", "b".repeat(TrackingUrl::MAX_LENGTH));
        for bad in ["", "https://", "https:///x", "http://a.example", "javascript:alert(1)", &long]
        {
            assert_eq!(bad.parse::<TrackingUrl>(), Err(TrackingUrlError), "{bad}");
        }
        for bad in ["https://a b", "https://a\n", "https://ä.example"] {
            assert_eq!(bad.parse::<TrackingUrl>(), Err(TrackingUrlError), "{bad}");
        }
        assert!("https://carrier.example/p/1?lang=en".parse::<TrackingUrl>().is_ok());
    }
}
