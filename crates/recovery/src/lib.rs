//! Mends a shop's tables: those that DynamoDB restored one by one, and those of a region that takes
//! over from another.

pub mod restored;
pub mod takeover;
