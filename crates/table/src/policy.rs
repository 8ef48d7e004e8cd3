//! How many times, for how long and how fast the bus and the queues deliver messages, and for how
//! long idempotency records are kept. The template, the embedded engine and the simulation use
//! these limits. The retries of a state machine's task are in the machine's definition.

use std::time::Duration;

/// How a pause is randomized, so that messages that failed together are not retried together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jitter {
    /// The pauses are fixed.
    None,
    /// The pause is drawn between half and all of its length (equal jitter).
    Half,
    /// The pause is drawn between zero and its length (full jitter).
    Full,
}

/// How many times and for how long a message is tried, with which pauses between the attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The limit of attempts, the first one included.
    pub max_attempts: u32,
    /// The limit of a message's age, counted from the moment when the message could first be tried.
    pub max_age: Duration,
    /// The pause after the first failure; it doubles after each further failure.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// How a pause is randomized.
    pub jitter: Jitter,
}

impl RetryPolicy {
    /// The shortest and the longest pause after this many failed attempts.
    #[must_use]
    pub fn pause(&self, attempts: u32) -> (Duration, Duration) {
        let doublings = attempts.saturating_sub(1).min(30);
        let longest = self.first_pause.saturating_mul(1 << doublings).min(self.longest_pause);
        let shortest = match self.jitter {
            Jitter::None => longest,
            Jitter::Half => longest / 2,
            Jitter::Full => Duration::ZERO,
        };
        (shortest, longest)
    }

    /// The number of retries after the first attempt, as AWS counts them.
    #[must_use]
    pub const fn retries(&self) -> u32 {
        self.max_attempts.saturating_sub(1)
    }

    /// `max_age` in seconds, the unit in AWS's retry policies.
    #[must_use]
    pub const fn age_seconds(&self) -> u64 {
        self.max_age.as_secs()
    }
}

/// How long a partner may be unavailable without loss of messages. Every call to a partner is
/// retried for longer than this.
pub const OUTAGE: Duration = Duration::from_secs(6 * 3_600);

/// The retry policy of the bus's deliveries to a queue or a Lambda function. These targets are
/// rarely unavailable for long, so the limits are lower than EventBridge's maxima.
pub const BUS: RetryPolicy = RetryPolicy {
    max_attempts: 25,
    max_age: Duration::from_secs(6 * 3_600),
    first_pause: Duration::from_secs(1),
    longest_pause: Duration::from_secs(900),
    jitter: Jitter::Half,
};

/// Lambda's own retries of an event on which a function failed: the first after one minute, the
/// last after two more minutes. An event that has failed three times goes to the [`REDRIVE`] queue.
pub const INVOCATION: RetryPolicy = RetryPolicy {
    max_attempts: 3,
    max_age: Duration::from_secs(6 * 3_600),
    first_pause: Duration::from_secs(60),
    longest_pause: Duration::from_secs(120),
    jitter: Jitter::None,
};

/// The retry policy of the bus's calls to a partner. The attempts and the age are EventBridge's
/// maxima. EventBridge chooses the pauses itself; with the pauses below, all attempts together last
/// about as long as the maximum age.
pub const API_DESTINATION: RetryPolicy = RetryPolicy {
    max_attempts: 186,
    max_age: Duration::from_secs(86_400),
    first_pause: Duration::from_secs(1),
    longest_pause: Duration::from_secs(640),
    jitter: Jitter::Half,
};

/// The maximum number of calls per second that the bus makes to one partner. The bus holds back
/// further events, whose age grows meanwhile.
pub const CALLS_PER_SECOND: u32 = 100;

/// How a queue in front of a function retries, hides and batches messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueuePolicy {
    /// The retries of a message that fails: for each pause, the consumer changes the message's
    /// visibility timeout. The maximum age is longer than an [`OUTAGE`]. A message that reaches the
    /// maximum age becomes a dead letter.
    pub retry: RetryPolicy,
    /// How long a received message is hidden from other receivers while the function works on it.
    pub visibility: Duration,
    /// The maximum number of messages that the function receives at once.
    pub batch: usize,
}

/// The policy of every queue through which rules deliver events to a function.
///
/// A message is hidden for six times the function's timeout, so that Lambda can retry a batch
/// before SQS delivers it again. If the function never responds, each message is received again
/// when it is no longer hidden: about `max_attempts` times in a day.
pub const QUEUE: QueuePolicy = QueuePolicy {
    retry: RetryPolicy {
        max_attempts: 960,
        max_age: Duration::from_secs(86_400),
        first_pause: Duration::from_secs(1),
        longest_pause: Duration::from_secs(900),
        jitter: Jitter::Full,
    },
    visibility: Duration::from_secs(6 * FUNCTION_TIMEOUT.as_secs()),
    batch: 10,
};

