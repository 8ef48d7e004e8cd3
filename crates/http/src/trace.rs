//! The context of a distributed trace, as the W3C's header `traceparent` carries it.
//!
//! Source: <https://www.w3.org/TR/trace-context/#traceparent-header>.

use std::fmt;

/// The trace and the span that caused a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The trace's id: 32 hexadecimal digits.
    pub id: String,
    /// The id of the span that caused the message: 16 hexadecimal digits.
    pub parent: String,
    pub sampled: bool,
}

impl Trace {
    /// Reads a `traceparent`; `None` if the text is malformed. The check is necessary: a caller may
    /// send any text in that header, and the text would become part of every event that the request
    /// causes.
    #[must_use]
    pub fn parse(traceparent: &str) -> Option<Self> {
        let mut parts = traceparent.split('-');
        let version = hex(parts.next()?, 2)?;
        let (id, parent) = (hex(parts.next()?, 32)?, hex(parts.next()?, 16)?);
        let flags = u8::from_str_radix(hex(parts.next()?, 2)?, 16).ok()?;
        let known = version != "ff" && (version != "00" || parts.next().is_none());
        let given = !(all_zero(id) || all_zero(parent));
        let (id, parent) = (id.to_owned(), parent.to_owned());
        (known && given).then_some(Self { id, parent, sampled: flags & 1 == 1 })
    }
}

/// Writes a `traceparent` of version 0.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.id, self.parent, u8::from(self.sampled))
    }
}

fn hex(text: &str, digits: usize) -> Option<&str> {
    let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    (text.len() == digits && text.bytes().all(lower)).then_some(text)
}

fn all_zero(digits: &str) -> bool {
    digits.bytes().all(|digit| digit == b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACEPARENT: &str = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01";

    #[test]
    fn a_traceparent_is_written_as_it_was_read() {
        assert_eq!(Trace::parse(TRACEPARENT).unwrap().to_string(), TRACEPARENT);
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let later = format!("{}-more", TRACEPARENT.replacen("00", "01", 1));
        assert_eq!(Trace::parse(&later).unwrap().to_string(), TRACEPARENT);
    }

    #[test]
    fn any_other_text_is_not_a_traceparent() {
        let zero = "00-00000000000000000000000000000000-53995c3f42cd8ad8-01";
        let upper = TRACEPARENT.to_uppercase();
        let longer = format!("{TRACEPARENT}-x");
        let long = "x".repeat(300_000);
        for bad in ["", "00", zero, &upper, &longer, &long, &TRACEPARENT.replace("00-5", "ff-5")] {
            assert_eq!(Trace::parse(bad), None, "{bad}");
        }
    }
}
