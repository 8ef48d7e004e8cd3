//! Counts the requests to a store as DynamoDB bills them.

use std::sync::atomic::{AtomicU64, Ordering};

use dynoxide::types::ConsumedCapacity;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    Get,
    BatchGet,
    Query,
    Put,
    Update,
    Delete,
    Transact,
    Scan,
}

impl Operation {
    pub const ALL: [Self; 8] = [
        Self::Get,
        Self::BatchGet,
        Self::Query,
        Self::Put,
        Self::Update,
        Self::Delete,
        Self::Transact,
        Self::Scan,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GetItem",
            Self::BatchGet => "BatchGetItem",
            Self::Query => "Query",
            Self::Put => "PutItem",
            Self::Update => "UpdateItem",
            Self::Delete => "DeleteItem",
            Self::Transact => "TransactWriteItems",
            Self::Scan => "Scan",
        }
    }
}

/// The counters of one kind of request. They count half capacity units, because half a unit is the
/// least that DynamoDB bills.
#[derive(Debug, Default)]
struct Counter {
    requests: AtomicU64,
    half_reads: AtomicU64,
    half_writes: AtomicU64,
}

/// Counts requests and capacity units. Counting is cheap enough to be always on.
#[derive(Debug, Default)]
pub struct Meter {
    counters: [Counter; Operation::ALL.len()],
}

/// The values of a meter at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Reading {
    pub requests: u64,
    pub read_units: f64,
    /// Write request units. A refused write counts as one unit per item (two in a transaction),
    /// because a refusal does not report its cost.
    pub write_units: f64,
}

impl std::ops::Add for Reading {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            read_units: self.read_units + other.read_units,
            write_units: self.write_units + other.write_units,
        }
    }
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
    /// The counts of one kind of request.
    #[must_use]
    pub fn of(&self, operation: Operation) -> Reading {
        let counter = &self.counters[operation as usize];
        Reading {
            requests: counter.requests.load(Ordering::Relaxed),
            read_units: units(&counter.half_reads),
            write_units: units(&counter.half_writes),
        }
    }

    /// The counts of all kinds of requests together.
    #[must_use]
    pub fn total(&self) -> Reading {
        Operation::ALL
            .iter()
            .map(|operation| self.of(*operation))
            .fold(Reading::default(), |a, b| a + b)
    }

    pub(super) fn read(&self, operation: Operation, used: Option<&ConsumedCapacity>) {
        let counter = &self.counters[operation as usize];
        counter.requests.fetch_add(1, Ordering::Relaxed);
        let halves = halves(used.map_or(0.5, |used| used.capacity_units));
        counter.half_reads.fetch_add(halves, Ordering::Relaxed);
    }

    /// Counts a request that reads several items.
    pub(super) fn read_batch(&self, used: &[ConsumedCapacity]) {
        let counter = &self.counters[Operation::BatchGet as usize];
        counter.requests.fetch_add(1, Ordering::Relaxed);
        let units = used.iter().map(|table| table.capacity_units).sum();
        counter.half_reads.fetch_add(halves(units), Ordering::Relaxed);
    }

    pub(super) fn wrote(&self, operation: Operation, units: f64) {
        let counter = &self.counters[operation as usize];
        counter.requests.fetch_add(1, Ordering::Relaxed);
        counter.half_writes.fetch_add(halves(units), Ordering::Relaxed);
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn halves(units: f64) -> u64 {
    (units * 2.0).round() as u64
}

#[allow(clippy::cast_precision_loss)]
fn units(halves: &AtomicU64) -> f64 {
    halves.load(Ordering::Relaxed) as f64 / 2.0
}
