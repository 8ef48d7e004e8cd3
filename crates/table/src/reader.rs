//! How a row reads its messages, without its type: what checks of compatibility try.

use serde_json::value::RawValue;

use crate::{EventSpec, Inputs, ReadError, Row};

/// How a row reads its messages.
#[derive(Debug, Clone, Copy)]
pub struct Reader {
    /// The row's name, such as `ReserveItem`.
    pub action: &'static str,
    /// What it consumes, whichever way; nothing for a catch-all, which looks into no data.
    pub events: &'static [EventSpec],
    /// Reads data of this detail type and version as the row's action does.
    pub read: fn(&str, u32, &RawValue) -> Result<(), ReadError>,
    /// The data in the earliest version that can express it, where the event has several.
    pub in_earliest: fn(&str, u32, &RawValue) -> Option<Box<RawValue>>,
}

impl Reader {
    /// The reader of the row `R`.
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
