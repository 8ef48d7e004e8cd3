//! Outages of a partner, the store or the bus.

use std::time::Duration;

use chorus_table::policy::OUTAGE;

use crate::draw::{Draw, Draws};
use crate::fault::Port;
use crate::trouble::Trouble;

/// The duration of the longest outage of the store or the bus.
const AWS_OUTAGE: Duration = Duration::from_secs(600);

/// A time in which every call to one port (the store, the bus or a partner) fails without an
/// effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    pub port: Port,
    /// When the outage begins, counted from the moment at which the run begins to inject faults.
    pub from: Duration,
    pub lasts: Duration,
}

/// Draws outages at random. An outage of a partner lasts up to six hours. An outage of the store or
/// of the bus lasts up to ten minutes.
pub(crate) fn drawn(draws: &Draws, partners: &[Port]) -> Vec<Outage> {
    let mut draw = draws.of("outages");
    let mut outages = Vec::new();
    if !draws.has(Trouble::OUTAGES) {
        return outages;
    }
    for port in partners {
        let outage = draw_outage(&mut draw, 50, OUTAGE);
        outages.extend(outage.map(|(from, lasts)| Outage { port: *port, from, lasts }));
    }
    for ports in [&[Port::READ, Port::INDEX_READ, Port::WRITE][..], &[Port::PUBLISH]] {
        if let Some((from, lasts)) = draw_outage(&mut draw, 25, AWS_OUTAGE) {
            outages.extend(ports.iter().map(|port| Outage { port: *port, from, lasts }));
        }
    }
    outages
}

fn draw_outage(draw: &mut Draw, percent: u64, longest: Duration) -> Option<(Duration, Duration)> {
    let (from, millis) = (draw.moment(), longest.as_millis() as u64);
    let lasts = Duration::from_millis(1 + draw.below(millis));
    draw.percent(percent).then_some((from, lasts))
}
