//! How to track a parcel: the number and the page that the carrier reports.

use chorus_table::identifier;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::page_url::page_url;

identifier! {
    /// The number under which a carrier tracks a parcel.
    TrackingNumber
}

/// How a parcel can be tracked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Tracking {
    /// The carrier's number of the parcel.
    pub number: TrackingNumber,
    /// The carrier's page about the parcel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<TrackingUrl>,
}

page_url! {
    /// The address of a carrier's page about a parcel. The address is shown as a link, so it has to
    /// be an `https` URL.
    TrackingUrl, of at most 300 characters
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PageUrlError;

    #[test]
    fn a_page_is_at_an_https_address_and_never_a_script() {
        let long = format!("https://a{}", "b".repeat(TrackingUrl::MAX_LENGTH));
        for bad in ["", "https://", "https:///x", "http://a.example", "javascript:alert(1)", &long]
        {
            assert_eq!(bad.parse::<TrackingUrl>(), Err(PageUrlError(300)), "{bad}");
        }
        for bad in ["https://a b", "https://a\n", "https://ä.example"] {
            assert_eq!(bad.parse::<TrackingUrl>(), Err(PageUrlError(300)), "{bad}");
        }
        assert!("https://carrier.example/p/1?lang=en".parse::<TrackingUrl>().is_ok());
    }
}
