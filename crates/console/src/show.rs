//! Formats of values on pages.

use jiff::Timestamp;

/// Formats a time in UTC, such as `2026-11-29 01:40:26`.
pub(crate) fn time(at: &Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Formats the time between `start` and `at` in a suitable unit, such as `90 s` or `15 min`.
pub(crate) fn after(start: Timestamp, at: Timestamp) -> String {
    let milliseconds = at.duration_since(start).as_millis();
    match milliseconds {
        ..10_000 => format!("{milliseconds} ms"),
        10_000..600_000 => format!("{} s", milliseconds / 1_000),
        600_000..36_000_000 => format!("{} min", milliseconds / 60_000),
        _ => format!("{} h", milliseconds / 3_600_000),
    }
}

/// A count with its noun, such as `1 transition` or `2 transitions`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// A value, encoded for a URL's path.
pub(crate) fn in_path(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_shown_in_the_unit_that_fits_it() {
        let start = Timestamp::UNIX_EPOCH;
        let after = |seconds| after(start, Timestamp::from_second(seconds).unwrap());
        assert_eq!([2, 90, 900, 90_000].map(after), ["2000 ms", "90 s", "15 min", "25 h"]);
    }
}
