//! An event, in the form in which the log stores and returns it.

use chorus_events::table::TABLE as DESIGN_TABLE;
use chorus_kernel::{Condition, Failure, Item, Key, Write, text};
use chorus_table::{Entry, Metadata};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;
use serde_json::Value;
use serde_json::value::RawValue;

/// An event, as the log returns it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LoggedEvent {
    /// The event's detail type.
    pub detail_type: String,
    /// The publisher's source; absent if no row of the design table emits or consumes events of
    /// this type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The event's metadata.
    pub metadata: Metadata,
    /// The event's data, as JSON.
    pub data: Value,
}

/// Returns the key of an event. The partition key is the event's correlation id, such as an order's
/// id; the sort key is the event's id.
pub(crate) fn key(metadata: &Metadata) -> Key {
    Key {
        table: super::TABLE.name,
        pk: metadata.correlation_id.clone(),
        sk: metadata.event_id.to_string(),
    }
}

/// Returns the source of events of this type. An action gets an event without its source, so the
/// source comes from the design table, in which each type has one owner. The events that rows
/// consume are searched, too, because the kernel publishes some types that no row emits.
fn source_of(detail_type: &str) -> Option<&'static str> {
    let mut stored = DESIGN_TABLE.rows.iter().flat_map(|row| row.emits.iter().chain(row.on));
    stored.find(|event| event.detail_type == detail_type).map(|event| event.owner.source())
}

/// Returns the write that stores an event once. The item does not say whether the event was
/// replayed, so that a log that is rebuilt from the archive equals the original.
pub(crate) fn store_once(
    detail_type: &str,
    metadata: &Metadata,
    data: &RawValue,
) -> serde_json::Result<Write> {
    let key = key(metadata);
    let mut item = key.to_item();
    let mut set = |name: &str, value: String| {
        item.insert(name.to_owned(), AttributeValue::S(value));
    };
    set("detail-type", detail_type.to_owned());
    if let Some(source) = source_of(detail_type) {
        set("source", source.to_owned());
    }
    set("occurred-at", metadata.occurred_at.to_string());
    let stored = Metadata { replay_name: None, ..metadata.clone() };
    set("metadata", serde_json::to_string(&stored)?);
    set("data", data.get().to_owned());
    let condition = Some(Condition::Absent);
    Ok(Write::Put { key, item, condition })
}

/// Returns the event that an item of the log stores; the event's data are as they were published.
/// `None` if the item is not an event, or if the event has no [source](LoggedEvent::source).
#[must_use]
pub fn published(item: &Item) -> Option<Entry> {
    let part = |name| text(item, name);
    let (source, detail_type) = (part("source")?.to_owned(), part("detail-type")?.to_owned());
    let (metadata, data) = (part("metadata")?, part("data")?);
    let detail = format!(r#"{{"metadata":{metadata},"data":{data}}}"#);
    Some(Entry { source, detail_type, detail })
}

pub(crate) fn read(item: &Item) -> Result<LoggedEvent, Failure> {
    let part = |name: &str| {
        let missing = || Failure::corrupt("event", &format!("it has no {name}"));
        text(item, name).ok_or_else(missing)
    };
    let unreadable = |error: serde_json::Error| Failure::corrupt("event", &error);
    Ok(LoggedEvent {
        detail_type: part("detail-type")?.to_owned(),
        source: text(item, "source").map(ToOwned::to_owned),
        metadata: serde_json::from_str(part("metadata")?).map_err(unreadable)?,
        data: serde_json::from_str(part("data")?).map_err(unreadable)?,
    })
}

impl LoggedEvent {
    /// Whether the event is about the order `id`. If a SKU or a customer has the same id, the log
    /// stores events about that SKU or customer under the same partition key.
    #[must_use]
    pub fn is_about_order(&self, id: &str) -> bool {
        let names = |field: &str| self.data.get(field).and_then(Value::as_str) == Some(id);
        names("order-id") || names("about") || !(names("sku") || names("customer-id"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_kernel::testing::metadata;

    #[test]
    fn every_event_of_the_contract_has_a_source() {
        for message in DESIGN_TABLE.messages() {
            if message.spec.category() == chorus_table::Category::Event {
                let source = source_of(message.spec.detail_type);
                assert_eq!(source, Some(message.spec.owner.source()), "{:?}", message.spec);
            }
        }
    }

    #[test]
    fn what_was_kept_reads_the_same_whatever_the_text_holds() {
        let data = RawValue::from_string(r#"{"reason":"it's \"odd\" — ü"}"#.to_owned()).unwrap();
        let replayed = Metadata { replay_name: Some("again".to_owned()), ..metadata() };
        let Write::Put { item, .. } = store_once("PaymentFailed", &replayed, &data).unwrap() else {
            panic!("an event is put")
        };
        let event = read(&item).unwrap();
        assert_eq!(event.data["reason"], "it's \"odd\" — ü");
        assert_eq!(event.source.as_deref(), Some("com.payments"));
        assert_eq!(event.metadata, metadata(), "whether an event was replayed is not stored");
    }

    #[test]
    fn an_event_is_published_again_with_the_very_same_data() {
        let text = r#"{"order-id":"7","total":18.50}"#;
        let data = RawValue::from_string(text.to_owned()).unwrap();
        let Write::Put { item, .. } = store_once("PaymentMade", &metadata(), &data).unwrap() else {
            panic!("an event is put")
        };
        let entry = published(&item).unwrap();
        assert_eq!((&*entry.source, &*entry.detail_type), ("com.payments", "PaymentMade"));
        let detail: chorus_table::Detail<Box<RawValue>> =
            serde_json::from_str(&entry.detail).unwrap();
        assert_eq!((detail.data.get(), detail.metadata), (text, metadata()));
        assert_eq!(published(&key(&metadata()).to_item()), None, "an item that is not an event");
    }

    #[test]
    fn a_customer_who_bears_an_orders_id_stays_out_of_its_story() {
        let event = |data| LoggedEvent {
            detail_type: String::new(),
            source: None,
            metadata: metadata(),
            data,
        };
        let order = serde_json::json!({ "order-id": "7", "customer-id": "7" });
        assert!(event(order).is_about_order("7"));
        assert!(event(serde_json::json!({ "about": "7" })).is_about_order("7"));
        assert!(!event(serde_json::json!({ "customer-id": "7" })).is_about_order("7"));
    }
}
