//! Repairs a shop's tables in two situations: DynamoDB has restored each table separately, or a
//! region takes over from a region that failed.

pub mod restored;
pub mod takeover;
