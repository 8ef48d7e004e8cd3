//! A rate limit that grants each call an instant instead of refusing it: the calls of a burst queue
//! up.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::retry::later;

/// A token bucket that holds the tokens of one second (the generic cell rate algorithm).
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

    /// Takes a token, and returns the first instant from `now` on at which it may be used.
    pub(crate) fn grant(&mut self, now: Timestamp) -> Timestamp {
        let full_at = self.full_at.max(now);
        self.full_at = later(full_at, self.interval);
        let ahead = SignedDuration::from_secs(1)
            - SignedDuration::try_from(self.interval).unwrap_or(SignedDuration::ZERO);
        full_at.checked_sub(ahead).unwrap_or(now).max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_holds_more_calls_than_a_full_bucket_and_its_refill() {
        let mut limiter = Limiter::per_second(10);
        let now = Timestamp::UNIX_EPOCH;
        let granted: Vec<i64> =
            (0..40).map(|_| limiter.grant(now).duration_since(now).as_millis() as i64).collect();
        assert_eq!(granted.iter().filter(|at| **at == 0).count(), 10);
        assert_eq!(granted[39], 3000);
    }
}
