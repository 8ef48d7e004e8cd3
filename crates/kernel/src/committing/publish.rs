//! Publishes events in chunks that each fit into one PutEvents request, and resends the entries
//! that the bus rejects.

use std::time::Duration;

use async_trait::async_trait;
use chorus_table::Entry;

use super::outgoing::pause;
use crate::{Clock, Failure};

/// The maximum number of entries in one PutEvents request.
const MAX_ENTRIES: usize = 10;

/// The maximum size of one PutEvents request, in bytes (1 MB since January 2026).
const MAX_BYTES: usize = 1_000_000;

/// How many times the kernel sends an entry that the bus rejects. After the last attempt, the entry
/// stays unpublished until the message that caused it is delivered again, or the sweeper runs.
const ATTEMPTS: u32 = 5;

/// An entry that the bus rejected, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Rejected {
    /// The entry's position in the request.
    pub index: usize,
    pub code: String,
    pub message: String,
}

/// A bus to publish on: EventBridge's PutEvents, or a bus that behaves like EventBridge.
#[async_trait]
pub trait Publisher: Send + Sync {
    /// Publishes at most ten entries. Returns the rejected entries.
    ///
    /// # Errors
    /// If the whole request failed, or its result is unknown.
    async fn put_events(&self, entries: &[Entry]) -> Result<Vec<Rejected>, Failure>;
}

/// Publishes all of `entries`, in their order, each at least once.
///
/// # Errors
/// Retryable, if the bus had not accepted every entry after the last attempt. A terminal failure of
/// the bus is returned at once.
pub async fn publish_all(
    bus: &dyn Publisher,
    clock: &dyn Clock,
    entries: &[Entry],
) -> Result<(), Failure> {
    for chunk in chunks(entries) {
        publish_chunk(bus, clock, chunk).await?;
    }
    Ok(())
}

async fn publish_chunk(
    bus: &dyn Publisher,
    clock: &dyn Clock,
    chunk: &[Entry],
) -> Result<(), Failure> {
    let mut waiting = chunk.to_vec();
    let mut last = String::new();
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            let first = waiting.first().map(|entry| entry.detail.as_str()).unwrap_or_default();
            let longest = Duration::from_millis(50 << attempt);
            clock.sleep(pause(longest, "publish", first, attempt)).await;
        }
        match bus.put_events(&waiting).await {
            Ok(rejected) if rejected.is_empty() => return Ok(()),
            Ok(rejected) => {
                last = rejected.first().map(ToString::to_string).unwrap_or_default();
                waiting =
                    rejected.iter().filter_map(|entry| waiting.get(entry.index).cloned()).collect();
            }
            Err(failure) if failure.is_retryable() => last = failure.to_string(),
            Err(failure) => return Err(failure),
        }
    }
    let message =
        format!("the bus did not confirm {} of {} events: {last}", waiting.len(), chunk.len());
    Err(Failure::later("PublishFailed", message))
}

/// Splits the entries into chunks that each fit into one PutEvents request.
fn chunks(entries: &[Entry]) -> Vec<&[Entry]> {
    let mut chunks = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, entry) in entries.iter().enumerate() {
        let full = index - start == MAX_ENTRIES || bytes + entry.size() > MAX_BYTES;
        if full && index > start {
            chunks.push(&entries[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += entry.size();
    }
    if start < entries.len() {
        chunks.push(&entries[start..]);
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bus that throttles its next `refuses` requests. In a throttled request, it rejects the
    /// first, third, fifth entry and so on, and accepts the others.
    struct RejectingBus {
        refuses: std::sync::Mutex<usize>,
        taken: std::sync::Mutex<Vec<String>>,
    }

    #[async_trait]
    impl Publisher for RejectingBus {
        async fn put_events(&self, entries: &[Entry]) -> Result<Vec<Rejected>, Failure> {
            let mut left = self.refuses.lock().unwrap();
            let refuses = *left > 0;
            *left = left.saturating_sub(1);
            let mut rejected = Vec::new();
            for (index, entry) in entries.iter().enumerate() {
                if refuses && index % 2 == 0 {
                    let code = "ThrottlingException".to_owned();
                    rejected.push(Rejected { index, code, message: "slow down".to_owned() });
                } else {
                    self.taken.lock().unwrap().push(entry.detail.clone());
                }
            }
            Ok(rejected)
        }
    }

    struct FixedClock;

    #[async_trait]
    impl Clock for FixedClock {
        fn now(&self) -> jiff::Timestamp {
            jiff::Timestamp::UNIX_EPOCH
        }
        async fn sleep(&self, _: Duration) {}
    }

    fn named(name: usize) -> Entry {
        Entry { detail: name.to_string(), ..entry(0) }
    }

    #[tokio::test]
    async fn entries_that_failed_are_tried_again_and_each_is_taken_once() {
        let bus = RejectingBus { refuses: 3.into(), taken: Vec::new().into() };
        let entries: Vec<Entry> = (0..12).map(named).collect();
        publish_all(&bus, &FixedClock, &entries).await.unwrap();
        let mut taken = bus.taken.lock().unwrap().clone();
        taken.sort_by_key(|name| name.parse::<usize>().unwrap());
        let all: Vec<String> = (0..12).map(|name| name.to_string()).collect();
        assert_eq!(taken, all);
    }

    #[tokio::test]
    async fn entries_that_are_never_taken_are_an_error_and_not_a_success() {
        let bus = RejectingBus { refuses: usize::MAX.into(), taken: Vec::new().into() };
        let failure = publish_all(&bus, &FixedClock, &[named(0)]).await.unwrap_err();
        assert!(failure.is_retryable() && failure.code() == "PublishFailed", "{failure}");
    }

    fn entry(bytes: usize) -> Entry {
        Entry { source: String::new(), detail_type: String::new(), detail: "x".repeat(bytes) }
    }

    #[test]
    fn a_request_holds_ten_entries_or_a_megabyte() {
        let many: Vec<Entry> = (0..25).map(|_| entry(1)).collect();
        assert_eq!(chunks(&many).iter().map(|chunk| chunk.len()).collect::<Vec<_>>(), [10, 10, 5]);
        let large = [entry(600_000), entry(600_000), entry(1)];
        assert_eq!(chunks(&large).iter().map(|chunk| chunk.len()).collect::<Vec<_>>(), [1, 2]);
        assert!(chunks(&[]).is_empty());
    }
}
