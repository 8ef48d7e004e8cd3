//! An action: the pure decision that a service makes on a message.

use chorus_table::{Metadata, Outputs, Row};

use crate::committing::outgoing::{entry, to_event};
use crate::{Decision, Failure, Message, State, Task};

/// The decision of one row of the design table, the list of all actions with the messages that they
/// consume and the events that they emit.
///
/// A decision is pure: it depends only on the message and on the state that the action declares. It
/// has no clock, no randomness and no I/O.
pub trait Action: Send + Sync {
    /// The row of the design table: what the action consumes and what it emits.
    type Row: Row;
    /// The state that the action reads before it decides.
    type State: State;

    /// The keys at which the kernel reads the state.
    fn keys(&self, input: &Input<Self>) -> <Self::State as State>::Keys;

    /// The customer who owns the data that a command is about. If a customer gave the command, the
    /// kernel checks before the decision that this customer is the owner, and otherwise responds
    /// with "not found". By default there is no owner, so the action refuses all commands of
    /// customers.
    fn owner(&self, _: &Input<Self>, _: &Self::State) -> Option<String> {
        None
    }

    /// Returns the tenant of the events that the action emits; `given` is the tenant of the
    /// message. The default is `given` or, if the message has no tenant, the owner of the data.
    fn tenant(
        &self,
        given: Option<&str>,
        input: &Input<Self>,
        state: &Self::State,
    ) -> Option<String> {
        given.map(ToOwned::to_owned).or_else(|| self.owner(input, state))
    }

    /// # Errors
    /// Returns an [`ActionError`] for a caller's mistake, or if it is too early to decide. A
    /// business failure, such as a declined payment, is not an error: the action emits an event.
    fn decide(
        &self,
        input: &Input<Self>,
        state: &Self::State,
        context: &Context<'_>,
    ) -> Decided<Self>;
}

/// What an action consumes: an enum with a variant for each type of message.
pub type Input<A> = <<A as Action>::Row as Row>::Input;

/// The result of an action: its decision, or why it does not decide.
pub type Decided<A> = Result<Decision<<<A as Action>::Row as Row>::Output>, ActionError>;

/// What an action knows about the message besides its data.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    pub message: &'a Message,
}

impl<'a> Context<'a> {
    /// The message's metadata. An action has no clock, so it uses the message's `occurred-at` as
    /// the time.
    #[must_use]
    pub const fn metadata(&self) -> &'a Metadata {
        &self.message.metadata
    }

    /// Whether a customer gave the command. A customer may access only their own data.
    #[must_use]
    pub const fn is_of_customer(&self) -> bool {
        self.message.customer.is_some()
    }

    /// The state machine's task that sent the message; none if the message came from the bus or
    /// from a caller.
    #[must_use]
    pub const fn task(&self) -> Option<&'a Task> {
        self.message.task.as_ref()
    }

    /// Returns `event` in the form in which a state machine receives it, with the id of the first
    /// event that `action` emits for this message. So `action` must emit no other event. The
    /// returned event has the message's `occurred-at`, because an action has no clock; the
    /// published event has the time of the commit.
    ///
    /// # Errors
    /// If the event cannot be written as JSON.
    pub fn emitted<O: Outputs>(
        &self,
        action: &str,
        event: &O,
    ) -> Result<serde_json::Value, Failure> {
        let now = self.message.metadata.occurred_at;
        to_event(&entry(action, self.message, event, 0, now)?)
    }
}

/// Why an action does not decide.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// A field of the command breaks a rule.
    #[error("{field} {rule}")]
    Invalid {
        /// The field, as a JSON pointer such as `/lines/0/sku`.
        field: String,
        /// The rule that the field breaks.
        rule: String,
    },
    /// The thing that the command is about does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The command does not fit the state of the thing that it is about, and a retry would not
    /// help.
    #[error("{0}")]
    Conflict(String),
    /// The item has a later version than the version that the caller requires.
    #[error("{0}")]
    Outdated(String),
    /// It is too early to decide: the platform should retry later.
    #[error("{0}")]
    Later(String),
    /// A failure of the kernel, such as a stored item that cannot be read.
    #[error("{0}")]
    Failed(#[from] Failure),
}

impl ActionError {
    /// The error for a customer who requests data of another customer, or data that does not exist.
    /// The error is the same in both cases, so that it does not reveal whether the data exists.
    #[must_use]
    pub fn not_theirs() -> Self {
        Self::NotFound("the requested data does not exist, or is not yours".to_owned())
    }

    /// The error for a field that breaks a rule.
    #[must_use]
    pub fn invalid(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), rule: rule.into() }
    }
}

impl From<serde_json::Error> for ActionError {
    fn from(error: serde_json::Error) -> Self {
        Self::Failed(Failure::unwritable("event", &error))
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

/// The reason why a call got no response. It is unknown whether the called side acted.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct OutcomeUnknown(pub String);
