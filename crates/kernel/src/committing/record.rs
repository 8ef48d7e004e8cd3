//! The idempotency record of a message: it proves that an action handled the message, and holds the
//! events that the action emitted. So the record serves as both inbox and outbox.

use chorus_table::{Entry, policy};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_dynamo::AttributeValue;

use super::allowance::is_allowance;
use super::outputs::RowOutputs;
use super::written;
use crate::breaking::is_circuit;
use crate::{
    Condition, Failure, Index, Item, Key, Message, Query, Seconds, Signal, TableSpec, Update,
    Write, number, text,
};

/// How long a record is kept, in seconds.
pub const RECORD_LIFETIME: Seconds = policy::RECORDS.as_secs().cast_signed();

/// The index of the records whose events the sweeper has to publish. It is unknown whether these
/// events are published, and the records' messages may never be delivered again.
pub const UNPUBLISHED_INDEX: Index =
    Index { name: "unpublished", pk: "unpublished", sk: "recorded-at", whole_items: false };

/// The table of all idempotency records. It also has the states of the partners' circuit breakers,
/// and the token buckets that limit callers' commands.
pub const IDEMPOTENCY_TABLE: TableSpec =
    TableSpec { name: "idempotency", indexes: &[UNPUBLISHED_INDEX], ttl: Some(EXPIRES_AT) };

/// The attribute with the time after which a record may be deleted, in seconds since the Unix
/// epoch.
pub(super) const EXPIRES_AT: &str = "expires-at";

/// The attribute that marks a record whose events are not known to be published. The sweeper
/// ignores such a record, because its message is redelivered until the events are published.
const UNCONFIRMED: &str = "unconfirmed";

/// The partitions of [`UNPUBLISHED_INDEX`]. There are several because DynamoDB accepts at most a
/// thousand writes per second to one partition.
const PARTITIONS: [&str; 4] = ["0", "1", "2", "3"];

/// The only partition of [`UNPUBLISHED_INDEX`] that earlier releases wrote to.
const EARLIER_PARTITION: &str = "yes";

/// The queries that find every record whose events the sweeper has to publish. Each query returns
/// its oldest record first.
pub fn unpublished_records() -> impl Iterator<Item = Query> {
    PARTITIONS.into_iter().chain([EARLIER_PARTITION]).map(|partition| {
        let mut query = Query::partition(IDEMPOTENCY_TABLE.name, partition);
        query.index = Some(&UNPUBLISHED_INDEX);
        query
    })
}

/// Whether a record's events are known to be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Publication {
    /// Nothing is left to do: the events are published, or there are none, or a state machine
    /// publishes them.
    Done,
    /// It is unknown whether the events are published. The message is redelivered, and its first
    /// duplicate publishes the events again.
    Unconfirmed,
    /// It is unknown whether the events are published, and the message may never be delivered
    /// again: the sweeper publishes the events.
    LeftToSweeper,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub(crate) key: Key,
    /// The fingerprint of the message that was handled.
    pub(crate) fingerprint: String,
    /// The events of the decision, byte for byte as they are published.
    pub(crate) entries: Vec<Entry>,
    /// Whether a state machine publishes the events instead of the kernel.
    pub(crate) published_by_machine: bool,
    pub(crate) signals: Vec<Signal>,
    pub(crate) note: Option<String>,
    /// The names of the items that the transaction wrote: see [`written`](super::written).
    pub(crate) wrote: Option<String>,
    pub(crate) publication: Publication,
}

/// The key of the record that `action` writes when it handles the message with this idempotency
/// key. Two consumers of one event have a record each, because the action is the sort key.
#[must_use]
pub fn record_key(action: &str, idempotency_key: &str) -> Key {
    Key { table: IDEMPOTENCY_TABLE.name, pk: idempotency_key.to_owned(), sk: action.to_owned() }
}

impl Record {
    /// The record of the fact that `action` handled `message` and emitted `entries`.
    pub(crate) fn new(
        action: &str,
        message: &Message,
        entries: Vec<Entry>,
    ) -> Result<Self, Failure> {
        let key = record_key(action, &message.metadata.idempotency_key);
        let fingerprint = message.fingerprint()?;
        let published_by_machine = message.is_published_by_machine();
        let publication = match entries.is_empty() || published_by_machine {
            true => Publication::Done,
            false if message.is_redelivered_until_answered() => Publication::Unconfirmed,
            false => Publication::LeftToSweeper,
        };
        let (signals, note, wrote) = (Vec::new(), None, None);
        Ok(Self {
            key,
            fingerprint,
            entries,
            published_by_machine,
            signals,
            note,
            wrote,
            publication,
        })
    }

