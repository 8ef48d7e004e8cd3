//! What a service is made of: pure decisions.

use chorus_table::{Metadata, Outputs, Row};

use crate::committing::outgoing::{entry, to_event};
use crate::{Decision, Failure, Message, State, Task};

/// A row of the design table with its rule: on this input and this state, this is decided.
///
/// A decision is pure. It sees the message and the state that it declares; it has no clock, no
/// randomness and no I/O. Run again on the same, it decides the same.
pub trait Action: Send + Sync {
    /// Its row: what it consumes and what it emits.
    type Row: Row;
    /// What it reads before it decides.
    type State: State;

    /// Where its state is read.
    fn keys(&self, input: &Input<Self>) -> <Self::State as State>::Keys;

    /// The customer who owns what a command asks about. Where a customer gives the command, the
    /// kernel checks it before the decision, and foreign items are not found; so a customer owns
    /// nothing until an action names the owner.
    fn owner(&self, _: &Input<Self>, _: &Self::State) -> Option<String> {
        None
    }

    /// Decides.
    ///
    /// # Errors
    /// A [`ActionError`] is for what may not be answered by an event: a caller's mistake, or a moment
    /// that has to pass. A business failure is an event.
    fn decide(
        &self,
        input: &Input<Self>,
        state: &Self::State,
        context: &Context<'_>,
    ) -> Decided<Self>;
}

/// What an action consumes: a variant for each message.
pub type Input<A> = <<A as Action>::Row as Row>::Input;

/// What comes of an action: its decision, or why it does not decide.
pub type Decided<A> = Result<Decision<<<A as Action>::Row as Row>::Output>, ActionError>;

/// What an action knows of the message besides its data.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    pub message: &'a Message,
}

impl<'a> Context<'a> {
    /// What is known of the message. `occurred-at` is as close to a clock as an action comes.
    #[must_use]
    pub const fn metadata(&self) -> &'a Metadata {
        &self.message.metadata
    }

    /// Whether a customer gave the command, who may touch only what is theirs.
    #[must_use]
    pub const fn is_of_customer(&self) -> bool {
        self.message.customer.is_some()
    }

    /// The task of a state machine that handed the message over.
    #[must_use]
    pub const fn task(&self) -> Option<&'a Task> {
        self.message.task.as_ref()
    }

    /// `event` as a state machine gets it, where `action` emits it on this message and nothing
    /// else: the same event, but for its time.
    ///
    /// # Errors
    /// Where the event cannot be written as JSON.
    pub fn emitted<O: Outputs>(
        &self,
        action: &str,
        event: &O,
    ) -> Result<serde_json::Value, Failure> {
        let now = self.message.metadata.occurred_at;
        to_event(&entry(action, self.message, event, (0, now))?)
    }
}

/// Why an action does not decide.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// A field breaks a rule.
    #[error("{field} {rule}")]
    Invalid {
        /// The field, as a JSON pointer such as `/lines/0/sku`.
        field: String,
        /// The rule that it breaks.
        rule: String,
    },
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// It is too late, or too early for good.
    #[error("{0}")]
    Conflict(String),
    /// What is there is no longer what the caller demands.
    #[error("{0}")]
    Outdated(String),
    #[error("{0}")]
    Later(String),
    /// What is stored cannot be read.
    #[error("{0}")]
    Failed(#[from] Failure),
}

impl ActionError {
    /// The error for a customer who asks about anything that is not theirs, whether it exists or
    /// not.
    #[must_use]
    pub fn not_theirs() -> Self {
        Self::NotFound("there is no such thing, or it is not yours".to_owned())
    }

    /// A field that breaks a rule.
    #[must_use]
    pub fn invalid(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), rule: rule.into() }
    }
}

impl From<serde_json::Error> for ActionError {
    fn from(error: serde_json::Error) -> Self {
        Self::Failed(Failure::corrupt("event", &error))
    }
}

impl From<ActionError> for Failure {
    fn from(error: ActionError) -> Self {
        let message = error.to_string();
        match error {
            ActionError::Invalid { .. } => Self::Terminal { code: "Invalid", message },
            ActionError::NotFound(_) => Self::Terminal { code: "NotFound", message },
            ActionError::Conflict(_) => Self::Terminal { code: "Conflict", message },
            ActionError::Outdated(_) => Self::Terminal { code: "Outdated", message },
            ActionError::Later(_) => Self::Retryable { code: "TooEarly", message },
            ActionError::Failed(failure) => failure,
        }
    }
}

/// Why a call got no response: nothing is known of whether the other side acted.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct OutcomeUnknown(pub String);
