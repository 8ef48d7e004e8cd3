//! One small order, whose data all sample events, schemas and documents contain.

use jiff::Timestamp;

use crate::commands::OrderedLine;
use crate::inventory::{DescribedLine, MissingLine};
use chorus_table::{Handle, Sealed};

use crate::{
    ConfirmationUrl, CustomerId, Line, Money, OrderId, PaymentMethod, Quantity, Settings,
    ShippingAddress, Sku, Terms, Tracking,
};

/// Parses a literal of this file. Tests generate every sample, and so parse every literal.
fn literal<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("the literals of this file are tested")
}

/// The id of the order in the samples.
#[must_use]
pub fn order_id() -> OrderId {
    literal("1073459984")
}

/// The handle of a callback about the order: an opaque id that stands for a secret task token.
#[must_use]
pub fn handle() -> Handle {
    literal("b4b1a5c2e7f0598e8d3c6a1f20d94e77")
}

/// The id of the customer in the samples.
#[must_use]
pub fn customer_id() -> CustomerId {
    literal("456")
}

/// How the customer pays.
#[must_use]
pub fn payment_method() -> PaymentMethod {
    literal("pm_card_visa")
}

/// The key under which the personal data in the samples is encrypted.
pub const PERSON_KEY: [u8; 32] = [7; 32];

fn sealed(ciphertext: &str) -> Sealed {
    format!("~{ciphertext}").into()
}

/// The customer's name: Ana Trujillo.
#[must_use]
pub fn customer_name() -> Sealed {
    sealed("_CkQhGWVTdMmc1hU7riSTNIiKfZfZ7790goL5g")
}

/// The id of the key under which the customer's data is encrypted.
#[must_use]
pub fn key_id() -> String {
    "4980c225bd87eabd".to_owned()
}

/// The customer's email address: ana@example.com.
#[must_use]
pub fn email() -> Sealed {
    sealed("pbmvo5WPWsiRage9-RoWEvWP9_vvroQ2SQvyF6V-Cw")
}

/// The id of the item in the samples.
#[must_use]
pub fn sku() -> Sku {
    literal("chai")
}

/// The price of one piece of the item.
#[must_use]
pub fn unit_price() -> Money {
    Money::from_minor(7_917)
}

/// Three pieces of the item.
#[must_use]
pub fn quantity() -> Quantity {
    Quantity::try_from(3).expect("three is a quantity")
}

/// The total of the order.
#[must_use]
pub fn total() -> Money {
    Money::from_minor(23_751)
}

/// The lines of the order.
#[must_use]
pub fn lines() -> Vec<Line> {
    vec![Line { sku: sku(), quantity: quantity(), unit_price: unit_price() }]
}

/// The total of an order of high value.
#[must_use]
pub fn high_total() -> Money {
    Money::from_minor(395_850)
}

/// The lines of the order of high value: fifty pieces.
#[must_use]
pub fn high_lines() -> Vec<Line> {
    let quantity = Quantity::try_from(50).expect("fifty is a quantity");
    vec![Line { sku: sku(), quantity, unit_price: unit_price() }]
}

/// The lines of the order as a customer requests them, without prices.
#[must_use]
pub fn ordered_lines() -> Vec<OrderedLine> {
    vec![OrderedLine { sku: sku(), quantity: quantity() }]
}

/// The lines of the order as a carrier gets them, with the items' names.
#[must_use]
pub fn described_lines() -> Vec<DescribedLine> {
    vec![DescribedLine { sku: sku(), name: "Chai".to_owned(), quantity: quantity() }]
}

/// A line that cannot be reserved, because only one piece is available.
#[must_use]
pub fn missing_lines() -> Vec<MissingLine> {
    vec![MissingLine { sku: sku(), ordered: Some(quantity().get()), available: Some(1) }]
}

/// The shipping address of the order: Ana Trujillo, Avda. de la Constitución 2222, 05021 México
/// D.F. It is abroad, so that the Customs service prepares a declaration.
#[must_use]
pub fn address() -> ShippingAddress {
    let lines = sealed(
        "VmlY2E5Ss6_axIS6YgKwFEkZ3Z-XDDWJ-hrZxsSAEoY7lyMY8BhzeQqFV1G4\
         Bz3FV1DISYLlvKq8mifgzhbYaIuLcwv6vQKAoGKTFiJH",
    );
    ShippingAddress::of(lines, "MX")
}

/// An address in the shop's home country: Maria Anders, Obere Str. 57, 12209 Berlin.
#[must_use]
pub fn home_address() -> ShippingAddress {
    let lines = sealed(
        "1Udt1SakMSiqTO1rQLP8ou1umSEspFZef4Pt8pjMb0uYX420rZky9x0TEkIS\
         s-IxTX2Mx1iHbg",
    );
    ShippingAddress::of(lines, &Settings::DEFAULT.home_country.to_string())
}

/// The terms of an order with this total and with the shipping address [`address`].
#[must_use]
pub fn terms(total: Money) -> Option<Terms> {
    Some(Settings::DEFAULT.terms(total, literal(&address().country)))
}

/// The terms of an order that goes to [`home_address`].
#[must_use]
pub fn home_terms() -> Option<Terms> {
    Some(Settings::DEFAULT.terms(total(), Settings::DEFAULT.home_country))
}

/// The page on which the order's payment is confirmed.
#[must_use]
pub fn confirmation_url() -> ConfirmationUrl {
    literal("https://bank.example/confirm?payment=1073459984&key=5f0a")
}

/// How to track the order's parcel.
#[must_use]
pub fn tracking() -> Tracking {
    Tracking {
        number: literal("JD014600003828"),
        url: Some(literal("https://carrier.example/parcels/JD014600003828")),
    }
}

/// The order's update for the shop's front end, signed with the secret
/// `0123456789abcdef0123456789abcdef`.
#[must_use]
pub fn signed_update() -> String {
    SIGNED_UPDATE.to_owned()
}

/// The JSON Web Token of [`signed_update`].
const SIGNED_UPDATE: &str = "\
    eyJ0eXAiOiJvcmRlci11cGRhdGUrand0IiwiYWxnIjoiSFMyNTYifQ.eyJpc3MiOiJjaG9ydXMiLCJzdWIiOiIxM\
    DczNDU5OTg0IiwianRpIjoiMzI3NGIxZWItNzdmMS01NjM3LTgxNzktM2RhMGQxMGNlYTI0IiwiaWF0IjoxNzk1M\
    TcxNjIwLCJleHAiOjE3OTUyNjE2MjAsInVwZGF0ZSI6eyJ0eXBlIjoiT3JkZXJEZWxpdmVyZWQiLCJhdCI6IjIwM\
    jYtMTEtMjBUMTA6NDc6MDBaIiwic3RhdHVzIjoiRGVsaXZlcmVkIiwiZGVsaXZlcnkiOiJkZWxpdmVyZWQifX0.Y\
    kdvdO9ryPgAKwBGzx48uZ8sZ0audKKrW6182q0sxSw";

/// When the order was placed.
#[must_use]
pub fn moment() -> Timestamp {
    chorus_table::sample_time()
}

/// When the order should arrive.
#[must_use]
pub fn estimated_arrival() -> Timestamp {
    literal("2026-11-25T10:47:00Z")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_literals_parse_and_the_total_is_the_sum_of_the_lines() {
        let _all =
            (super::order_id(), super::customer_id(), super::moment(), super::estimated_arrival());
        assert_eq!(crate::total(&super::lines()), Some(super::total()));
        assert_eq!(crate::total(&super::high_lines()), Some(super::high_total()));
    }
}
