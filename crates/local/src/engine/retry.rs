//! When to try again, and when to stop.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::engine::Exhausted;
use crate::random::Random;

/// How often, and for how long, a target is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, the first one included.
    pub max_attempts: u32,
    /// For how long after the first attempt was due.
    pub max_age: Duration,
    /// The pause after the first failure; it doubles with each further one.
    pub first_pause: Duration,
    pub longest_pause: Duration,
}

impl RetryPolicy {
    /// For functions and queues: patient enough for a contended item or a short outage.
    pub const FUNCTION: Self = Self {
        max_attempts: 12,
        max_age: Duration::from_secs(86_400),
        first_pause: Duration::from_millis(200),
        longest_pause: Duration::from_secs(60),
    };

    /// For partners: four attempts within a minute.
    pub const PARTNER: Self = Self {
        max_attempts: 4,
        max_age: Duration::from_secs(60),
        first_pause: Duration::from_secs(1),
        longest_pause: Duration::from_secs(20),
    };

    /// When a delivery that has failed `attempts` times is due again, or which limit it has met.
    pub(crate) fn next(
        &self,
        attempts: u32,
        (first_at, now): (Timestamp, Timestamp),
        random: &mut Random,
    ) -> Result<Timestamp, Exhausted> {
        if attempts >= self.max_attempts {
            return Err(Exhausted::MaximumRetryAttempts);
        }
        let due = later(now, self.pause(attempts, random));
        let age = due.duration_since(first_at);
        let oldest = SignedDuration::try_from(self.max_age).unwrap_or(SignedDuration::MAX);
        if age > oldest {
            return Err(Exhausted::MaximumEventAgeInSeconds);
        }
        Ok(due)
    }

    /// Half of the exponential pause, and a random part of the other half: what failed together
    /// does not come back together.
    fn pause(&self, attempts: u32, random: &mut Random) -> Duration {
        let doublings = attempts.saturating_sub(1).min(30);
        let whole = self.first_pause.saturating_mul(1 << doublings).min(self.longest_pause);
        let half = whole / 2;
        let spread = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX);
        half + Duration::from_nanos(random.below(spread.saturating_add(1)))
    }
}

/// `pause` after `now`; never beyond the end of time.
pub(crate) fn later(now: Timestamp, pause: Duration) -> Timestamp {
    let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
    now.checked_add(pause).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        max_attempts: 5,
        max_age: Duration::from_secs(60),
        first_pause: Duration::from_secs(1),
        longest_pause: Duration::from_secs(4),
    };

    #[test]
    fn pauses_double_up_to_the_longest_and_spread_over_their_second_half() {
        let mut random = Random::seeded(1);
        let now = Timestamp::UNIX_EPOCH;
        for (attempts, whole) in [(1, 1000), (2, 2000), (3, 4000), (4, 4000)] {
            let due = POLICY.next(attempts, (now, now), &mut random).unwrap();
            let pause = due.duration_since(now).as_millis();
            assert!((whole / 2..=whole).contains(&pause), "{attempts}: {pause}");
        }
    }

    #[test]
    fn a_policy_ends_by_attempts_or_by_age() {
        let mut random = Random::seeded(1);
        let start = Timestamp::UNIX_EPOCH;
        let spent = POLICY.next(5, (start, start), &mut random);
        assert_eq!(spent, Err(Exhausted::MaximumRetryAttempts));
        let late = later(start, Duration::from_secs(60));
        let aged = POLICY.next(1, (start, late), &mut random);
        assert_eq!(aged, Err(Exhausted::MaximumEventAgeInSeconds));
    }
}
