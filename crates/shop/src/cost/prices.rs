//! The prices of AWS, in one dated list, and what an order is assumed to consume where the embedded
//! engine cannot measure it.

use super::Consumption;

/// The day on which AWS had these prices. The prices are those of us-east-1, on demand, without
/// free tiers.
pub const PRICES_AS_OF: &str = "2026-11-21";

/// The price of a million requests to an HTTP API, in US dollars. The next constants, up to
/// [`QUEUE_REQUEST`], are the prices of a million events, calls, invocations and so on, in US
/// dollars, too.
const HTTP_API_REQUEST: f64 = 1.00;
const EVENT: f64 = 1.00;
const API_DESTINATION_CALL: f64 = 0.20;
const INVOCATION: f64 = 0.20;
const STANDARD_TRANSITION: f64 = 25.00;
pub(super) const WRITE_UNIT: f64 = 0.625;
const READ_UNIT: f64 = 0.125;
pub(super) const QUEUE_REQUEST: f64 = 0.40;
/// The price of a million gigabyte-seconds of Lambda on arm64, in US dollars.
const GIGABYTE_SECOND: f64 = 13.33;

/// The price of a gigabyte (a million kilobytes) of logs, in US dollars.
const LOGGED: f64 = 0.50;
/// The price of a gigabyte of events that the archive takes in, in US dollars.
const ARCHIVED: f64 = 0.10;

/// An invocation is assumed to run for 40 ms with 256 MiB of memory.
const GIGABYTE_SECONDS_OF_AN_INVOCATION: f64 = 0.040 * 0.25;
/// Assumes that an invocation logs one line of at most 400 bytes, and that Lambda itself logs
/// nothing. A test of `chorus-aws` checks the line's length.
const LOGGED_KILOBYTES_OF_AN_INVOCATION: f64 = 0.4;
/// The assumed size of an event in the archive.
const ARCHIVED_KILOBYTES_OF_AN_EVENT: f64 = 1.2;

/// Returns what a million times `used` costs, in US dollars.
#[allow(clippy::cast_precision_loss, reason = "counts of one order are small")]
pub(super) fn dollars_per_million(used: &Consumption) -> f64 {
    let each = |count: u64, price: f64| count as f64 * price;
    each(used.http_requests, HTTP_API_REQUEST)
        + each(used.events, EVENT + ARCHIVED_KILOBYTES_OF_AN_EVENT * ARCHIVED)
        + each(used.partner_calls, API_DESTINATION_CALL)
        + each(used.invocations, dollars_of_an_invocation())
        + each(used.transitions, STANDARD_TRANSITION)
        + each(used.queue_requests, QUEUE_REQUEST)
        + used.write_units * WRITE_UNIT
        + used.read_units * READ_UNIT
}

/// Returns what a million invocations cost in US dollars, including their time and their log lines.
pub(super) fn dollars_of_an_invocation() -> f64 {
    INVOCATION
        + GIGABYTE_SECONDS_OF_AN_INVOCATION * GIGABYTE_SECOND
        + LOGGED_KILOBYTES_OF_AN_INVOCATION * LOGGED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bill_of_docs_deploy_comes_to_what_it_says() {
        let order = Consumption {
            requests: 67,
            read_units: 33.0,
            write_units: 110.0,
            invocations: 38,
            events: 15,
            transitions: 1,
            http_requests: 3,
            queue_requests: 12,
            partner_calls: 1,
        };
        assert_eq!(dollars_per_million(&order).round(), 143.0);
    }
}
