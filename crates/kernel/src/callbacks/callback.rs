//! A callback: the token of a task that waits for an answer from outside, stored under an opaque
//! handle.
//!
//! The token never leaves the table of the service whose state machine waits. Events, partners and
//! people get the handle, and an answer names the handle.

use std::marker::PhantomData;

use chorus_table::Handle;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Attempt, Entity, Signal, Versioned, Write, create, derived_id, replace, save};

/// A kind of answer that a service waits for, such as the verdict of a reviewer. Each kind has its
/// own table, which keeps the callbacks that wait for such an answer.
pub trait CallbackDomain: Clone + Send + Sync + 'static {
    /// The table that keeps the callbacks.
    const TABLE: &'static str;
    /// The type of the id of a callback's subject, such as an order's id.
    type Subject: Serialize + DeserializeOwned + AsRef<str> + Clone + Send + Sync;
}

/// The data that a callback stores for the action that gets the answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kept<'a> {
    /// A note for the action that gets the answer.
    pub note: Option<&'a str>,
    /// The tenant of the message that registers the callback.
    pub tenant: Option<&'a str>,
}

/// One callback: it waits for one answer about one subject.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", bound = "")]
pub struct Callback<D: CallbackDomain> {
    /// The opaque id that is published instead of the task token.
    pub handle: Handle,
    /// What the callback is about. In data directories of releases up to commit c92b2c2, the stored
    /// field is called `order-id`.
    #[serde(alias = "order-id")]
    pub subject: D::Subject,
    /// The task token of the latest attempt of the waiting task.
    token: String,
    #[serde(default)]
    attempt: Attempt,
    /// The answer as JSON text; `None` before it has arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    /// A note for the action that gets the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// The tenant of the message that registered the callback. It is stored because an answer from
    /// outside has no tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(skip)]
    domain: PhantomData<D>,
}

impl<D: CallbackDomain> Entity for Callback<D> {
    const TABLE: &'static str = D::TABLE;
    const KIND: &'static str = "wait";
    type Id = Handle;

    fn id(&self) -> &Handle {
        &self.handle
    }
}

impl<D: CallbackDomain> Callback<D> {
    /// The handle of the callback about this subject.
    #[must_use]
    pub fn handle(subject: &D::Subject) -> Handle {
        let id = derived_id(D::TABLE, subject.as_ref(), 0).simple().to_string();
        id.parse().expect("the digits of a UUID are an identifier")
    }

    /// A callback that awaits an answer about this subject for the task that has this token.
    #[must_use]
    pub fn of(subject: D::Subject, token: impl Into<String>) -> Self {
        let handle = Self::handle(&subject);
        let (token, attempt) = (token.into(), Attempt::default());
        let (answer, note, tenant) = (None, None, None);
        Self { handle, subject, token, attempt, answer, note, tenant, domain: PhantomData }
    }

    /// Stores an answer that arrived before any task waited for it. The task gets the answer as
    /// soon as one of its attempts registers this callback.
    #[must_use]
    pub fn answered_early(subject: D::Subject, output: &Value) -> Write {
        create(&Self { answer: Some(output.to_string()), ..Self::of(subject, "") })
    }

    /// Stores the note and the tenant for the action that gets the answer.
    #[must_use]
    pub fn keeping(self, kept: Kept<'_>) -> Self {
        let own = |text: Option<&str>| text.map(ToOwned::to_owned);
        Self { note: own(kept.note), tenant: own(kept.tenant), ..self }
    }

    /// Returns the tenant that [`Callback::register_keeping`] stored.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// Returns the note that [`Callback::register_keeping`] stored.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// The answer, once it has arrived.
    #[must_use]
    pub fn answer(&self) -> Option<Value> {
        self.answer.as_deref().and_then(|answer| serde_json::from_str(answer).ok())
    }

