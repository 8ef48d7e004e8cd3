//! Checks the entries that are published, and wraps them into the events that targets receive.

use std::borrow::Cow;
use std::sync::Arc;

use chorus_table::{CallBody, Entry};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::engine::Accepted;

/// EventBridge's maximum size of one entry: 1 MB since January 2026.
pub(crate) const MAX_ENTRY_BYTES: usize = 1_048_576;

/// Why an entry is rejected: EventBridge's error code, and a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unacceptable {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// The fields of an event's `detail` that the engine needs. Senders outside of the application may
/// omit these fields.
#[derive(Debug, Default, Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    metadata: Option<Ids<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Ids<'a> {
    #[serde(borrow, default)]
    event_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    correlation_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    tenant: Option<Cow<'a, str>>,
}

/// The AWS account id in the events that the application itself publishes.
pub(crate) const ACCOUNT: &str = "000000000000";

/// Wraps `entry`, which `account` sent, into an event of the bus. The event's sequence number is
/// set later.
pub(crate) fn wrap(
    entry: &Entry,
    account: &str,
    id: Uuid,
    at: Timestamp,
) -> Result<Accepted, Unacceptable> {
    check(entry)?;
    let malformed = |error: serde_json::Error| Unacceptable {
        code: "MalformedDetail",
        message: format!("`Detail` must be a JSON object: {error}"),
    };
    if !entry.detail.trim_start().starts_with('{') {
        let message = "`Detail` must be a JSON object".to_owned();
        return Err(Unacceptable { code: "MalformedDetail", message });
    }
    serde_json::from_str::<&RawValue>(&entry.detail).map_err(malformed)?;
    // If `detail` does not have the form of `Envelope`, the event comes from a sender outside of
    // the application. The event is delivered all the same.
    let envelope: Envelope<'_> = serde_json::from_str(&entry.detail).unwrap_or_default();
    let ids = envelope.metadata.unwrap_or_default();
    let or_id = |given: Option<Cow<'_, str>>| given.map_or_else(|| id.to_string(), Cow::into_owned);
    Ok(Accepted {
        sequence: 0,
        id,
        event_id: or_id(ids.event_id),
        correlation_id: or_id(ids.correlation_id),
        tenant: ids.tenant.map(Arc::from),
        source: entry.source.clone(),
        detail_type: entry.detail_type.clone(),
        at,
        json: Arc::from(event_json(entry, account, id, at)),
        replay: None,
    })
}

fn check(entry: &Entry) -> Result<(), Unacceptable> {
    if entry.source.is_empty() || entry.detail_type.is_empty() {
        let message = "an entry's `Source` and `DetailType` must not be empty".to_owned();
        return Err(Unacceptable { code: "InvalidArgument", message });
    }
    let size = entry.size();
    if size > MAX_ENTRY_BYTES {
        let message = format!("an entry must have at most {MAX_ENTRY_BYTES} bytes, not {size}");
        return Err(Unacceptable { code: "ValidationException", message });
    }
    Ok(())
}

fn event_json(entry: &Entry, account: &str, id: Uuid, at: Timestamp) -> String {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    format!(
        concat!(
            r#"{{"version":"0","id":"{}","detail-type":{},"source":{},"account":{},"#,
            r#""time":"{:.0}","region":"local","resources":[],"detail":{}}}"#
        ),
        id,
        text(&entry.detail_type),
        text(&entry.source),
        text(account),
        at,
        entry.detail,
    )
}

/// The event as a replay delivers it, with the replay's name.
pub(crate) fn replayed(event: &Accepted, name: &Arc<str>) -> Accepted {
    let json = event.json.replacen(
        r#"{"version":"0","#,
        &format!(r#"{{"version":"0","replay-name":{},"#, serde_json::Value::from(&**name)),
        1,
    );
    Accepted { json: Arc::from(json), replay: Some(Arc::clone(name)), ..event.clone() }
}

/// The fields that [`read`] takes from the stored JSON of an event.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Header<'a> {
    id: Uuid,
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow)]
    detail_type: Cow<'a, str>,
    #[serde(borrow)]
    detail: &'a RawValue,
}

