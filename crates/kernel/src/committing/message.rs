//! Messages: events and commands in the form in which actions receive them.

use std::borrow::Cow;

use chorus_table::{Category, Detail, Inputs, Metadata};
use hmac::Mac;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::digest::Update;
use sha2::{Digest, Sha256};

use crate::{ActionError, Failure, SealingKey, derived_id};

/// A message as an action receives it: an event or a command.
#[derive(Debug, Clone)]
pub struct Message {
    pub detail_type: String,
    pub metadata: Metadata,
    /// The message's data as JSON text.
    pub data: Box<RawValue>,
    pub source: String,
    /// The text whose hash is the message's fingerprint, which shows whether an idempotency key was
    /// reused for a different message; none if that text is `data`. The text is the body that a
    /// caller sent, or the data in the earliest version of the event, so that earlier and later
    /// releases compute the same fingerprint.
    pub fingerprinted: Option<Box<RawValue>>,
    /// The encryption key of the person whom `fingerprinted` is about. The fingerprint of such a
    /// text is a keyed hash: with a plain hash, anybody could check a guess of the text.
    pub fingerprint_key: Option<SealingKey>,
    /// The state machine's task that sent the message; none if the message came from the bus or
    /// from a caller.
    pub task: Option<Task>,
    /// Whether the bus or a queue delivered the message. Both deliver a message again until the
    /// message is handled.
    pub redelivered: bool,
    /// The customer who sent the command. The command may access only this customer's data. None if
    /// the message is an event, or if a caller with a role sent the command.
    pub customer: Option<String>,
}

/// The data about a task that a state machine passes to the action that it invokes for the task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Task {
    /// The task token, if the task waits for an answer from outside. With a token, the kernel
    /// publishes the action's event. Without a token, the machine receives the event and publishes
    /// it.
    pub token: Option<String>,
    /// Which attempt of the task this is.
    pub attempt: Attempt,
    /// Why the machine reached this task, if the machine's definition has several paths to the
    /// task.
    pub reason: Option<String>,
    /// The timeout for the answer, in seconds; none if the machine's definition passes no timeout.
    pub timeout_seconds: Option<u32>,
}

impl Task {
    /// The token and the attempt of a task that waits for an answer from outside; none if the task
    /// has no token.
    #[must_use]
    pub fn waiting(&self) -> Option<(&str, Attempt)> {
        Some((self.token.as_deref()?, self.attempt))
    }

    /// When the task stops waiting for an answer: the timeout, counted from the task's first
    /// attempt. None if the task has no timeout.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        let timeout = SignedDuration::from_secs(self.timeout_seconds?.into());
        self.attempt.since.checked_add(timeout).ok()
    }
}

/// An attempt of a task; a later attempt compares as greater. The comparison is needed because an
/// action that an earlier attempt started may still be running during a later attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Attempt {
    /// When the machine entered the task's state: `$$.State.EnteredTime`.
    pub since: Timestamp,
    /// How many times the task was retried since the machine entered the state:
    /// `$$.State.RetryCount`.
    pub retry: u64,
}

/// The payload of a task, in the form in which the machines' definitions pass it.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct TaskPayload {
    action: String,
    event: Box<RawValue>,
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    since: Timestamp,
    #[serde(default)]
    retry: u64,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    timeout: Option<u32>,
}

/// The fields of an event that a message needs. The bus adds other fields, which an event from a
/// state machine may lack.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct BusEvent {
    detail_type: String,
    source: String,
    detail: Detail<Box<RawValue>>,
    #[serde(default)]
    account: Option<String>,
    #[serde(default)]
    replay_name: Option<String>,
}

