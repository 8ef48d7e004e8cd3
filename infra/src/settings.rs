//! The shop's own numbers, as parameters. How long a delivery may take is one as well, which derives
//! from the state machine that waits for it.

use chorus_events::{Country, Settings, services};
use chorus_table::Service;
use chorus_template::Parameter;
use chorus_template::intrinsics::reference;
use serde_json::Value;

/// The country that the shop ships from.
const HOME_COUNTRY: &str = "HomeCountry";
/// From which total on orders are reviewed.
const REVIEW_ABOVE: &str = "ReviewAbove";
/// What prices are in.
const CURRENCY: &str = "Currency";

pub(crate) fn parameters() -> Vec<Parameter> {
    let Settings { home_country, review_above, currency } = Settings::DEFAULT;
    let text = Parameter::text;
    let home = "The country that the shop ships from: a code of ISO 3166";
    let review = "From this total on, orders are reviewed before they are charged";
    vec![
        text(HOME_COUNTRY, home, home_country.code()).one_of(&Country::codes()),
        text(REVIEW_ABOVE, review, &review_above.to_string()).at_least(0),
        text(CURRENCY, "What prices are in: a code of ISO 4217", currency.code()),
    ]
}

/// The services that tell prices, or charge them.
const WITH_PRICES: [Service; 5] =
    [services::PAYMENT, services::ORDER, services::INVENTORY, services::FRAUD, services::ANALYTICS];

/// What prices are in, all know who tell them; the rest, only who creates orders, whose events say it
/// from then on.
pub(crate) fn variables() -> Vec<(Service, String, Value)> {
    let variable =
        |service, name: &str, parameter| (service, name.to_owned(), reference(parameter));
    let mut all = vec![
        variable(services::ORDER, "HOME_COUNTRY", HOME_COUNTRY),
        variable(services::ORDER, "REVIEW_ABOVE", REVIEW_ABOVE),
    ];
    all.extend(WITH_PRICES.map(|service| variable(service, "CURRENCY", CURRENCY)));
    all
}