    /// Adds to the record the signals to send to state machines, and a note. A record with signals
    /// is left to the sweeper until the record is marked as published.
    pub(crate) fn with(mut self, signals: Vec<Signal>, note: Option<String>) -> Self {
        if !signals.is_empty() {
            self.publication = Publication::LeftToSweeper;
        }
        Self { signals, note, ..self }
    }

    /// Adds to the record the name of each item that a [`Write::Put`] stores.
    pub(crate) fn with_written_items(self, writes: &[Write]) -> Self {
        Self { wrote: written::names(writes, &self.entries), ..self }
    }

    /// The partition of [`UNPUBLISHED_INDEX`] that contains the record while the record's events
    /// are left to the sweeper.
    fn partition(&self) -> &'static str {
        let sum: usize = self.key.pk.bytes().map(usize::from).sum();
        PARTITIONS[sum % PARTITIONS.len()]
    }

    /// Writes the record, unless a record with the same key exists that has not expired. DynamoDB
    /// may delete an expired item up to two days late, so the condition compares the expiry time
    /// with `now`.
    pub(crate) fn put(&self, now: Timestamp) -> Result<Write, Failure> {
        let mut item = self.key.to_item();
        let mut set = |name: &str, value| item.insert(name.to_owned(), value);
        set("fingerprint", AttributeValue::S(self.fingerprint.clone()));
        set(EXPIRES_AT, AttributeValue::N((now.as_second() + RECORD_LIFETIME).to_string()));
        set("recorded-at", AttributeValue::S(format!("{now:.9}")));
        if !self.entries.is_empty() {
            set("events", json("event", &self.entries)?);
        }
        if !self.signals.is_empty() {
            set("signals", json("signal", &self.signals)?);
        }
        if self.published_by_machine {
            set("said-by-machine", AttributeValue::Bool(true));
        }
        match self.publication {
            Publication::Done => {}
            Publication::Unconfirmed => {
                set(UNCONFIRMED, AttributeValue::Bool(true));
            }
            Publication::LeftToSweeper => {
                let partition = AttributeValue::S(self.partition().to_owned());
                set(UNPUBLISHED_INDEX.pk, partition);
            }
        }
        if let Some(note) = &self.note {
            set("note", AttributeValue::S(note.clone()));
        }
        if let Some(wrote) = &self.wrote {
            set(written::ATTRIBUTE, AttributeValue::S(wrote.clone()));
        }
        let condition = Condition::AbsentOrBelow { attribute: EXPIRES_AT, value: now.as_second() };
        Ok(Write::Put { key: self.key.clone(), item, condition: Some(condition) })
    }

    /// Marks the record's events as published.
    pub(crate) fn mark_published(key: &Key) -> Write {
        let updates = [UNPUBLISHED_INDEX.pk, UNCONFIRMED];
        let updates = updates.map(|attribute| Update::Remove { attribute }).to_vec();
        Write::Update { key: key.clone(), updates, condition: Some(Condition::Present) }
    }

    pub(crate) fn read(item: &Item) -> Result<Self, Failure> {
        let corrupt = |what: &str| Failure::corrupt("idempotency record", &what.to_owned());
        let part = |name| text(item, name).map(ToOwned::to_owned);
        let key = Key {
            table: IDEMPOTENCY_TABLE.name,
            pk: part("pk").ok_or_else(|| corrupt("it has no pk"))?,
            sk: part("sk").ok_or_else(|| corrupt("it has no sk"))?,
        };
        let publication = match (item.contains_key(UNCONFIRMED), text(item, UNPUBLISHED_INDEX.pk)) {
            (_, Some(_)) => Publication::LeftToSweeper,
            (true, None) => Publication::Unconfirmed,
            (false, None) => Publication::Done,
        };
        Ok(Self {
            key,
            fingerprint: part("fingerprint").ok_or_else(|| corrupt("it has no fingerprint"))?,
            entries: list(item, "events")?,
            published_by_machine: item.contains_key("said-by-machine"),
            signals: list(item, "signals")?,
            note: part("note"),
            wrote: part(written::ATTRIBUTE),
            publication,
        })
    }

    pub(crate) fn expired(item: &Item, now: Timestamp) -> bool {
        number(item, EXPIRES_AT).is_some_and(|expires| expires < now.as_second())
    }
}

/// Whether an item of [`IDEMPOTENCY_TABLE`] is the state of a circuit breaker or a caller's token
/// bucket, not a record.
pub(super) fn is_circuit_or_allowance(item: &Item) -> bool {
    is_circuit(item) || is_allowance(item)
}