impl Message {
    /// Reads an event in the form in which the bus delivers it.
    ///
    /// # Errors
    /// Terminal, if the text is not an event of this application: a retry would not help.
    pub fn from_event(json: &str) -> Result<Self, Failure> {
        let malformed = |error: serde_json::Error| Failure::Terminal {
            code: "MalformedEvent",
            message: format!("the event is not in the application's format: {error}"),
        };
        let BusEvent { detail_type, source, detail, account, replay_name } =
            serde_json::from_str(json).map_err(malformed)?;
        let mut metadata = detail.metadata;
        if metadata.category == Category::Command {
            attribute(&mut metadata, account.as_deref());
        }
        metadata.replay_name = replay_name.or(metadata.replay_name);
        Ok(Self {
            detail_type,
            metadata,
            data: detail.data,
            source,
            fingerprinted: None,
            fingerprint_key: None,
            task: None,
            redelivered: true,
            customer: None,
        })
    }

    /// Reads the payload that a state machine passes to an action: `action`, `event`, and, if the
    /// machine waits for an answer, the task's `token` and attempt (`since`, `retry`). Returns the
    /// action's name with the message.
    ///
    /// Each attempt of a waiting task has a different token, which the action has to store. So each
    /// attempt counts as a different message: the message's idempotency key is derived from the
    /// token.
    ///
    /// # Errors
    /// Terminal, if the text is not the payload of a task.
    pub fn from_task(json: &str) -> Result<(String, Self), Failure> {
        let payload: TaskPayload =
            serde_json::from_str(json).map_err(|error| Failure::Terminal {
                code: "MalformedTask",
                message: format!("the payload is not that of a state machine's task: {error}"),
            })?;
        let TaskPayload { action, event, token, since, retry, reason, timeout } = payload;
        let mut message = Self::from_event(event.get())?;
        if let Some(token) = &token {
            message.metadata.idempotency_key = derived_id(&action, token, 0).simple().to_string();
        }
        let attempt = Attempt { since, retry };
        message.task = Some(Task { token, attempt, reason, timeout_seconds: timeout });
        message.redelivered = false;
        Ok((action, message))
    }

    /// The message as an event: the input of a state machine.
    ///
    /// # Errors
    /// If the message cannot be written as JSON.
    pub fn to_event(&self) -> Result<serde_json::Value, Failure> {
        let unwritable = |error| Failure::unwritable("event", &error);
        let data: serde_json::Value = serde_json::from_str(self.data.get()).map_err(unwritable)?;
        let metadata = serde_json::to_value(&self.metadata).map_err(unwritable)?;
        Ok(serde_json::json!({
            "source": self.source, "detail-type": self.detail_type,
            "detail": { "metadata": metadata, "data": data },
        }))
    }

    /// Refuses a customer's command that concerns somebody else's data. The error is the same as
    /// for data that does not exist.
    pub(crate) fn owned_by(
        &self,
        owner: impl FnOnce() -> Option<String>,
    ) -> Result<(), ActionError> {
        match &self.customer {
            Some(customer) if owner().as_ref() != Some(customer) => Err(ActionError::not_theirs()),
            _ => Ok(()),
        }
    }

