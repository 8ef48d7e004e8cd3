//! What Payment waits for: a reviewer's verdict on an order of high value.

use chorus_events::OrderId;
use chorus_kernel::{Domain, TableSpec, Wait};

/// One wait for each order of high value.
pub const REVIEW_WAIT_TABLE: TableSpec =
    TableSpec { name: Reviewer::TABLE, indexes: &[], ttl: None };

/// A reviewer is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewer;

impl Domain for Reviewer {
    const TABLE: &'static str = "review-wait";
    type Subject = OrderId;
}

/// The wait for a reviewer's verdict.
pub type ReviewWait = Wait<Reviewer>;
