//! The events that each row of the design table may publish. The sweeper publishes only these
//! events for a row: any other event in a record is a forgery.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chorus_table::{EventSpec, RowSpec};

use super::record::Record;
use crate::Signal;

/// The events that each row of the design table may publish, by the row's action. Written as text,
/// the list fits into an environment variable: each event source is followed by the rows that
/// publish events of the source.
///
/// ```
/// use chorus_kernel::RowOutputs;
///
/// let text = "com.inventory ReserveItem=ItemNotAvailable,ItemReserved";
/// assert_eq!(RowOutputs::from(text).to_string(), text);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowOutputs(BTreeMap<String, BTreeSet<SourceAndType>>);

/// The `source` and the `detail-type` of an event.
type SourceAndType = (String, String);

impl RowOutputs {
    /// The events that these rows emit, and the events of their partners' circuit breakers. A
    /// circuit breaker's event is listed under the event's own name, because no action emits the
    /// event.
    #[must_use]
    pub fn of(rows: impl IntoIterator<Item = RowSpec>) -> Self {
        let named =
            |event: &EventSpec| (event.owner.source().to_owned(), event.detail_type.to_owned());
        let mut outputs = BTreeMap::<String, BTreeSet<SourceAndType>>::new();
        for row in rows {
            outputs.entry(row.action.to_owned()).or_default().extend(row.emits.iter().map(named));
            for event in row.breaker_events() {
                outputs.entry(event.detail_type.to_owned()).or_default().insert(named(event));
            }
        }
        Self(outputs)
    }

    /// Returns why the row that `record` names cannot have written the record: for example, the
    /// record has an event that the row never publishes. Returns `None` if the record's events may
    /// be published.
    pub(crate) fn forgery_in(&self, record: &Record) -> Option<String> {
        let action = record.key.sk.as_str();
        let Some(own) = self.0.get(action) else {
            return Some(format!("the design table has no row {action}"));
        };
        let is_own = |(source, detail_type)| own.contains(&(source, detail_type));
        let foreign = record
            .entries
            .iter()
            .find(|entry| !is_own((entry.source.clone(), entry.detail_type.clone())));
        if let Some(entry) = foreign {
            let (name, source) = (&entry.detail_type, &entry.source);
            return Some(format!(
                "the record has {name} of {source}, which {action} never publishes"
            ));
        }
        record.signals.iter().find_map(|signal| match signal {
            Signal::Start { machine, .. } if machine != action => {
                Some(format!("the record starts {machine}, which {action} never starts"))
            }
            _ => None,
        })
    }
}

impl fmt::Display for RowOutputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sources: BTreeMap<&str, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
        for (action, events) in &self.0 {
            // A row that publishes no events is listed, too: a record of the row may start a state
            // machine.
            if events.is_empty() {
                sources.entry("-").or_default().entry(action).or_default();
            }
            for (source, detail_type) in events {
                sources.entry(source).or_default().entry(action).or_default().push(detail_type);
            }
        }
        let mut space = "";
        for (source, rows) in sources {
            write!(f, "{space}{source}")?;
            for (action, events) in rows {
                write!(f, " {action}={}", events.join(","))?;
            }
            space = " ";
        }
        Ok(())
    }
}

/// Reads the text that [`fmt::Display`] wrote. If the text names no rows, for example because it is
/// empty, no row may publish an event.
impl From<&str> for RowOutputs {
    fn from(text: &str) -> Self {
        let (mut rows, mut source) = (BTreeMap::<String, BTreeSet<SourceAndType>>::new(), "");
        for token in text.split_whitespace() {
            let Some((action, events)) = token.split_once('=') else {
                source = token;
                continue;
            };
            let events = events.split(',').filter(|event| !event.is_empty());
            let events = events.map(|event| (source.to_owned(), event.to_owned()));
            rows.entry(action.to_owned()).or_default().extend(events);
        }
        Self(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::committing::record::Publication;
    use crate::record_key;
    use chorus_table::Entry;

    const TEXT: &str =
        "- FulfilDelivery= com.delivery Relay=ErrorLate com.logistics Relay=Delivered";

    fn record(action: &str, entries: &[(&str, &str)], machine: Option<&str>) -> Record {
        let entry = |(source, detail_type): &(&str, &str)| Entry {
            source: (*source).to_owned(),
            detail_type: (*detail_type).to_owned(),
            detail: "{}".to_owned(),
        };
        let start = |machine: &str| Signal::Start {
            machine: machine.to_owned(),
            name: "one".to_owned(),
            input: serde_json::Value::Null,
        };
        Record {
            key: record_key(action, "a-key"),
            fingerprint: "0".to_owned(),
            entries: entries.iter().map(entry).collect(),
            published_by_machine: false,
            signals: machine.map(start).into_iter().collect(),
            note: None,
            wrote: None,
            publication: Publication::LeftToSweeper,
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_other_text_allows_nothing() {
        let outputs = RowOutputs::from(TEXT);
        assert_eq!(outputs.to_string(), TEXT);
        assert_eq!(RowOutputs::from(outputs.to_string().as_str()), outputs);
        assert!(RowOutputs::from("{}").forgery_in(&record("Relay", &[], None)).is_some());
    }

    #[test]
    fn a_record_is_held_to_the_events_and_the_machine_of_its_row() {
        let outputs = RowOutputs::from(TEXT);
        let forgery = |record| outputs.forgery_in(&record).unwrap_or_default();
        let own = [("com.logistics", "Delivered"), ("com.delivery", "ErrorLate")];
        assert_eq!(forgery(record("Relay", &own, None)), "");
        assert_eq!(forgery(record("FulfilDelivery", &[], Some("FulfilDelivery"))), "");
        for (record, why) in [
            (
                record("Relay", &[("com.payment", "PaymentMade")], None),
                "PaymentMade of com.payment",
            ),
            (record("Relay", &[("com.payment", "Delivered")], None), "Delivered of com.payment"),
            (record("Relay", &[own[0], ("com.order", "Any")], None), "Any of com.order"),
            (record("Stranger", &[], None), "no row Stranger"),
            (record("FulfilDelivery", &own[..1], None), "never publishes"),
            (record("Relay", &[], Some("CollectPayment")), "the record starts CollectPayment"),
        ] {
            let error = forgery(record);
            assert!(error.contains(why), "{why}: {error}");
        }
    }
}