    pub(crate) fn of_tenant(&self, tenant: Option<String>) -> Cow<'_, Self> {
        if tenant == self.metadata.tenant {
            return Cow::Borrowed(self);
        }
        let metadata = Metadata { tenant, ..self.metadata.clone() };
        Cow::Owned(Self { metadata, ..self.clone() })
    }

    /// Whether a caller of the API sent the message, and waits for the response.
    pub(crate) fn is_from_caller(&self) -> bool {
        self.task.is_none() && !self.redelivered
    }

    /// Whether a later delivery of the message publishes the events that the first delivery
    /// committed, but did not publish. True for messages of the bus and of queues, because these
    /// messages are delivered until they are handled. False for replayed events, because a replay
    /// does not publish events that were committed earlier.
    pub(crate) fn is_redelivered_until_answered(&self) -> bool {
        self.redelivered && self.metadata.replay_name.is_none()
    }

    /// Whether a state machine publishes the events that an action emits for this message.
    pub(crate) fn is_published_by_machine(&self) -> bool {
        self.task.as_ref().is_some_and(|task| task.token.is_none())
    }

    /// A copy whose `fingerprinted` is the data in the event's earliest version, so that all
    /// versions of the event have the same fingerprint. The message itself if the event has only
    /// one version.
    pub(crate) fn in_earliest<I: Inputs>(&self) -> Cow<'_, Self> {
        let Self { detail_type, metadata, data, .. } = self;
        match I::in_earliest(detail_type, metadata.version, data) {
            Some(earliest) => Cow::Owned(Self { fingerprinted: Some(earliest), ..self.clone() }),
            None => Cow::Borrowed(self),
        }
    }

    /// A hash of the message's type and data. Messages whose data differs only in the order of keys
    /// or in white space have the same hash.
    ///
    /// # Errors
    /// Terminal, if the data is not JSON.
    pub fn fingerprint(&self) -> Result<String, Failure> {
        let data = self.fingerprinted.as_ref().unwrap_or(&self.data);
        match &self.fingerprint_key {
            Some(key) => {
                let mut hash = key.hash();
                self.hash(&mut hash, data)?;
                Ok(half(&hash.finalize().into_bytes()))
            }
            None => self.hash_of(data),
        }
    }

    /// Whether `fingerprint` is the fingerprint of this message. The function also accepts the
    /// fingerprints of earlier releases: hashes without a key, of `fingerprinted` or of `data`.
    pub(crate) fn has_fingerprint(&self, fingerprint: &str) -> Result<bool, Failure> {
        let sent = self.fingerprinted.as_ref().unwrap_or(&self.data);
        Ok(self.fingerprint()? == fingerprint
            || self.hash_of(sent)? == fingerprint
            || self.hash_of(&self.data)? == fingerprint)
    }

    fn hash_of(&self, data: &RawValue) -> Result<String, Failure> {
        let mut hash = Sha256::new();
        self.hash(&mut hash, data)?;
        Ok(half(&hash.finalize()))
    }

    fn hash(&self, hash: &mut impl Update, data: &RawValue) -> Result<(), Failure> {
        let data: serde_json::Value =
            serde_json::from_str(data.get()).map_err(|error| Failure::Terminal {
                code: "MalformedEvent",
                message: format!("the message's data is not JSON: {error}"),
            })?;
        hash.update(self.detail_type.as_bytes());
        hash_sorted(hash, &data);
        Ok(())
    }
}

/// Writes into a command's metadata which AWS account sent the command through the bus. EventBridge
/// sets `account`, so a sender cannot forge the account. The account replaces the actor and the
/// tenant that the sender has named, and becomes a prefix of the idempotency key and of the
/// correlation id. So a sender cannot use the keys of another account, or the id of an order. The
/// event id is derived from the account, the key and the sender's event id. If a sender could
/// choose the event id, it could choose the id of an event of this application: the event log would
/// then ignore that event as a duplicate.
///
/// Removes what only this application may set: the home region, the mark of a copy (`copy-of`), and
/// the name of a replay. With these fields, a sender could make this application ignore the
/// command, or keep the command out of the event log.
fn attribute(metadata: &mut Metadata, account: Option<&str>) {
    let account = account.unwrap_or("unknown");
    let actor = format!("account {account}");
    metadata.tenant = Some(format!("account-{account}"));
    let key = format!("{}\n{}", metadata.idempotency_key, metadata.event_id);
    metadata.event_id = derived_id(&actor, &key, 0);
    metadata.idempotency_key = format!("{actor} {}", metadata.idempotency_key);
    metadata.correlation_id = format!("{actor} {}", metadata.correlation_id);
    metadata.actor = Some(actor);
    metadata.home_region = None;
    metadata.copy_of = None;
    metadata.replay_name = None;
}

/// The first half of a digest, in hexadecimal digits.
fn half(digest: &[u8]) -> String {
    hex::encode(&digest[..digest.len() / 2])
}