/// Reads an event from its stored JSON.
pub(crate) fn read(sequence: u64, at: Timestamp, json: &str) -> serde_json::Result<Accepted> {
    let header: Header<'_> = serde_json::from_str(json)?;
    let envelope: Envelope<'_> = serde_json::from_str(header.detail.get()).unwrap_or_default();
    let ids = envelope.metadata.unwrap_or_default();
    let id = header.id;
    let or_id = |given: Option<Cow<'_, str>>| given.map_or_else(|| id.to_string(), Cow::into_owned);
    Ok(Accepted {
        sequence,
        id,
        event_id: or_id(ids.event_id),
        correlation_id: or_id(ids.correlation_id),
        tenant: ids.tenant.map(Arc::from),
        source: header.source.into_owned(),
        detail_type: header.detail_type.into_owned(),
        at,
        json: Arc::from(json),
        replay: None,
    })
}

/// The `detail` of an event, without any change to its text.
pub(crate) fn detail(json: &str) -> serde_json::Result<&RawValue> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        detail: &'a RawValue,
    }
    serde_json::from_str::<Body<'_>>(json).map(|body| body.detail)
}

/// The body of a call: the event's `detail`, or only the `data` in it.
pub(crate) fn body(json: &str, body: CallBody) -> serde_json::Result<&RawValue> {
    #[derive(Deserialize)]
    struct Detail<'a> {
        #[serde(borrow)]
        data: &'a RawValue,
    }
    let detail = detail(json)?;
    match body {
        CallBody::Detail => Ok(detail),
        CallBody::Data => serde_json::from_str::<Detail<'_>>(detail.get()).map(|it| it.data),
    }
}

#[cfg(test)]
mod tests {
    use chorus_table::WireEvent;

    use super::*;

    fn entry(detail: &str) -> Entry {
        let (source, detail_type) = ("com.orders".to_owned(), "OrderCreated".to_owned());
        Entry { source, detail_type, detail: detail.to_owned() }
    }

    fn wrapped(detail: &str) -> Result<Accepted, Unacceptable> {
        let at = "2026-11-20T10:47:00.25Z".parse().unwrap();
        wrap(&entry(detail), ACCOUNT, Uuid::from_u128(7), at)
    }

    #[test]
    fn an_entry_becomes_an_event_that_the_contract_reads() {
        let event = wrapped(r#"{"metadata":{"event-id":"e","correlation-id":"o"},"data":1.50}"#);
        let event = event.unwrap();
        assert_eq!((event.event_id.as_str(), event.correlation_id.as_str()), ("e", "o"));
        let wire: WireEvent = serde_json::from_str(&event.json).unwrap();
        assert_eq!(wire.time.to_string(), "2026-11-20T10:47:00Z");
        assert!(wire.detail.get().ends_with("1.50}"), "the detail is kept byte for byte");
        let again = read(3, event.at, &event.json).unwrap();
        assert_eq!(again, Accepted { sequence: 3, ..event });
    }

    #[test]
    fn a_replayed_event_names_its_replay_and_is_else_the_same() {
        let event = wrapped("{}").unwrap();
        let wire: WireEvent =
            serde_json::from_str(&replayed(&event, &Arc::from("r-1")).json).unwrap();
        assert_eq!(wire.replay_name.as_deref(), Some("r-1"));
        assert_eq!(wire.id, event.id.to_string());
    }

    #[test]
    fn what_eventbridge_refuses_is_refused() {
        assert_eq!(wrapped("[1]").unwrap_err().code, "MalformedDetail");
        assert_eq!(wrapped("{").unwrap_err().code, "MalformedDetail");
        let large = format!(r#"{{"x":"{}"}}"#, "x".repeat(MAX_ENTRY_BYTES));
        assert_eq!(wrapped(&large).unwrap_err().code, "ValidationException");
        let nameless = Entry { detail_type: String::new(), ..entry("{}") };
        let refused = wrap(&nameless, ACCOUNT, Uuid::nil(), Timestamp::UNIX_EPOCH).unwrap_err();
        assert_eq!(refused.code, "InvalidArgument");
    }
}
