//! The shop's settings as parameters. The time limit of a delivery is a parameter, too, but it
//! derives from the state machine that waits for the delivery.

use chorus_events::{Country, Currency, Settings, services};
use chorus_table::Service;
use chorus_template::Parameter;
use chorus_template::intrinsics::reference;
use serde_json::Value;

/// The parameter with the country that the shop ships from.
const HOME_COUNTRY: &str = "HomeCountry";
/// The parameter with the total from which orders are reviewed.
const REVIEW_ABOVE: &str = "ReviewAbove";
/// The parameter with the currency of all prices.
const CURRENCY: &str = "Currency";
/// The parameter with the number of orders that a customer may place in a minute.
const ORDERS_PER_MINUTE: &str = "OrdersPerMinute";

pub(crate) fn parameters() -> Vec<Parameter> {
    let Settings { home_country, review_above, currency, orders_per_minute, .. } =
        Settings::DEFAULT;
    let text = Parameter::text;
    let home = "The country that the shop ships from: a code of ISO 3166";
    let review = "Orders of at least this total are reviewed before they are charged";
    let orders = "How many orders a customer may place in a minute; 0 for any number";
    vec![
        text(HOME_COUNTRY, home, home_country.code()).one_of(&Country::codes()),
        text(REVIEW_ABOVE, review, &review_above.to_string()).at_least(0),
        text(CURRENCY, "The currency of prices: a code of ISO 4217", currency.code())
            .one_of(Currency::codes()),
        text(ORDERS_PER_MINUTE, orders, &orders_per_minute.to_string()).like("^[0-9]{1,6}$"),
    ]
}

/// The services that show, charge or write prices.
const WITH_PRICES: [Service; 7] = [
    services::PAYMENT,
    services::NOTIFICATION,
    services::ORDER,
    services::INVENTORY,
    services::FRAUD,
    services::ANALYTICS,
    services::ENTERPRISE,
];

/// The environment variables with the settings. The currency goes to all services with prices. The
/// other settings go to Order only, which records them in the event that creates an order.
pub(crate) fn variables() -> Vec<(Service, String, Value)> {
    let variable =
        |service, name: &str, parameter| (service, name.to_owned(), reference(parameter));
    let mut all = vec![
        variable(services::ORDER, "HOME_COUNTRY", HOME_COUNTRY),
        variable(services::ORDER, "REVIEW_ABOVE", REVIEW_ABOVE),
        variable(services::ORDER, "ORDERS_PER_MINUTE", ORDERS_PER_MINUTE),
    ];
    all.extend(WITH_PRICES.map(|service| variable(service, "CURRENCY", CURRENCY)));
    all
}
