//! How the kernel handles every message: load the state, let the action decide, commit the decision
//! with an idempotency record, publish the events. If the message may never be delivered again, the
//! kernel then marks the record as published, so that the sweeper skips the record.

use std::time::Duration;

use chorus_table::{Category, Inputs, Replay, Row};
use jiff::{SignedDuration, Timestamp};

use super::outgoing::{entries, pause};
use super::record::{Publication, Record, record_key};
use crate::deciding::{WithoutCalls, load_beside};
use crate::{
    Action, ActionError, CallContext, Context, Decision, ExternalAction, Failure, Handled, Item,
    Kernel, Message, Outcome, RECORD_LIFETIME, Reason, Step, StoreError, publish_all,
};

/// How many times an action decides on one message at most. If a concurrent write makes a decision
/// stale, the action decides again, on freshly read state.
const ATTEMPTS: u32 = 8;

/// The upper bound of the pause before the second attempt. The bound doubles for each further
/// attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The upper bound of any pause. All pauses together take at most about a third of a function's
/// timeout.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long after a command's expiry an earlier delivery of the command may still be in progress:
/// more than any function's timeout plus a difference between clocks.
const STILL_HANDLED: SignedDuration = SignedDuration::from_mins(5);

/// How far ahead of this function's clock the clock of another account may be: the longest time by
/// which a command's `occurred-at` may be in the future.
const AHEAD: SignedDuration = SignedDuration::from_hours(1);

enum Committed<S = ()> {
    /// The decision was committed now. `S` is the state on which the action decided.
    Now(Record, S),
    /// The decision on this message was committed earlier; this is the record of that commit.
    Before(Record),
    /// A condition of a change did not hold, because another process wrote the item after this
    /// process had read the item.
    Stale,
}

impl Kernel {
    /// Handles `message` with `action`. The action's effects happen once, no matter how many times
    /// the message is delivered.
    ///
    /// # Errors
    /// [`ActionError::Failed`] if the message was not handled: the failure says whether the
    /// platform should retry. Any other error comes from the action, and nothing was committed.
    pub async fn run<A: Action>(
        &self,
        action: &A,
        message: &Message,
    ) -> Result<Handled, ActionError> {
        self.run_external(&WithoutCalls(action), message).await
    }

    /// Does the same as [`Kernel::run`], and also returns the state on which the action decided, so
    /// that a response can show the state. The state is `None` if the action did not decide now.
    ///
    /// # Errors
    /// See [`Kernel::run`].
    pub async fn run_and_show<A: Action>(
        &self,
        action: &A,
        message: &Message,
    ) -> Result<(Handled, Option<A::State>), ActionError> {
        self.answer(&WithoutCalls(action), message).await
    }

    /// Does the same as [`Kernel::run`], for an action that may make an external call.
    ///
    /// # Errors
    /// See [`Kernel::run`].
    pub async fn run_external<A: ExternalAction>(
        &self,
        action: &A,
        message: &Message,
    ) -> Result<Handled, ActionError> {
        self.answer(action, message).await.map(|(handled, _)| handled)
    }

    async fn answer<A: ExternalAction>(
        &self,
        action: &A,
        message: &Message,
    ) -> Result<(Handled, Option<A::State>), ActionError> {
        if self.leaves_to_other_region(message).await? {
            return Ok((Handled::left_to_other_region(), None));
        }
        let message = &*self.received(message);
        if let Some(handled) = self.without_deciding::<A>(message).await? {
            return Ok((handled, None));
        }
        let version = message.metadata.version;
        let input = <A::Row as Row>::Input::read(&message.detail_type, version, &message.data)
            .map_err(|error| Failure::unreadable(&error))?;
        let message = &*message.in_earliest::<<A::Row as Row>::Input>();
        match self.decide_and_commit(action, message, &input).await? {
            Committed::Before(record) => Ok((self.repeat(message, record).await?, None)),
            Committed::Now(record, state) => {
                self.publish(&record).await?;
                if record.publication == Publication::LeftToSweeper {
                    self.mark(&record).await;
                }
                let Record { entries, note, .. } = record;
                Ok((Handled { outcome: Outcome::Decided, entries, note }, Some(state)))
            }
            Committed::Stale => {
                let action = A::Row::SPEC.action;
                let message =
                    format!("{action} is not committed: other writes came first {ATTEMPTS} times");
                Err(Failure::later("Contended", message).into())
            }
        }
    }

