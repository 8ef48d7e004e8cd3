//! The bodies of the requests that customers send.

use chorus_events::commands::{CreateOrder, OrderedLine};
use chorus_events::{
    Country, CustomerId, OrderId, PLAIN_TEXT, PaymentMethod, PostalAddress, ShippingAddress,
    is_plain_text,
};
use chorus_kernel::{ActionError, SealingKey};
use chorus_table::Event;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest line of an address, in characters.
pub(crate) const MAX_ADDRESS_LINE: usize = 200;

/// The longest reason of a cancellation, in characters.
pub(crate) const MAX_REASON: usize = 200;

/// A regular expression for texts that are probably card numbers; see
/// [`PaymentMethod::is_card_number`].
const CARD_NUMBER: &str = "^[._-]*([0-9][._-]*){12,}$";

/// An order as a customer places it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct NewOrder {
    /// The customer's id.
    pub(crate) customer_id: CustomerId,
    /// The order's lines, 1 to 90 of them.
    #[schemars(length(min = 1, max = chorus_events::MAX_LINES))]
    pub(crate) lines: Vec<OrderedLine>,
    /// The shipping address.
    pub(crate) shipping_address: NewAddress,
    /// The payment method: the payment provider's token of a card, never the card's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("not" = { "type": "string", "pattern": CARD_NUMBER }))]
    pub(crate) payment_method: Option<PaymentMethod>,
}

impl NewOrder {
    pub(crate) fn example() -> Self {
        let CreateOrder { customer_id, lines, .. } = CreateOrder::sample();
        Self { customer_id, lines, shipping_address: NewAddress::example(), payment_method: None }
    }
}

/// The address to which the parcel is delivered. Unknown fields are refused, unlike in the events'
/// [`ShippingAddress`]: otherwise a misspelled `postal-code` would be dropped silently.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct NewAddress {
    /// Who receives the parcel.
    #[schemars(length(min = 1, max = MAX_ADDRESS_LINE), regex(pattern = PLAIN_TEXT))]
    name: String,
    /// The street and the house number.
    #[schemars(length(min = 1, max = MAX_ADDRESS_LINE), regex(pattern = PLAIN_TEXT))]
    street: String,
    /// The city.
    #[schemars(length(min = 1, max = MAX_ADDRESS_LINE), regex(pattern = PLAIN_TEXT))]
    city: String,
    /// The postal code; not every country has postal codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MAX_ADDRESS_LINE), regex(pattern = PLAIN_TEXT))]
    postal_code: Option<String>,
    /// The country, as its two-letter code of ISO 3166. An English name is accepted as well.
    // The text is kept as it was sent, so that a repeated request equals the first one, even if the
    // shop was updated in between.
    #[schemars(extend("enum" = Country::codes()))]
    country: String,
}

impl NewAddress {
    fn example() -> Self {
        Self {
            name: "Ana Trujillo".to_owned(),
            street: "Avda. de la Constitución 2222".to_owned(),
            city: "México D.F.".to_owned(),
            postal_code: Some("05021".to_owned()),
            country: "MX".to_owned(),
        }
    }

    /// Refuses an address that nobody can deliver to.
    ///
    /// # Errors
    /// If a field is not valid; the error names the field and its rule.
    pub(crate) fn check(&self) -> Result<(), ActionError> {
        let fields = [
            ("name", Some(&self.name)),
            ("street", Some(&self.street)),
            ("city", Some(&self.city)),
            ("postal-code", self.postal_code.as_ref()),
        ];
        for (field, text) in fields {
            if text.is_some_and(|text| !is_plain_text(text, MAX_ADDRESS_LINE)) {
                let rule = format!("must be 1 to {MAX_ADDRESS_LINE} characters of plain text");
                return Err(ActionError::invalid(format!("/shipping-address/{field}"), rule));
            }
        }
        Ok(())
    }
}

impl From<NewAddress> for PostalAddress {
    fn from(address: NewAddress) -> Self {
        let NewAddress { name, street, city, postal_code, country } = address;
        Self { name, street, city, postal_code, country }
    }
}

impl NewOrder {
    /// Returns the command that creates the order `order_id`, with the customer's data encrypted.
    pub(crate) fn command(self, order_id: OrderId, key: SealingKey) -> CreateOrder {
        let Self { customer_id, lines, shipping_address, payment_method } = self;
        let shipping_address =
            ShippingAddress::sealed(shipping_address.into(), |text| key.seal(text));
        CreateOrder { order_id, customer_id, lines, shipping_address, payment_method }
    }
}

/// The body of a request to cancel an order.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Cancellation {
    /// The reason; responses about the order contain it.
    #[serde(default)]
    #[schemars(length(min = 1, max = MAX_REASON), regex(pattern = PLAIN_TEXT))]
    pub(crate) reason: Option<String>,
}

impl Cancellation {
    pub(crate) fn example() -> Self {
        Self { reason: Some("ordered by mistake".to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::samples;

    #[track_caller]
    fn refused(address: &NewAddress, field: &str) {
        let refusal = address.check().unwrap_err();
        assert!(
            matches!(&refusal, ActionError::Invalid { field: f, .. } if f == field),
            "{refusal:?}"
        );
    }

    #[test]
    fn a_blank_city_and_an_endless_postal_code_are_refused() {
        let blank = NewAddress { city: "  ".to_owned(), ..NewAddress::example() };
        refused(&blank, "/shipping-address/city");
        let postal_code = Some("1".repeat(MAX_ADDRESS_LINE + 1));
        let endless = NewAddress { postal_code, ..NewAddress::example() };
        refused(&endless, "/shipping-address/postal-code");
        NewAddress::example().check().unwrap();
    }

    #[test]
    fn a_command_says_nothing_of_the_customer_but_the_country() {
        let key = SealingKey::new(samples::PERSON_KEY);
        let command = NewOrder::example().command(samples::order_id(), key);
        assert_eq!(command.shipping_address, samples::address());
    }
}