/// Hashes a value with the keys of every object in sorted order.
fn hash_sorted(hasher: &mut impl Update, value: &serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by_key(|(name, _)| name.as_str());
            hasher.update(b"{");
            for (name, value) in sorted {
                hasher.update(&name.len().to_le_bytes());
                hasher.update(name.as_bytes());
                hash_sorted(hasher, value);
            }
            hasher.update(b"}");
        }
        serde_json::Value::Array(values) => {
            hasher.update(b"[");
            for value in values {
                hash_sorted(hasher, value);
            }
            hasher.update(b"]");
        }
        scalar => {
            let text = scalar.to_string();
            hasher.update(&text.len().to_le_bytes());
            hasher.update(text.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(category: &str, account: &str) -> Metadata {
        let metadata = json!({
            "idempotency-key": "k1", "event-id": uuid::Uuid::nil(), "correlation-id": "chai",
            "occurred-at": "2026-11-29T12:00:00Z", "version": 1, "ttl-seconds": 60,
            "category": category, "actor": "maria", "tenant": "ana",
            "home-region": "west", "copy-of": 2, "replay-name": "the sender's",
        });
        let event = json!({
            "source": "com.example.catalogue", "detail-type": "PutItem", "account": account,
            "detail": { "metadata": metadata, "data": {} },
        });
        Message::from_event(&event.to_string()).unwrap().metadata
    }

    #[test]
    fn a_command_by_the_bus_is_its_accounts_whomever_it_names_and_so_is_its_key() {
        let first = read("command", "222233334444");
        assert_eq!(first.actor.as_deref(), Some("account 222233334444"));
        let other = read("command", "555566667777");
        assert_ne!(first.idempotency_key, other.idempotency_key);
        assert_eq!(first.tenant.as_deref(), Some("account-222233334444"));
        assert_eq!(first.correlation_id, "account 222233334444 chai");
        let event = read("event", "222233334444");
        assert_eq!((event.actor.as_deref(), &*event.idempotency_key), (Some("maria"), "k1"));
        assert_eq!((event.tenant.as_deref(), &*event.correlation_id), (Some("ana"), "chai"));
    }

    #[test]
    fn a_sender_cannot_choose_the_event_id_under_which_its_command_is_logged() {
        let chosen = uuid::Uuid::nil();
        let first = read("command", "222233334444").event_id;
        assert_ne!(first, chosen);
        assert_ne!(first, read("command", "555566667777").event_id);
        assert_eq!(first, read("command", "222233334444").event_id, "a retry is the same event");
        assert_eq!(read("event", "222233334444").event_id, chosen);
    }

    #[test]
    fn a_sender_sets_neither_home_nor_replay_of_its_command_and_cannot_make_it_a_copy() {
        let Metadata { home_region, copy_of, replay_name, .. } = read("command", "222233334444");
        assert_eq!((home_region, copy_of, replay_name), (None, None, None));
        let Metadata { home_region, copy_of, replay_name, .. } = read("event", "111122223333");
        assert_eq!((home_region.as_deref(), copy_of), (Some("west"), Some(2)));
        assert_eq!(replay_name.as_deref(), Some("the sender's"));
    }

    #[test]
    fn a_command_that_the_bus_replays_keeps_the_replays_name() {
        let metadata = json!({
            "idempotency-key": "k1", "event-id": uuid::Uuid::nil(), "correlation-id": "chai",
            "occurred-at": "2026-11-29T12:00:00Z", "version": 1, "ttl-seconds": 60,
            "category": "command", "replay-name": "the sender's",
        });
        let event = json!({
            "source": "com.example.catalogue", "detail-type": "PutItem",
            "account": "222233334444", "replay-name": "the bus's",
            "detail": { "metadata": metadata, "data": {} },
        });
        let read = Message::from_event(&event.to_string()).unwrap();
        assert_eq!(read.metadata.replay_name.as_deref(), Some("the bus's"));
    }
}
