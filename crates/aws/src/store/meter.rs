//! Counts the requests to a store as DynamoDB bills them.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_dynamodb::types::ConsumedCapacity;

/// Counts requests, and the read and write units that they use.
///
/// Units are counted as halves, because half a unit is the smallest amount that DynamoDB bills.
#[derive(Debug, Default)]
pub struct Meter {
    requests: AtomicU64,
    half_reads: AtomicU64,
    half_writes: AtomicU64,
}

/// The values of a meter at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Reading {
    pub requests: u64,
    pub read_units: f64,
    /// Write request units. A refused write counts as one unit per item (two in a transaction),
    /// because DynamoDB does not report the cost of a refused write.
    pub write_units: f64,
}

impl std::ops::Sub for Reading {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            requests: self.requests - before.requests,
            read_units: self.read_units - before.read_units,
            write_units: self.write_units - before.write_units,
        }
    }
}

impl Meter {
    #[must_use]
    pub fn reading(&self) -> Reading {
        Reading {
            requests: self.requests.load(Ordering::Relaxed),
            read_units: units(&self.half_reads),
            write_units: units(&self.half_writes),
        }
    }

    pub(super) fn read(&self, used: Option<&ConsumedCapacity>) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.half_reads
            .fetch_add(halves(used.and_then(capacity).unwrap_or(0.5)), Ordering::Relaxed);
    }

    /// Counts one request that reads several items.
    pub(super) fn read_batch(&self, used: &[ConsumedCapacity]) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let units = used.iter().filter_map(capacity).sum();
        self.half_reads.fetch_add(halves(units), Ordering::Relaxed);
    }

    pub(super) fn wrote(&self, units: f64) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.half_writes.fetch_add(halves(units), Ordering::Relaxed);
    }
}

pub(super) fn capacity(used: &ConsumedCapacity) -> Option<f64> {
    used.capacity_units()
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn halves(units: f64) -> u64 {
    (units * 2.0).round() as u64
}

#[allow(clippy::cast_precision_loss)]
fn units(halves: &AtomicU64) -> f64 {
    halves.load(Ordering::Relaxed) as f64 / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_counts_halves_and_a_difference_is_what_happened_between() {
        let meter = Meter::default();
        meter.read(Some(&ConsumedCapacity::builder().capacity_units(0.5).build()));
        let before = meter.reading();
        meter.wrote(4.0);
        meter.read(None);
        let between = meter.reading() - before;
        assert_eq!(between, Reading { requests: 2, read_units: 0.5, write_units: 4.0 });
    }
}
