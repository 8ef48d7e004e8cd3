//! Timestamps of the Amazon States Language: RFC 3339 with an upper-case `T` and a zone.

use jiff::Timestamp;

/// Reads a timestamp. The seconds may be missing; the zone is required.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let shape = |from: usize, pattern: &[u8]| {
        bytes.len() >= from + pattern.len()
            && pattern.iter().zip(&bytes[from..]).all(|(expected, found)| match expected {
                b'0' => found.is_ascii_digit(),
                literal => literal == found,
            })
    };
    if !shape(0, b"0000-00-00T00:00") {
        return None;
    }
    let mut at = 16;
    if shape(at, b":00") {
        at += 3;
        if bytes.get(at) == Some(&b'.') {
            let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if !(1..=9).contains(&digits) {
                return None;
            }
            at += 1 + digits;
        }
    }
    let zoned = &bytes[at..] == b"Z"
        || (bytes.len() == at + 6 && (shape(at, b"+00:00") || shape(at, b"-00:00")));
    if zoned { text.parse().ok() } else { None }
}

/// Formats a timestamp in UTC with milliseconds.
pub(crate) fn format(timestamp: Timestamp) -> String {
    format!("{timestamp:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_full_timestamp_with_a_zone_is_one() {
        for text in [
            "2016-12-05T21:29:29Z",
            "2016-12-05T21:29:29.123456789Z",
            "2016-12-05T21:29:29+01:00",
            "2016-12-05T21:29Z",
        ] {
            assert!(parse(text).is_some(), "{text}");
        }
        for text in [
            "2016-12-05 21:29:29Z",
            "2016-12-05T21:29:29",
            "2016-13-05T21:29:29Z",
            "2016-12-05T25:29:29Z",
            "05-12-2016T21:29:29Z",
            "2023-02-24",
            "date",
            "2016-12-05t21:29:29z",
            "2016-12-05T21:29:29Z[UTC]",
        ] {
            assert!(parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_text_has_milliseconds() {
        assert_eq!(format(parse("2016-12-05T21:29:29+01:00").unwrap()), "2016-12-05T20:29:29.000Z");
    }
}
