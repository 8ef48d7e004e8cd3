//! Reads the values of an event at the paths of patterns, and decides whether the values meet the
//! patterns' conditions.

mod consistency;
mod places;
mod record;
mod scan;
mod trie;
mod view;

use std::cell::Cell;

use crate::error::EventError;

pub(crate) use places::{NonValue, Places};
pub(crate) use record::Record;
pub(crate) use scan::Reading;
pub(crate) use trie::{PathId, PathTrie, Term};
pub(crate) use view::View;

thread_local! {
    /// The buffers of the last event on this thread, kept for reuse.
    static SPARE: Cell<Option<Box<Record>>> = const { Cell::new(None) };
}

/// Scans `event` for the values at the paths of `trie`, and passes the values to `judge`.
pub(crate) fn observe<T>(
    event: &[u8],
    trie: &PathTrie,
    reading: Reading,
    judge: impl FnOnce(View<'_>) -> Result<T, EventError>,
) -> Result<T, EventError> {
    let event = std::str::from_utf8(event).map_err(|_| EventError::NotUtf8)?;
    if u32::try_from(event.len()).is_err() {
        return Err(EventError::TooLarge);
    }
    let mut record = SPARE.take().unwrap_or_default();
    record.clear(trie.len());
    let scanned = scan::scan(event, trie, reading, &mut record);
    let judged = scanned.and_then(|()| judge(View { record: &record, event }));
    if record.is_worth_keeping() {
        SPARE.set(Some(record));
    }
    judged
}
