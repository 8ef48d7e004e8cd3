//! The rate limit of a partner: a call above the limit waits.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::retry::later;

/// A token bucket (the generic cell rate algorithm). A full bucket contains the tokens of one
/// second, and each call takes one token.
#[derive(Debug, Clone)]
pub(crate) struct Limiter {
    interval: Duration,
    /// When the bucket will be full again.
    full_at: Timestamp,
}

impl Limiter {
    pub(crate) fn per_second(rate: u32) -> Self {
        Self { interval: Duration::from_secs(1) / rate.max(1), full_at: Timestamp::MIN }
    }

    /// The next call is allowed from this time on. The time may lie in the past.
    pub(crate) fn free_at(&self) -> Timestamp {
        let ahead = SignedDuration::from_secs(1)
            - SignedDuration::try_from(self.interval).unwrap_or(SignedDuration::ZERO);
        self.full_at.checked_sub(ahead).unwrap_or(Timestamp::MIN)
    }

    /// Takes the token of a call that is made now.
    pub(crate) fn take(&mut self, now: Timestamp) {
        self.full_at = later(self.full_at.max(now), self.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_holds_more_calls_than_a_full_bucket_and_its_refill() {
        let mut limiter = Limiter::per_second(10);
        let now = Timestamp::UNIX_EPOCH;
        let mut called = Vec::new();
        for millisecond in 0..=3_000 {
            let now = later(now, Duration::from_millis(millisecond));
            while limiter.free_at() <= now {
                limiter.take(now);
                called.push(millisecond);
            }
        }
        assert_eq!(called.iter().filter(|at| **at == 0).count(), 10);
        assert_eq!((called.len(), called[39]), (40, 3_000));
    }
}
