//! Fraud: a person reviews every order of high value before it is charged. In the design table, the
//! condition `when` of the service's rows selects these orders.

mod api;
mod close_review;
mod review;
mod review_order;

pub use review::Review;

use chorus_events::{Currency, services};
use chorus_http::HttpFunction;
use chorus_kernel::{Function, Index, TableSpec};

/// The index of pending reviews. A review that is decided or closed has no attribute `pending`, so
/// it is not in the index.
pub const PENDING_INDEX: Index =
    Index { name: "pending", pk: "pending", sk: "order-id", whole_items: true };

/// One review for each order of high value.
pub const TABLE: TableSpec = TableSpec { name: "fraud", indexes: &[PENDING_INDEX], ttl: None };

/// Builds the service; the totals of orders are in `currency`.
#[must_use]
pub fn function(currency: Currency) -> HttpFunction {
    let function = Function::of(services::FRAUD)
        .table(TABLE)
        .action(review_order::ReviewOrder)
        .action(close_review::CloseReview);
    HttpFunction::new(
        function,
        [api::decide_review(currency), api::get_review(currency), api::list_reviews(currency)],
    )
}