    /// The outcome of a message on which the action does not have to decide; `None` if the action
    /// has to decide.
    async fn without_deciding<A: ExternalAction>(
        &self,
        message: &Message,
    ) -> Result<Option<Handled>, ActionError> {
        let spec = A::Row::SPEC;
        let now = self.clock.now();
        // A catch-all action, which consumes every event, only records a command. So the action
        // records an expired command, too.
        if message.metadata.expired(now) && !spec.is_catch_all() {
            return self.expired::<A>(message).await.map(Some);
        }
        // A message with one of the outcomes below gets no record: a replay may arrive before the
        // original event, which must still be handled.
        let replayed = message.metadata.replay_name.is_some();
        let mut occurred_at = message.metadata.occurred_at;
        if message.metadata.category == Category::Command && !message.is_from_caller() {
            occurred_at = occurred_at.checked_sub(AHEAD).unwrap_or(Timestamp::MIN);
            // A command from the future is refused: a replay could execute such a command again
            // after the command's record has expired, because `is_older_than_records` counts from
            // `occurred-at`.
            if occurred_at > now && !spec.is_catch_all() {
                let message =
                    "occurred-at must be at most an hour in the future: set the sender's clock";
                let message = message.to_owned();
                return Err(Failure::Terminal { code: "FutureCommand", message }.into());
            }
        }
        let too_old = || is_older_than_records(occurred_at, now);
        let (outcome, note) = if replayed && spec.replay == Replay::Suppressed {
            (Outcome::Suppressed, "replayed: this action ignores replays")
        } else if message.metadata.copy_of.is_some() && spec.is_catch_all() {
            (Outcome::Absorbed, "a copy in an earlier version: only the current version is handled")
        } else if replayed && spec.replay == Replay::Idempotent && too_old() {
            (Outcome::Suppressed, "replayed, and too old: its idempotency record may have expired")
        } else {
            return Ok(None);
        };
        Ok(Some(Handled { outcome, entries: Vec::new(), note: Some(note.to_owned()) }))
    }

    /// Handles an expired command without asking the action to decide. An expired command gets no
    /// record: with a record, the sender's next attempt under the same idempotency key would count
    /// as a duplicate, and would not be handled.
    ///
    /// # Errors
    /// If the command was not handled before it expired. A caller of the API gets a retryable
    /// failure. A command from the bus becomes a dead letter, because its sender gets no response.
    /// Until [`STILL_HANDLED`] has passed since the expiry, the failure of such a command is
    /// retryable: an earlier delivery may still be writing the command's record.
    async fn expired<A: ExternalAction>(&self, message: &Message) -> Result<Handled, ActionError> {
        const CODE: &str = "CommandExpired";
        let spec = A::Row::SPEC;
        if message.is_from_caller() {
            let problem = "the command expired before it was handled: send it again";
            return Err(Failure::later(CODE, problem).into());
        }
        if let Some(record) = self.find_record(spec.action, message).await? {
            return self.repeat(message, record).await;
        }
        if message.metadata.replay_name.is_some() {
            let note = Some("the command had expired".to_owned());
            return Ok(Handled { outcome: Outcome::Expired, entries: Vec::new(), note });
        }
        let problem = "the command expired before it was handled: its sender has to send it again, \
                       with a new occurred-at";
        if !message.metadata.expired(self.clock.now() - STILL_HANDLED) {
            return Err(Failure::later(CODE, problem).into());
        }
        Err(Failure::Terminal { code: CODE, message: problem.to_owned() }.into())
    }

