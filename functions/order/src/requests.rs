//! What customers send.

use chorus_events::commands::{CreateOrder, OrderedLine};
use chorus_events::{Country, CustomerId, PLAIN_TEXT, PaymentMethod, ShippingAddress};
use chorus_table::Event;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest line of an address, in characters.
pub(crate) const MAX_ADDRESS_LINE: usize = 200;

/// The longest reason of a cancellation, in characters.
pub(crate) const MAX_REASON: usize = 200;

/// What is rather a card's number, as a regular expression; see [`PaymentMethod::is_card_number`].
const CARD_NUMBER: &str = "^[._-]*([0-9][._-]*){12,}$";

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
    #[schemars(extend("not" = { "type": "string", "pattern": CARD_NUMBER }))]
    pub(crate) payment_method: Option<PaymentMethod>,
}

impl NewOrder {
    pub(crate) fn example() -> Self {
        let CreateOrder { customer_id, lines, shipping_address, .. } = CreateOrder::sample();
        let ShippingAddress { name, street, city, postal_code, country } = shipping_address;
        let shipping_address = NewAddress { name, street, city, postal_code, country };
        Self { customer_id, lines, shipping_address, payment_method: None }
    }
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MAX_ADDRESS_LINE), regex(pattern = PLAIN_TEXT))]
    postal_code: Option<String>,
    /// Country, by its two-letter code of ISO 3166; an English name is taken for its code.
    // As it was sent: a request that is repeated after an update has to be the same request.
    #[schemars(extend("enum" = Country::codes()))]
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

impl Cancellation {
    pub(crate) fn example() -> Self {
        Self { reason: Some("ordered by mistake".to_owned()) }
    }
}
