//! What customers send.

use chorus_events::commands::OrderedLine;
use chorus_events::{CustomerId, PLAIN_TEXT, PaymentMethod, ShippingAddress};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest line of an address, in characters.
pub(crate) const MAX_ADDRESS_LINE: usize = 200;

/// The longest reason of a cancellation, in characters.
pub(crate) const MAX_REASON: usize = 200;

/// An order as a customer places it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct NewOrder {
    /// Who orders.
    pub(crate) customer_id: CustomerId,
    /// What, 1 to 90 lines.
    #[schemars(length(min = 1, max = chorus_events::MAX_LINES))]
    pub(crate) lines: Vec<OrderedLine>,
    /// Where it goes.
    pub(crate) shipping_address: NewAddress,
    /// How it is paid: the payment provider's token of a card, never the card's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) payment_method: Option<PaymentMethod>,
}

/// Where a parcel shall go. Unlike the events' [`ShippingAddress`], it has no fields but these: a
/// misspelled `postal-code` would otherwise be lost without a word.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct NewAddress {
    /// Who receives it.
    #[schemars(length(min = 1, max = MAX_ADDRESS_LINE), regex(pattern = PLAIN_TEXT))]
    name: String,
    /// Street and number.
    #[schemars(length(min = 1, max = MAX_ADDRESS_LINE), regex(pattern = PLAIN_TEXT))]
    street: String,
    /// City.
    #[schemars(length(min = 1, max = MAX_ADDRESS_LINE), regex(pattern = PLAIN_TEXT))]
    city: String,
    /// Postal code; not every country has them.
    #[serde(default)]
    #[schemars(length(min = 1, max = MAX_ADDRESS_LINE), regex(pattern = PLAIN_TEXT))]
    postal_code: Option<String>,
    /// Country, by its English name.
    #[schemars(length(min = 1, max = MAX_ADDRESS_LINE), regex(pattern = PLAIN_TEXT))]
    country: String,
}

impl From<NewAddress> for ShippingAddress {
    fn from(address: NewAddress) -> Self {
        let NewAddress { name, street, city, postal_code, country } = address;
        Self { name, street, city, postal_code, country }
    }
}

/// What a customer may send along with a cancellation.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Cancellation {
    /// The reason, which the order shows.
    #[serde(default)]
    #[schemars(length(min = 1, max = MAX_REASON), regex(pattern = PLAIN_TEXT))]
    pub(crate) reason: Option<String>,
}
