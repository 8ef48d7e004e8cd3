//! A cache of the most recently written executions, so that their next turns do not read the store.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use super::run::{Run, VersionedRun};

/// How many executions the cache keeps. An execution takes a few kilobytes.
const MAX_KEPT_EXECUTIONS: NonZeroUsize = NonZeroUsize::new(1_000).expect("a thousand is not zero");

/// The most recently written executions, and the most recent task tokens, each with the execution
/// whose task has the token.
///
/// A data directory belongs to one process, which writes all executions through this cache. If a
/// cached execution is nevertheless out of date, the condition of its next write fails, and the
/// next turn reads the execution from the store.
pub(super) struct Recent {
    runs: Mutex<LruCache<String, VersionedRun>>,
    owners: Mutex<LruCache<String, Arc<str>>>,
}

impl Default for Recent {
    fn default() -> Self {
        Self {
            runs: Mutex::new(LruCache::new(MAX_KEPT_EXECUTIONS)),
            owners: Mutex::new(LruCache::new(MAX_KEPT_EXECUTIONS)),
        }
    }
}

impl Recent {
    pub(super) fn get(&self, execution: &str) -> Option<VersionedRun> {
        lock(&self.runs).get(execution).cloned()
    }

    /// The name of the execution whose task has this token, if the cache has the token.
    pub(super) fn owner(&self, token: &str) -> Option<Arc<str>> {
        lock(&self.owners).get(token).cloned()
    }

    /// Keeps a written execution, unless the cache has a later version of the execution: two writes
    /// may be passed to this function in the wrong order. An execution that is over is removed,
    /// because it has no next turn.
    pub(super) fn written(&self, version: i64, run: &Run) {
        if run.is_over() {
            return self.forget(run.name());
        }
        let name: Arc<str> = Arc::from(run.name());
        for token in run.pending.iter().filter_map(|request| request.token.as_ref()) {
            lock(&self.owners).put(token.clone(), Arc::clone(&name));
        }
        let mut runs = lock(&self.runs);
        if runs.peek(&*name).is_none_or(|kept| kept.version < version) {
            runs.put(name.to_string(), VersionedRun { version, run: run.clone() });
        }
    }

    /// Removes an execution, so that its next turn reads it from the store.
    pub(super) fn forget(&self, execution: &str) {
        lock(&self.runs).pop(execution);
    }
}

/// Locks a cache, even if a thread panicked while it held the lock: entries are replaced as a
/// whole, so no entry is left half changed.
fn lock<T>(cache: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    cache.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use jiff::Timestamp;
    use states::{Entropy, Execution, Identity, Json, Machine, Start};

    use super::*;

    /// An execution of this name that waits for a minute.
    fn waiting(name: &str) -> Run {
        let text = r#"{"StartAt": "Wait", "States": {
            "Wait": {"Type": "Wait", "Seconds": 60, "End": true}}}"#;
        let machine = Machine::parse(text).unwrap();
        let start = Start {
            input: Json::empty_object(),
            identity: Identity::local("machine", name),
            entropy: Entropy::new([0; 32]),
        };
        let (execution, _) = Execution::start(&machine, start, Timestamp::UNIX_EPOCH);
        Run {
            machine: "machine".to_owned(),
            edition: 0,
            execution,
            pending: Vec::new(),
            parent: None,
            parent_task_completed: false,
            correlation_id: "o-1".to_owned(),
            started: Timestamp::UNIX_EPOCH,
        }
    }

    fn version(recent: &Recent, name: &str) -> Option<i64> {
        recent.get(name).map(|kept| kept.version)
    }

    #[test]
    fn of_two_writers_the_later_version_is_kept() {
        let recent = Recent::default();
        recent.written(2, &waiting("one"));
        recent.written(1, &waiting("one"));
        assert_eq!(version(&recent, "one"), Some(2));
        recent.written(3, &waiting("one"));
        assert_eq!(version(&recent, "one"), Some(3));
    }

    #[test]
    fn what_was_written_longest_ago_makes_room() {
        let recent = Recent::default();
        for number in 0..=MAX_KEPT_EXECUTIONS.get() {
            recent.written(1, &waiting(&number.to_string()));
        }
        assert_eq!(version(&recent, "0"), None);
        assert_eq!(version(&recent, "1"), Some(1));
    }
}
