//! Converts trace contexts to and from X-Ray's header, and reads the trace contexts of events.
//!
//! Source: <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>.

use chorus_http::Trace;
use serde::Deserialize;

/// Reads X-Ray's header, such as `Root=1-5759e988-bd86…;Parent=53995c3f42cd8ad8;Sampled=1`. If the
/// header names no parent, the second half of the trace's id is used as the id of the parent span.
/// Returns `None` if the header is malformed.
pub(crate) fn from_xray(header: &str) -> Option<Trace> {
    let field = |name: &str| {
        header.split(';').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
    };
    let (epoch, random) = field("Root")?.strip_prefix("1-")?.split_once('-')?;
    let sampled = u8::from(field("Sampled") == Some("1"));
    let with = |parent: &str| Trace::parse(&format!("00-{epoch}{random}-{parent}-{sampled:02x}"));
    let half = || random.get(8..).and_then(with);
    let trace = field("Parent").and_then(with).or_else(half)?;
    (epoch.len() == 8).then_some(trace)
}

/// Returns the trace context in the form of X-Ray's header.
pub(crate) fn to_xray(trace: &Trace) -> String {
    let (epoch, random) = trace.id.split_at(8);
    format!("Root=1-{epoch}-{random};Parent={};Sampled={}", trace.parent, u8::from(trace.sampled))
}

/// The trace context in an event's `detail`.
pub(crate) fn of_detail(detail: &str) -> Option<Trace> {
    #[derive(Deserialize)]
    struct Detail {
        metadata: Metadata,
    }
    #[derive(Deserialize)]
    struct Metadata {
        traceparent: Option<String>,
    }
    let detail: Detail = serde_json::from_str(detail).ok()?;
    Trace::parse(&detail.metadata.traceparent?)
}

/// The trace context in a whole event, as the bus delivers it.
pub(crate) fn of_event(event: &str) -> Option<Trace> {
    #[derive(Deserialize)]
    struct Event<'a> {
        #[serde(borrow)]
        detail: &'a serde_json::value::RawValue,
    }
    let event: Event<'_> = serde_json::from_str(event).ok()?;
    of_detail(event.detail.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACEPARENT: &str = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01";
    const XRAY: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

    #[test]
    fn a_trace_is_the_same_in_both_writings() {
        assert_eq!(to_xray(&Trace::parse(TRACEPARENT).unwrap()), XRAY);
        assert_eq!(from_xray(XRAY).unwrap().to_string(), TRACEPARENT);
    }

    #[test]
    fn a_root_without_a_parent_still_makes_a_traceparent() {
        let trace = from_xray("Root=1-5759e988-bd862e3fe1be46a994272793").unwrap();
        assert_eq!(Trace::parse(&trace.to_string()), Some(trace));
    }

    #[test]
    fn any_other_header_is_not_carried_on() {
        let split_elsewhere = "Root=1-5759e988bd-862e3fe1be46a994272793";
        let short = "Root=1-5759e988";
        for bad in ["", short, split_elsewhere, "Root=2-5759e988-bd862e3fe1be46a994272793"] {
            assert_eq!(from_xray(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_event_names_its_trace_in_its_metadata() {
        let detail = format!(r#"{{"metadata":{{"traceparent":"{TRACEPARENT}"}},"data":{{}}}}"#);
        let event = format!(r#"{{"detail-type":"X","detail":{detail}}}"#);
        assert_eq!(of_event(&event), Trace::parse(TRACEPARENT));
        assert_eq!(of_event("{}"), None);
    }
}
