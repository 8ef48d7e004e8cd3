//! The shop's settings as parameters of the template. The time limit of a delivery is a parameter,
//! too, but this parameter derives from the state machine that waits for the delivery.

use chorus_events::{Country, Currency, Settings, services};
use chorus_table::Service;
use chorus_template::Parameter;
use chorus_template::intrinsics::reference;
use serde_json::Value;

/// The parameter with the country that the shop ships from.
const HOME_COUNTRY: &str = "HomeCountry";
/// The parameter with the threshold: an order whose total is at least this amount is reviewed.
const REVIEW_ABOVE: &str = "ReviewAbove";
/// The parameter with the currency of all prices.
const CURRENCY: &str = "Currency";
/// The parameter with the number of orders that a customer may place in a minute.
const ORDERS_PER_MINUTE: &str = "OrdersPerMinute";
/// Matches the numbers up to [`Settings::MAX_ORDERS_PER_MINUTE`].
const ORDERS_PER_MINUTE_PATTERN: &str = "^([0-9]{1,4}|[1-5][0-9]{4}|60000)$";

pub(crate) fn parameters() -> Vec<Parameter> {
    let Settings { home_country, review_above, currency, orders_per_minute, .. } =
        Settings::DEFAULT;
    let text = Parameter::text;
    let home = "The country that the shop ships from: a code of ISO 3166";
    let review = "Orders of at least this total are reviewed before they are charged";
    let orders =
        "How many orders a customer may place in a minute, at most 60000; 0 for any number";
    vec![
        text(HOME_COUNTRY, home, home_country.code()).one_of(&Country::codes()),
        text(REVIEW_ABOVE, review, &review_above.to_string()).at_least(0),
        text(CURRENCY, "The currency of prices: a code of ISO 4217", currency.code())
            .one_of(Currency::codes()),
        text(ORDERS_PER_MINUTE, orders, &orders_per_minute.to_string())
            .like(ORDERS_PER_MINUTE_PATTERN),
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

#[cfg(test)]
mod tests {
    use regex_automata::dfa::regex::Regex;

    use super::*;

    #[test]
    fn the_pattern_of_orders_per_minute_has_the_same_maximum_as_the_setting() {
        let pattern = Regex::new(ORDERS_PER_MINUTE_PATTERN).unwrap();
        let allowed = |number: u32| pattern.is_match(&number.to_string());
        assert!((0..=Settings::MAX_ORDERS_PER_MINUTE).all(allowed));
        for refused in [60_001, 60_010, 61_000, 99_999, 100_000, 999_999] {
            assert!(!allowed(refused), "{refused}");
        }
        assert!(!pattern.is_match("") && !pattern.is_match("-1"));
    }
}