    async fn decide_and_commit<A: ExternalAction>(
        &self,
        action: &A,
        message: &Message,
        input: &<A::Row as Row>::Input,
    ) -> Result<Committed<A::State>, ActionError> {
        let (mut response, mut lost, mut kept) = (None, false, None);
        for attempt in 0..ATTEMPTS {
            if std::mem::replace(&mut lost, true) {
                self.clock.sleep(pause_of::<A::Row>(message, attempt)).await;
            }
            let breaker = A::Row::SPEC.breaker.filter(|_| A::CALLS);
            let (state, record) = match kept.take() {
                Some(state) => (state, None),
                None => self.read_for(action, message, input, response.is_none()).await?,
            };
            let tenant = action.tenant(message.metadata.tenant.as_deref(), input, &state);
            let message = &*message.of_tenant(tenant);
            let context = CallContext { message: Context { message }, response: response.as_ref() };
            let decided = message
                .owned_by(|| action.owner(input, &state))
                .and_then(|()| action.decide(input, &state, &context));
            match decided {
                Ok(Step::Done(decision)) => match self.commit::<A>(message, decision).await? {
                    Committed::Stale => {}
                    Committed::Before(record) => return Ok(Committed::Before(record)),
                    Committed::Now(record, ()) => return Ok(Committed::Now(record, state)),
                },
                Ok(Step::Call { request, claim }) => {
                    if let Some(record) = self.unexpired(record)? {
                        return Ok(Committed::Before(record));
                    }
                    if let Some(breaker) = breaker {
                        self.permit(breaker).await?;
                    }
                    if self.claim(&claim).await? {
                        let called = self.call(action, &request, message).await?;
                        (response, lost) = (Some(called), false);
                        // Without a claim, this process has written nothing since it read the
                        // state, so it does not read the state again. If another process has
                        // changed the state, the commit is refused.
                        kept = claim.is_empty().then_some(state);
                    }
                }
                // The message may be a duplicate, and the state may have changed since the first
                // delivery. Then the recorded decision counts, not this error.
                Err(error) => match self.find_record(A::Row::SPEC.action, message).await? {
                    Some(record) => return Ok(Committed::Before(record)),
                    None => return Err(error),
                },
            }
        }
        Ok(Committed::Stale)
    }

    /// Reads the state on which `action` decides, with one request to the store. If the action may
    /// call a partner, the request also reads the partner's circuit breaker, unless this instance
    /// has read the breaker before. If the partner has not been called yet for this message
    /// (`uncalled`), the request also reads the message's idempotency record.
    async fn read_for<A: ExternalAction>(
        &self,
        action: &A,
        message: &Message,
        input: &<A::Row as Row>::Input,
        uncalled: bool,
    ) -> Result<(A::State, Option<Item>), ActionError> {
        let record = (A::CALLS && uncalled)
            .then(|| record_key(A::Row::SPEC.action, &message.metadata.idempotency_key));
        let breaker = A::Row::SPEC.breaker.filter(|_| A::CALLS);
        let unread = breaker.and_then(|breaker| self.breakers.unread(breaker));
        let is_read = unread.is_some();
        let (state, [record, circuit]) =
            load_beside::<A::State, _>(&*self.store, action.keys(input), [record, unread]).await?;
        if let Some(breaker) = breaker.filter(|_| is_read) {
            self.breakers.read(breaker, circuit.as_ref())?;
        }
        Ok((state, record))
    }

