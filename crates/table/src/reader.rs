//! The functions with which a row of the design table reads its messages, for the compatibility
//! checks.

use serde_json::value::RawValue;

use crate::{EventSpec, Inputs, ReadError, Row};

/// The functions by which a row of the design table reads its messages.
#[derive(Debug, Clone, Copy)]
pub struct Reader {
    /// The row's name, such as `ReserveItem`.
    pub action: &'static str,
    /// The messages that the row reads: its commands, the events that rules or state machines
    /// deliver to it, and its dead letters. Empty for a catch-all row, which reads no data.
    pub events: &'static [EventSpec],
    /// Reads data of the given detail type and version as the row's action does, and drops the
    /// result.
    pub read: fn(&str, u32, &RawValue) -> Result<(), ReadError>,
    /// Converts the data to the earliest version that can express the event. `None` if only the
    /// current version can express the event, or if the data cannot be read.
    pub in_earliest: fn(&str, u32, &RawValue) -> Option<Box<RawValue>>,
}

impl Reader {
    /// Returns the functions by which the row `R` reads its messages.
    #[must_use]
    pub fn of<R: Row>() -> Self {
        let read = |detail_type: &str, version, data: &RawValue| {
            R::Input::read(detail_type, version, data).map(drop)
        };
        Self {
            action: R::ACTION,
            events: R::Input::EVENTS,
            read,
            in_earliest: R::Input::in_earliest,
        }
    }
}
