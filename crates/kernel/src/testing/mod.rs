//! Helpers for tests of decisions: a test passes a stored state and a message, and checks what the
//! action decides.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use chorus_table::{Category, Event, Metadata, Row, sample_time};
use jiff::Timestamp;
use uuid::Uuid;

use crate::deciding::put;
use crate::{
    Action, ActionError, CallContext, Clock, Context, Decision, Entity, ExternalAction, Failure,
    Fold, Keyring, MemoryStore, Message, PERSON_KEYS_TABLE, People, Randomness, Read, State, Step,
    Store, TableSpec, Task, Write, append, load,
};

pub mod port_suite;

/// The number of the next key that [`SampleRandomness`] makes.
static MADE: AtomicU64 = AtomicU64::new(1);

/// Metadata of a message that occurred at [`sample_time`].
#[must_use]
pub fn metadata() -> Metadata {
    Metadata {
        idempotency_key: "a-key".to_owned(),
        event_id: Uuid::from_u128(1),
        correlation_id: "1073459984".to_owned(),
        causation_id: None,
        occurred_at: sample_time(),
        version: 1,
        copy_of: None,
        ttl_seconds: 60,
        category: Category::Event,
        traceparent: None,
        replay_name: None,
        actor: None,
        home_region: None,
        tenant: None,
    }
}

/// A message with [`metadata`]. It has no data: the input is passed to the decision separately.
#[must_use]
pub fn message() -> Message {
    let data = serde_json::value::RawValue::NULL.to_owned();
    let (detail_type, source) = (String::new(), String::new());
    Message {
        detail_type,
        metadata: metadata(),
        data,
        source,
        fingerprinted: None,
        fingerprint_key: None,
        task: None,
        redelivered: false,
        customer: None,
    }
}

/// The [`message`] as a state machine's task sends it. The task waits for an answer with this
/// token.
#[must_use]
pub fn waiting(token: &str) -> Message {
    let task = Task { token: Some(token.to_owned()), ..Task::default() };
    Message { task: Some(task), ..message() }
}

/// A source of encryption keys for tests: the keys are distinct, but anybody can guess them.
#[derive(Debug, Clone, Copy)]
pub struct SampleRandomness;

impl Randomness for SampleRandomness {
    fn key(&self) -> Result<[u8; 32], Failure> {
        let mut made = [0; 32];
        made[..8].copy_from_slice(&MADE.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        Ok(made)
    }
}

/// A keyring for a kernel in a test.
#[must_use]
pub fn keyring() -> Keyring {
    Keyring::new(Arc::new(SampleRandomness))
}

/// Access to people's encryption keys in a store in memory, which is empty at first.
#[must_use]
pub fn people() -> People {
    struct FixedClock;

    #[async_trait]
    impl Clock for FixedClock {
        fn now(&self) -> Timestamp {
            sample_time()
        }
        async fn sleep(&self, _: Duration) {}
    }

    let store = MemoryStore::new(&[PERSON_KEYS_TABLE]);
    People::new(Arc::new(store), Arc::new(FixedClock), keyring())
}

/// The entities and streams that a test stores for a decision to read.
#[derive(Debug, Default)]
pub struct Stored(Vec<Write>);

impl Stored {
    /// Stores an entity at this version.
    #[must_use]
    pub fn with<E: Entity>(mut self, version: u64, entity: &E) -> Self {
        self.0.push(put(entity, version, None));
        self
    }

    /// Appends an event to a stream. `version` is the event's position in the stream.
    ///
    /// # Panics
    /// If the event cannot be written as JSON.
    #[must_use]
    pub fn with_event<F: Fold, E: Event>(mut self, version: u64, event: &E) -> Self {
        self.0.push(append::<F, E>(version, sample_time(), event).expect("events are JSON"));
        self
    }

    /// The state `S`, read at `keys` as the kernel reads it.
    ///
    /// # Errors
    /// If a stored item or event does not fit its type.
    pub fn state<S: State>(&self, keys: S::Keys) -> Result<S, Failure> {
        let tables = self.0.iter().map(|write| TableSpec {
            name: write.key().table,
            indexes: &[],
            ttl: None,
        });
        let mut reads = Vec::new();
        S::plan(&keys, &mut reads);
        let read_from = reads.iter().map(|read| TableSpec {
            name: match read {
                Read::Item(key) => key.table,
                Read::Stream { table, .. } => table,
            },
            indexes: &[],
            ttl: None,
        });
        let store = MemoryStore::new(&tables.chain(read_from).collect::<Vec<_>>());
        for write in &self.0 {
            expect_ready(store.write(std::slice::from_ref(write)))
                .expect("an unconditional put succeeds");
        }
        expect_ready(load(&store, keys))
    }
}

/// The result of a future that never waits, such as a request to the store in memory.
///
/// # Panics
/// If the future does wait.
pub fn expect_ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut TaskContext::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("the future is not ready at once, although it must never wait"),
    }
}

/// What `action` decides on `input` and on the state that is stored.
///
/// # Errors
/// If the action refuses to decide.
pub fn decide<A: Action>(
    action: &A,
    input: impl Into<<A::Row as Row>::Input>,
    stored: &Stored,
) -> Result<Decision<<A::Row as Row>::Output>, ActionError> {
    decide_on(action, input, &message(), stored)
}

/// Does the same as [`decide`], with a message that the test gives.
///
/// # Errors
/// If the action refuses to decide.
pub fn decide_on<A: Action>(
    action: &A,
    input: impl Into<<A::Row as Row>::Input>,
    message: &Message,
    stored: &Stored,
) -> Result<Decision<<A::Row as Row>::Output>, ActionError> {
    let input = input.into();
    action.decide(&input, &stored.state(action.keys(&input))?, &Context { message })
}

/// The next step of an action with an external call, for `input` and the state that is stored.
/// `response` is the call's response, if the call was made.
///
/// # Errors
/// If the action refuses to decide.
pub fn step<A: ExternalAction>(
    action: &A,
    input: impl Into<<A::Row as Row>::Input>,
    message: &Message,
    stored: &Stored,
    response: Option<&A::Response>,
) -> Result<Step<A::Request, <A::Row as Row>::Output>, ActionError> {
    let input = input.into();
    let context = CallContext { message: Context { message }, response };
    action.decide(&input, &stored.state(action.keys(&input))?, &context)
}