    /// Commits the writes that record a call; returns false if the state that was read is outdated.
    async fn claim(&self, claim: &[crate::Write]) -> Result<bool, Failure> {
        if claim.is_empty() {
            return Ok(true);
        }
        match self.store.write(claim).await {
            Ok(()) => Ok(true),
            Err(StoreError::Refused(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Commits the record and the changes in one transaction, the record first. Without changes,
    /// the write is one conditional put. A [`Decision::once`] is committed without a record.
    async fn commit<A: ExternalAction>(
        &self,
        message: &Message,
        decision: Decision<<A::Row as Row>::Output>,
    ) -> Result<Committed, ActionError> {
        let action = A::Row::SPEC.action;
        let now = self.clock.now();
        let outgoing = entries(action, message, &decision.emits, now)?;
        let record = Record::new(action, message, outgoing)?
            .with(decision.signals, decision.note)
            .with_written_items(&decision.writes);
        if decision.self_guarded {
            return match self.store.write(&decision.writes).await {
                Ok(()) => Ok(Committed::Now(record, ())),
                Err(StoreError::Refused(reasons)) if is_condition(&reasons, 0) => {
                    Ok(Committed::Before(record))
                }
                Err(error) => Err(Failure::from(error).into()),
            };
        }
        let mut writes = vec![record.put(now)?];
        writes.extend(decision.writes);
        match self.store.write(&writes).await {
            Ok(()) => Ok(Committed::Now(record, ())),
            Err(StoreError::Refused(reasons)) => match reasons.first() {
                Some(Reason::Condition(Some(old))) => Ok(Committed::Before(Record::read(old)?)),
                _ => Ok(Committed::Stale),
            },
            Err(error) => Err(Failure::from(error).into()),
        }
    }

    /// Handles a duplicate: returns the recorded events, and publishes the events again. Publishes
    /// nothing if the events are known to be published, or if the message is a replay.
    async fn repeat(&self, message: &Message, record: Record) -> Result<Handled, ActionError> {
        if !message.has_fingerprint(&record.fingerprint)? {
            let message = format!(
                "the idempotency key {} was used before, for a different {}",
                record.key.pk, message.detail_type
            );
            return Err(Failure::Terminal { code: "KeyReused", message }.into());
        }
        Ok(self.publish_again(message, record).await?)
    }

    async fn publish_again(&self, message: &Message, record: Record) -> Result<Handled, Failure> {
        let publishes =
            record.publication != Publication::Done && message.metadata.replay_name.is_none();
        if publishes {
            self.publish(&record).await?;
            self.mark(&record).await;
        }
        let outcome = if publishes { Outcome::Repeated } else { Outcome::Absorbed };
        let entries = self.at_home(&record.entries)?.into_owned();
        Ok(Handled { outcome, entries, note: record.note })
    }

    /// Publishes the events of a record, and sends its signals to state machines.
    pub(crate) async fn publish(&self, record: &Record) -> Result<(), Failure> {
        if record.publication == Publication::Done {
            return Ok(());
        }
        if !record.published_by_machine {
            publish_all(&*self.bus, &*self.clock, &self.at_home(&record.entries)?).await?;
        }
        for signal in &record.signals {
            let outcome = self.signal(signal).await?;
            tracing::debug!(key = record.key.pk, ?outcome, "signaled a state machine");
        }
        Ok(())
    }

    /// Marks the events of a record as published.
    pub(crate) async fn mark(&self, record: &Record) {
        match self.store.write(&[Record::mark_published(&record.key)]).await {
            // The record has expired, and was deleted: nothing is left to mark.
            Ok(()) | Err(StoreError::Refused(_)) => {}
            // The events are published, so this is no failure. A duplicate of the message may
            // publish the events again, byte for byte.
            Err(error) => {
                tracing::warn!(key = record.key.pk, %error, "the events are published, but their record is not marked as published: a duplicate may publish them again");
            }
        }
    }

    /// Returns the outcome that the record of `action` shows for `message`, and publishes the
    /// recorded events if they are not known to be published. Returns `None` if there is no record,
    /// because `action` has not handled the message yet.
    pub(crate) async fn answer_again(
        &self,
        action: &str,
        message: &Message,
    ) -> Result<Option<Handled>, Failure> {
        let Some(record) = self.find_record(action, message).await? else { return Ok(None) };
        self.publish_again(message, record).await.map(Some)
    }

    /// The record of `action` for `message`, if there is one that has not expired.
    async fn find_record(
        &self,
        action: &str,
        message: &Message,
    ) -> Result<Option<Record>, Failure> {
        let key = record_key(action, &message.metadata.idempotency_key);
        self.unexpired(self.store.get(&key).await?)
    }

    fn unexpired(&self, record: Option<Item>) -> Result<Option<Record>, Failure> {
        let record = record.filter(|item| !Record::expired(item, self.clock.now()));
        record.as_ref().map(Record::read).transpose()
    }
}

/// How long to wait before an attempt is repeated; `attempt` is 1 for the first repetition.
fn pause_of<R: Row>(message: &Message, attempt: u32) -> Duration {
    let longest = FIRST_PAUSE.saturating_mul(1 << (attempt - 1)).min(LONGEST_PAUSE);
    pause(longest, R::SPEC.action, &message.metadata.idempotency_key, attempt)
}

/// Whether an event is so old that a consumer's idempotency record of the event may have expired. A
/// consumer that recognizes duplicates only by its records ignores a replay of such an event.
#[must_use]
pub fn is_older_than_records(occurred_at: Timestamp, now: Timestamp) -> bool {
    now.as_second() - occurred_at.as_second() >= RECORD_LIFETIME
}

fn is_condition(reasons: &[Reason], index: usize) -> bool {
    matches!(reasons.get(index), Some(Reason::Condition(_)))
}