/// Checks that `item`, of [`IDEMPOTENCY_TABLE`], is a record whose events the sweeper may publish.
///
/// # Errors
/// [`Failure::Terminal`] with the reason, if the item is no record, or if the row that the record
/// names cannot have written it.
pub fn check_record(item: &Item, outputs: &RowOutputs) -> Result<(), Failure> {
    let record = Record::read(item)?;
    match outputs.forgery_in(&record) {
        Some(message) => Err(Failure::Terminal { code: "ForgedRecord", message }),
        None => Ok(()),
    }
}

/// The events that the kernel publishes for this item of [`IDEMPOTENCY_TABLE`]; empty if a state
/// machine publishes the events, or if the item is the state of a circuit breaker or a caller's
/// token bucket.
///
/// # Errors
/// [`Failure::Terminal`] with the reason, if the item cannot be read as a record.
pub fn committed_events(item: &Item) -> Result<Vec<Entry>, Failure> {
    if is_circuit_or_allowance(item) {
        return Ok(Vec::new());
    }
    let record = Record::read(item)?;
    Ok(if record.published_by_machine { Vec::new() } else { record.entries })
}

/// All events in the record that this item of [`IDEMPOTENCY_TABLE`] holds, including events that a
/// state machine publishes; empty if the item is the state of a circuit breaker or a caller's token
/// bucket.
///
/// # Errors
/// [`Failure::Terminal`] with the reason, if the item cannot be read as a record.
pub fn recorded_events(item: &Item) -> Result<Vec<Entry>, Failure> {
    if is_circuit_or_allowance(item) {
        return Ok(Vec::new());
    }
    Ok(Record::read(item)?.entries)
}

/// The signals in this item of [`IDEMPOTENCY_TABLE`] that start state machines; empty if the item
/// is the state of a circuit breaker or a caller's token bucket.
///
/// # Errors
/// [`Failure::Terminal`] with the reason, if the item cannot be read as a record.
pub fn machine_starts(item: &Item) -> Result<Vec<Signal>, Failure> {
    if is_circuit_or_allowance(item) {
        return Ok(Vec::new());
    }
    let signals = Record::read(item)?.signals.into_iter();
    Ok(signals.filter(|signal| matches!(signal, Signal::Start { .. })).collect())
}

/// The time at which this record was written, if its message was handled without effect: without an
/// event, a signal, or an item that was put. `None` if the message had an effect, if the record does
/// not say when it was written, or if the item is the state of a circuit breaker or a caller's token
/// bucket. The effect of a message that only added to counters is not seen.
///
/// # Errors
/// [`Failure::Terminal`] with the reason, if the item cannot be read as a record.
pub fn ignored_at(item: &Item) -> Result<Option<Timestamp>, Failure> {
    if is_circuit_or_allowance(item) {
        return Ok(None);
    }
    let record = Record::read(item)?;
    let had_effect =
        !record.entries.is_empty() || !record.signals.is_empty() || record.wrote.is_some();
    let at = text(item, "recorded-at").and_then(|at| at.parse().ok());
    Ok(at.filter(|_| !had_effect))
}

/// Returns the write that leaves the events of this record to the sweeper. None if the record has
/// no events, if its events are known to be published, or if its events are left to the sweeper
/// already. Also none if the item is the state of a circuit breaker or a caller's token bucket.
///
/// # Errors
/// [`Failure::Terminal`] with the reason, if the item cannot be read as a record.
pub fn left_to_sweeper(item: &Item) -> Result<Option<Write>, Failure> {
    if is_circuit_or_allowance(item) {
        return Ok(None);
    }
    let record = Record::read(item)?;
    if record.publication != Publication::Unconfirmed {
        return Ok(None);
    }
    let mut item = item.clone();
    let partition = AttributeValue::S(record.partition().to_owned());
    item.insert(UNPUBLISHED_INDEX.pk.to_owned(), partition);
    Ok(Some(Write::Put { key: record.key, item, condition: Some(Condition::Present) }))
}

fn json<T: Serialize>(what: &str, list: &[T]) -> Result<AttributeValue, Failure> {
    let text = serde_json::to_string(list).map_err(|error| Failure::unwritable(what, &error))?;
    Ok(AttributeValue::S(text))
}

fn list<T: DeserializeOwned>(item: &Item, name: &str) -> Result<Vec<T>, Failure> {
    let read = |json| serde_json::from_str(json);
    let list = text(item, name).map(read).transpose();
    let corrupt = |error: serde_json::Error| Failure::corrupt("idempotency record", &error);
    list.map(Option::unwrap_or_default).map_err(corrupt)
}