    /// Whether no answer has arrived yet.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.answer.is_none()
    }

    /// Registers a callback for this attempt of a task; `token` is the attempt's task token. Returns
    /// `None` if a later attempt is registered already. If an answer has already arrived, the
    /// returned signal sends the answer to this attempt.
    #[must_use]
    pub fn register(
        read: Option<&Versioned<Self>>,
        subject: D::Subject,
        token: &str,
        attempt: Attempt,
    ) -> Option<(Write, Option<Signal>)> {
        Self::register_keeping(read, subject, token, attempt, Kept::default())
    }

    /// Does the same as [`Callback::register`], and stores the note and the tenant of `kept`.
    #[must_use]
    pub fn register_keeping(
        read: Option<&Versioned<Self>>,
        subject: D::Subject,
        token: &str,
        attempt: Attempt,
        kept: Kept<'_>,
    ) -> Option<(Write, Option<Signal>)> {
        if read.is_some_and(|read| read.attempt > attempt) {
            return None;
        }
        let mut callback = Self { attempt, ..Self::of(subject, token).keeping(kept) };
        callback.answer = read.and_then(|read| read.answer.clone());
        let signal = callback.answer().map(|output| answer(token, output));
        Some((save(read, &callback), signal))
    }

    /// Returns the write that stores the answer, and the signal that completes the waiting task
    /// with the answer.
    #[must_use]
    pub fn resolve(read: &Versioned<Self>, output: Value) -> (Write, Signal) {
        let answered = Self { answer: Some(output.to_string()), ..read.value.clone() };
        (replace(read, &answered), answer(&read.token, output))
    }

    /// Returns the signal that restarts the heartbeat timeout of the waiting task.
    #[must_use]
    pub fn heartbeat(&self) -> Signal {
        Signal::Heartbeat { token: self.token.clone() }
    }
}

fn answer(token: &str, output: Value) -> Signal {
    Signal::Answer { token: token.to_owned(), output }
}

impl<D: CallbackDomain> std::fmt::Debug for Callback<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callback").field("handle", &self.handle).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Here;

    impl CallbackDomain for Here {
        const TABLE: &'static str = "here";
        type Subject = String;
    }

    fn read(value: Callback<Here>) -> Versioned<Callback<Here>> {
        Versioned { version: 1, value }
    }

    #[test]
    fn a_handle_reveals_neither_the_order_nor_the_token() {
        let callback = Callback::<Here>::of("4711".to_owned(), "a-token");
        let handle = callback.handle.as_str();
        assert!(!handle.contains("4711") && !handle.contains("token"));
    }

    #[test]
    fn an_answer_that_an_earlier_attempt_got_completes_the_next() {
        let first = read(Callback::of("4711".to_owned(), "first"));
        let (_, signal) = Callback::resolve(&first, serde_json::json!({ "verdict": "approve" }));
        let Signal::Answer { token, output } = signal else { panic!("{signal:?}") };
        assert_eq!(token, "first");
        let answered = Callback { answer: Some(output.to_string()), ..first.value };
        let (answered, attempt) = (read(answered), Attempt::default());
        let (_, signal) =
            Callback::register(Some(&answered), "4711".to_owned(), "second", attempt).unwrap();
        assert_eq!(signal, Some(Signal::Answer { token: "second".to_owned(), output }));
    }

    #[test]
    fn an_answer_that_came_before_a_task_waited_completes_the_first_attempt() {
        let output = serde_json::json!({ "verdict": "approve" });
        let Write::Put { item, .. } = Callback::<Here>::answered_early("4711".to_owned(), &output)
        else {
            panic!("the callback is created")
        };
        let early: Callback<Here> = serde_dynamo::from_item(item).unwrap();
        assert!(!early.is_open());
        let (early, attempt) = (read(early), Attempt::default());
        let (_, signal) =
            Callback::register(Some(&early), "4711".to_owned(), "first", attempt).unwrap();
        assert_eq!(signal, Some(Signal::Answer { token: "first".to_owned(), output }));
    }

    #[test]
    fn an_answer_completes_the_last_attempt_whichever_reports_last() {
        let attempt = |retry| Attempt { retry, ..Attempt::default() };
        let first = read(Callback::of("4711".to_owned(), "first"));
        let kept = Callback::register(Some(&first), "4711".to_owned(), "third", attempt(2));
        let Some((Write::Put { item, .. }, None)) = kept else { panic!("{kept:?}") };
        let third: Callback<Here> = serde_dynamo::from_item(item).unwrap();
        let late =
            Callback::register(Some(&read(third.clone())), "4711".to_owned(), "second", attempt(1));
        assert!(late.is_none(), "{late:?}");
        let (_, signal) = Callback::resolve(&read(third), serde_json::json!({}));
        assert!(matches!(signal, Signal::Answer { token, .. } if token == "third"));
    }
}
