//! The callback that Payment waits for: a reviewer's verdict on an order of high value.

use chorus_events::OrderId;
use chorus_kernel::{Callback, CallbackDomain, TableSpec, answers};
use serde_json::{Value, json};

/// One item for each order of high value: the callback that Payment waits for and, once a reviewer
/// has decided, the answer.
pub const REVIEW_WAIT_TABLE: TableSpec =
    TableSpec { name: Reviewer::TABLE, indexes: &[], ttl: None };

/// The kind of callback in which a reviewer decides on an order of high value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewer;

impl CallbackDomain for Reviewer {
    const TABLE: &'static str = "review-wait";
    type Subject = OrderId;
}

/// The stored callback about a reviewer's verdict.
pub type ReviewCallback = Callback<Reviewer>;

answers! {
    /// The answer that the waiting state machine gets: the result of the review.
    pub enum ReviewVerdict in "verdict" {
        /// The order may be charged.
        Approve = "approve",
        /// A reviewer declined the order, which is being canceled.
        Decline = "decline",
        /// The order was canceled before a verdict.
        Canceled = "canceled",
    }
}

impl ReviewVerdict {
    /// The answer that completes the waiting task.
    pub(crate) fn answer(self) -> Value {
        json!({ Self::ANSWERS.field: self.as_str() })
    }
}