/// The policy of the queue for events on which a function failed three times. The function receives
/// these events again, at long intervals, for thirteen days: one day less than the longest time for
/// which SQS keeps a message. A fault that ends within thirteen days therefore needs no operator.
/// Idempotency records are kept for longer, so that no event takes effect twice.
pub const REDRIVE: QueuePolicy = QueuePolicy {
    retry: RetryPolicy {
        max_attempts: 960,
        max_age: Duration::from_secs(13 * 86_400),
        first_pause: Duration::from_secs(60),
        longest_pause: Duration::from_secs(3_600),
        jitter: Jitter::Half,
    },
    ..QUEUE
};

/// Returns the retry policy of a message that waits for a partner whose circuit breaker is open.
/// Until the message reaches the maximum age of `retry`, its pauses are those of `retry`. After
/// that, its pauses are those of [`REDRIVE`]. Its maximum age is that of [`REDRIVE`].
#[must_use]
pub const fn waiting(retry: RetryPolicy, age: Duration) -> RetryPolicy {
    let pauses = if age.as_secs() < retry.max_age.as_secs() { retry } else { REDRIVE.retry };
    RetryPolicy { max_age: REDRIVE.retry.max_age, ..pauses }
}

/// How many times at once a queue may invoke a function, unless a deployment sets another number.
/// 1,000 is the highest number that AWS allows.
pub const QUEUE_CONCURRENCY: u32 = 1_000;

/// The timeout of a function: twice the time that a slow payment provider needs.
pub const FUNCTION_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a queue keeps a message that is not deleted: the longest time that SQS allows.
pub const RETENTION: Duration = Duration::from_secs(14 * 86_400);

/// For how long the archive keeps events for a replay, unless a deployment sets another time.
pub const ARCHIVE: Duration = Duration::from_secs(14 * 86_400);

/// For how long an idempotency record is kept: no queue, and no replay of the archive, delivers a
/// message again after this time. If a deployment keeps its archive for longer, an action that
/// relies on idempotency records rejects replayed events that are older than this.
pub const RECORDS: Duration = Duration::from_secs(15 * 86_400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_outlast_whatever_is_delivered_again() {
        let longest =
            [BUS.max_age, API_DESTINATION.max_age, REDRIVE.retry.max_age, RETENTION, ARCHIVE];
        assert!(longest.into_iter().all(|again| again < RECORDS));
    }

    #[test]
    fn a_pause_doubles_up_to_the_longest_and_chance_has_its_share() {
        let seconds = Duration::from_secs;
        let policy = RetryPolicy { longest_pause: seconds(4), ..BUS };
        for (attempts, longest) in [(1, 1), (2, 2), (3, 4), (4, 4), (4_000, 4)] {
            let whole = seconds(longest);
            assert_eq!(policy.pause(attempts), (whole / 2, whole));
            let full = RetryPolicy { jitter: Jitter::Full, ..policy };
            assert_eq!(full.pause(attempts), (Duration::ZERO, whole));
            let none = RetryPolicy { jitter: Jitter::None, ..policy };
            assert_eq!(none.pause(attempts), (whole, whole));
        }
    }

    #[test]
    fn what_a_function_failed_on_is_tried_again_until_its_queue_would_forget_it() {
        let QueuePolicy { retry, .. } = REDRIVE;
        assert!(retry.max_age + retry.longest_pause < RETENTION);
        assert!(retry.max_attempts <= 1_000);
        let (shortest, _) = retry.pause(retry.max_attempts);
        assert!(shortest * retry.max_attempts > retry.max_age, "its age is the limit");
    }

    #[test]
    fn what_waits_for_a_partner_waits_for_thirteen_days_and_is_received_as_often_as_it_may_be() {
        let (day, days) = (QUEUE.retry.max_age, REDRIVE.retry.max_age);
        assert_eq!(waiting(QUEUE.retry, Duration::ZERO).pause(20), QUEUE.retry.pause(20));
        assert_eq!(waiting(QUEUE.retry, Duration::ZERO).max_age, days);
        assert_eq!(waiting(QUEUE.retry, day), REDRIVE.retry);
        // With full jitter, the mean pause is half of the longest pause. With equal jitter, it is
        // three quarters.
        let (first, later) = (QUEUE.retry.longest_pause / 2, REDRIVE.retry.longest_pause * 3 / 4);
        let received = day.as_secs() / first.as_secs() + days.as_secs() / later.as_secs();
        assert!(received < 960, "{received}");
    }

    #[test]
    fn a_queue_outlasts_every_outage_whether_or_not_its_function_answers() {
        let QueuePolicy { retry, visibility, .. } = QUEUE;
        assert!(retry.max_age > OUTAGE);
        assert!(visibility * retry.max_attempts >= retry.max_age);
        // 1,000 is the highest `maxReceiveCount` that SQS allows.
        assert!(retry.max_attempts <= 1_000);
        let receives = OUTAGE.as_secs() / (retry.longest_pause.as_secs() / 2);
        assert!(u64::from(retry.max_attempts) > 4 * receives, "the mean pause is half the longest");
    }
}
