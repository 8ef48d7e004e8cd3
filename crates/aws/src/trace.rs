//! Trace context in two forms: W3C's `traceparent`, and X-Ray's header.
//!
//! Sources: <https://www.w3.org/TR/trace-context/#traceparent-header>,
//! <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>.

use std::fmt;

use serde::Deserialize;

/// The trace and the span that caused a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trace {
    /// 32 hexadecimal digits.
    pub(crate) id: String,
    /// The id of the span that caused the message: 16 hexadecimal digits.
    parent: String,
    sampled: bool,
}

impl Trace {
    /// Reads a `traceparent`.
    pub(crate) fn parse(traceparent: &str) -> Option<Self> {
        let mut parts = traceparent.split('-');
        let version = hex(parts.next()?, 2)?;
        let (id, parent) = (hex(parts.next()?, 32)?, hex(parts.next()?, 16)?);
        let flags = u8::from_str_radix(hex(parts.next()?, 2)?, 16).ok()?;
        let known = version != "ff" && (version != "00" || parts.next().is_none());
        let given = !(all_zero(id) || all_zero(parent));
        let (id, parent) = (id.to_owned(), parent.to_owned());
        (known && given).then_some(Self { id, parent, sampled: flags & 1 == 1 })
    }

    /// Reads X-Ray's header, such as `Root=1-5759e988-bd86…;Parent=53995c3f42cd8ad8;Sampled=1`. If
    /// it names no parent, the second half of the trace's id is used as one.
    pub(crate) fn from_xray(header: &str) -> Option<Self> {
        let field = |name: &str| {
            header.split(';').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
        };
        let (epoch, random) = field("Root")?.strip_prefix("1-")?.split_once('-')?;
        let id = format!("{}{}", hex(epoch, 8)?, hex(random, 24)?);
        let parent = field("Parent").and_then(|parent| hex(parent, 16)).unwrap_or(&id[16..]);
        let (parent, sampled) = (parent.to_owned(), field("Sampled") == Some("1"));
        (!all_zero(&id) && !all_zero(&parent)).then_some(Self { id, parent, sampled })
    }

    /// The trace context in an event's `detail`.
    pub(crate) fn of_detail(detail: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Detail {
            metadata: Metadata,
        }
        #[derive(Deserialize)]
        struct Metadata {
            traceparent: Option<String>,
        }
        let detail: Detail = serde_json::from_str(detail).ok()?;
        Self::parse(&detail.metadata.traceparent?)
    }

    /// The trace context in a whole event, as the bus delivers it.
    pub(crate) fn of_event(event: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Event<'a> {
            #[serde(borrow)]
            detail: &'a serde_json::value::RawValue,
        }
        let event: Event<'_> = serde_json::from_str(event).ok()?;
        Self::of_detail(event.detail.get())
    }

    pub(crate) fn to_xray(&self) -> String {
        let (epoch, random) = self.id.split_at(8);
        format!("Root=1-{epoch}-{random};Parent={};Sampled={}", self.parent, u8::from(self.sampled))
    }
}

/// Writes a `traceparent`.
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
    const XRAY: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

    #[test]
    fn a_trace_is_the_same_in_both_writings() {
        assert_eq!(Trace::parse(TRACEPARENT).unwrap().to_xray(), XRAY);
        assert_eq!(Trace::from_xray(XRAY).unwrap().to_string(), TRACEPARENT);
    }

    #[test]
    fn a_root_without_a_parent_still_makes_a_traceparent() {
        let trace = Trace::from_xray("Root=1-5759e988-bd862e3fe1be46a994272793").unwrap();
        assert_eq!(Trace::parse(&trace.to_string()), Some(trace));
    }

    #[test]
    fn what_is_no_traceparent_is_not_carried_on() {
        let zero = "00-00000000000000000000000000000000-53995c3f42cd8ad8-01";
        let upper = TRACEPARENT.to_uppercase();
        let longer = format!("{TRACEPARENT}-x");
        for bad in ["", "00", zero, &upper, &longer, &TRACEPARENT.replace("00-5", "ff-5")] {
            assert_eq!(Trace::parse(bad), None, "{bad}");
        }
        for bad in ["", "Root=1-5759e988", "Root=2-5759e988-bd862e3fe1be46a994272793"] {
            assert_eq!(Trace::from_xray(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_event_names_its_trace_in_its_metadata() {
        let detail = format!(r#"{{"metadata":{{"traceparent":"{TRACEPARENT}"}},"data":{{}}}}"#);
        let event = format!(r#"{{"detail-type":"X","detail":{detail}}}"#);
        assert_eq!(Trace::of_event(&event), Trace::parse(TRACEPARENT));
        assert_eq!(Trace::of_event("{}"), None);
    }
}
