//! Orders wait for a partner that is unavailable, and continue by themselves afterwards.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use chorus_shop_simulation::{
    CARRIER_PORT, MAIL_PORT, Outcome, PAYMENT_PORT, Simulator, Story, faults,
};
use chorus_simulation::{Outage, Port};
use chorus_table::policy::OUTAGE;

/// The maximum number of calls to an unavailable partner for each message that waits.
const CALLS: u64 = 100;

/// The outcome of a fixed script in which this partner is unavailable for the first six hours.
#[track_caller]
fn away(story: Story, port: Port) -> Outcome {
    let outage = Outage { port, from: Duration::ZERO, lasts: OUTAGE };
    let outcome = Simulator::new().outage(story, &[outage]).unwrap();
    assert_eq!(outcome.violations, [""; 0]);
    assert_eq!(outcome.dead_letters, 0);
    outcome
}

/// Checks that the order was delivered, late, and after few calls.
#[track_caller]
fn delivered_late(outcome: &Outcome) {
    assert_eq!((outcome.ends.delivered, outcome.ends.canceled), (1, 0));
    assert!(outcome.virtual_seconds.unsigned_abs() > OUTAGE.as_secs());
    assert!((10..CALLS).contains(&outcome.unanswered), "{} calls", outcome.unanswered);
}

#[test]
fn a_carrier_away_for_six_hours_cancels_nothing() {
    delivered_late(&away(Story::Delivered, CARRIER_PORT));
}

#[test]
fn a_bank_away_for_six_hours_charges_once_and_late() {
    // Every run checks that there is one charge of the total, and no refund.
    delivered_late(&away(Story::Delivered, PAYMENT_PORT));
}

#[test]
fn mail_away_for_six_hours_is_sent_once_and_late() {
    // Every run checks that each email was sent. `CALLS` is the limit for one email, and an order
    // has several.
    let outcome = away(Story::Delivered, MAIL_PORT);
    assert_eq!((outcome.ends.delivered, outcome.ends.canceled), (1, 0));
    assert!((10..4 * CALLS).contains(&outcome.unanswered), "{} calls", outcome.unanswered);
}

#[test]
fn a_bank_away_when_an_order_is_canceled_refunds_once_and_late() {
    for from in [0, 1_000, 2_400, 2_500, 2_600] {
        let from = Duration::from_millis(from);
        let outage = Outage { port: PAYMENT_PORT, from, lasts: OUTAGE };
        let outcome = Simulator::new().outage(Story::Canceled, &[outage]).unwrap();
        assert_eq!((outcome.violations.len(), outcome.dead_letters), (0, 0), "{from:?}");
        assert_eq!(outcome.ends.canceled, 1);
    }
}

/// Two groups: the ports of the store, and the port of the bus. All ports of a group fail at the
/// same time.
const AWS: [&[Port]; 2] = [&[Port::READ, Port::INDEX_READ, Port::WRITE], &[Port::PUBLISH]];

#[test]
fn a_store_or_a_bus_away_for_ten_minutes_loses_nothing_and_nobody_redrives() {
    let lasts = Duration::from_secs(600);
    for (ports, from) in AWS.iter().flat_map(|ports| [0, 1_000, 2_500].map(|from| (ports, from))) {
        let from = Duration::from_millis(from);
        let outages: Vec<Outage> =
            ports.iter().map(|port| Outage { port: *port, from, lasts }).collect();
        let outcome = Simulator::new().outage(Story::Delivered, &outages).unwrap();
        assert_eq!(outcome.violations, [""; 0], "{outages:?}");
        assert_eq!((outcome.ends.delivered, outcome.dead_letters), (1, 0), "{outages:?}");
        assert!(outcome.virtual_seconds.unsigned_abs() > lasts.as_secs(), "{outages:?}");
    }
}

#[test]
fn calls_of_who_is_away_are_few_however_many_orders_wait() {
    // Every run checks that few calls are made to an unavailable partner. Without circuit breakers,
    // these runs would make many calls.
    let faults = faults("outages").unwrap();
    let outcomes = (0..12).map(|seed| Simulator::new().seed(seed, &faults, 40).unwrap());
    let mut unanswered = 0;
    for outcome in outcomes {
        assert_eq!(outcome.violations, [""; 0], "seed {}", outcome.seed);
        unanswered += outcome.unanswered;
    }
    assert!(unanswered > 500, "{unanswered}");
}
