//! The clock as a parameter, so that a simulation can control the time.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

/// Whole seconds: a duration, or a time since the Unix epoch, as DynamoDB's TTL counts it.
pub type Seconds = i64;

/// A source of the time, and of pauses.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> Timestamp;

    /// Returns once `duration` has passed on this clock.
    async fn sleep(&self, duration: Duration);
}
