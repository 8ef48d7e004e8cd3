//! When to retry, and when to give up.

use std::time::Duration;

use chorus_table::policy::RetryPolicy;
use jiff::{SignedDuration, Timestamp};

use crate::engine::Exhausted;
use crate::random::Random;

/// Returns the time at which a delivery is due again after `attempts` failures. If `policy` allows
/// no more attempts, returns the limit that was reached.
pub(crate) fn next(
    policy: &RetryPolicy,
    attempts: u32,
    first_at: Timestamp,
    now: Timestamp,
    random: &mut Random,
) -> Result<Timestamp, Exhausted> {
    if attempts >= policy.max_attempts {
        return Err(Exhausted::MaximumRetryAttempts);
    }
    let due = later(now, pause(policy, attempts, random));
    if due > later(first_at, policy.max_age) {
        return Err(Exhausted::MaximumEventAgeInSeconds);
    }
    Ok(due)
}

fn pause(policy: &RetryPolicy, attempts: u32, random: &mut Random) -> Duration {
    let (shortest, longest) = policy.pause(attempts);
    let spread = u64::try_from((longest - shortest).as_nanos()).unwrap_or(u64::MAX);
    shortest + Duration::from_nanos(random.below(spread.saturating_add(1)))
}

/// `now` plus `pause`, at most the latest representable time.
pub(crate) fn later(now: Timestamp, pause: Duration) -> Timestamp {
    let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
    now.checked_add(pause).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use chorus_table::policy::Jitter;

    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        max_attempts: 5,
        max_age: Duration::from_secs(60),
        first_pause: Duration::from_secs(1),
        longest_pause: Duration::from_secs(4),
        jitter: Jitter::Half,
    };

    #[test]
    fn pauses_spread_over_the_share_of_chance() {
        let mut random = Random::seeded(1);
        let now = Timestamp::UNIX_EPOCH;
        for (attempts, whole) in [(1, 1000), (2, 2000), (3, 4000), (4, 4000)] {
            let due = next(&POLICY, attempts, now, now, &mut random).unwrap();
            let pause = due.duration_since(now).as_millis();
            assert!((whole / 2..=whole).contains(&pause), "{attempts}: {pause}");
        }
    }

    #[test]
    fn a_policy_ends_by_attempts_or_by_age() {
        let mut random = Random::seeded(1);
        let start = Timestamp::UNIX_EPOCH;
        let spent = next(&POLICY, 5, start, start, &mut random);
        assert_eq!(spent, Err(Exhausted::MaximumRetryAttempts));
        let late = later(start, Duration::from_secs(60));
        let aged = next(&POLICY, 1, start, late, &mut random);
        assert_eq!(aged, Err(Exhausted::MaximumEventAgeInSeconds));
    }
}
