//! An action that makes external calls. The action's decision is still pure, because the kernel
//! makes each call between two steps of the decision.

use std::convert::Infallible;

use async_trait::async_trait;
use chorus_table::Row;

use crate::{Action, ActionError, Context, Decision, OutcomeUnknown, People, State};

/// The next step of an action that may have to make an external call.
#[derive(Debug, Clone, PartialEq)]
pub enum Step<C, O> {
    Done(Decision<O>),
    /// The action needs the response to this call. Before the call, the kernel commits the writes
    /// of `claim`, so that no concurrent decision on the same state can be committed.
    Call {
        request: C,
        /// The writes that record that the call is being made, each with a condition on the state
        /// that was read.
        claim: Vec<crate::Write>,
    },
}

/// An action whose decision may need a response from outside, such as the response to a charge or
/// an email.
///
/// `decide` is pure. It is first run without a response. If it returns [`Step::Call`], the kernel
/// commits the claim, and makes the call with an idempotency key that is derived from the message's
/// key. It then reads the state again, and runs `decide` again with the response. A crash at any
/// point leads to the same call with the same key.
#[async_trait]
pub trait ExternalAction: Send + Sync {
    /// The row of the design table: what the action consumes and what it emits.
    type Row: Row;
    /// The state that the action reads before it decides.
    type State: State;
    type Request: Send + Sync;
    type Response: Send + Sync;

    /// Whether the action may call a partner. A partner may be unavailable, so the action's
    /// messages are retried for longer than Lambda retries an event. False for an action that calls
    /// only the platform, for example to read a secret.
    const CALLS: bool = true;

    /// The keys at which the kernel reads the state.
    fn keys(&self, input: &<Self::Row as Row>::Input) -> <Self::State as State>::Keys;

    /// See [`Action::owner`].
    fn owner(&self, _: &<Self::Row as Row>::Input, _: &Self::State) -> Option<String> {
        None
    }

    /// See [`Action::tenant`].
    fn tenant(
        &self,
        given: Option<&str>,
        input: &<Self::Row as Row>::Input,
        state: &Self::State,
    ) -> Option<String> {
        given.map(ToOwned::to_owned).or_else(|| self.owner(input, state))
    }

    /// Decides, or returns the call that has to be made first.
    ///
    /// # Errors
    /// See [`ActionError`].
    fn decide(
        &self,
        input: &<Self::Row as Row>::Input,
        state: &Self::State,
        context: &CallContext<'_, Self::Response>,
    ) -> Result<Step<Self::Request, <Self::Row as Row>::Output>, ActionError>;

    /// Makes the call, with the idempotency key `key`. `people` decrypts those texts in the request
    /// that are about people.
    ///
    /// # Errors
    /// If no response came: it is unknown whether the called system acted, so the kernel makes the
    /// call again with the same key when the message is retried.
    async fn call(
        &self,
        request: &Self::Request,
        key: &str,
        people: &People,
    ) -> Result<Self::Response, OutcomeUnknown>;
}

/// The message's context for an action that makes calls, and the call's response once there is one.
#[derive(Debug)]
pub struct CallContext<'a, R> {
    pub message: Context<'a>,
    /// The response to the call; none before the call is made.
    pub response: Option<&'a R>,
}

/// An [`Action`] as an [`ExternalAction`] that makes no call, so that the kernel handles both kinds
/// of action by the same code.
#[derive(Debug)]
pub(crate) struct WithoutCalls<A>(pub(crate) A);

#[async_trait]
impl<A: Action> ExternalAction for WithoutCalls<A> {
    type Row = A::Row;
    type State = A::State;
    type Request = Infallible;
    type Response = Infallible;

    const CALLS: bool = false;

    fn keys(&self, input: &<A::Row as Row>::Input) -> <A::State as State>::Keys {
        self.0.keys(input)
    }

    fn owner(&self, input: &<A::Row as Row>::Input, state: &A::State) -> Option<String> {
        self.0.owner(input, state)
    }

    fn tenant(
        &self,
        given: Option<&str>,
        input: &<A::Row as Row>::Input,
        state: &A::State,
    ) -> Option<String> {
        self.0.tenant(given, input, state)
    }

    fn decide(
        &self,
        input: &<A::Row as Row>::Input,
        state: &A::State,
        context: &CallContext<'_, Infallible>,
    ) -> Result<Step<Infallible, <A::Row as Row>::Output>, ActionError> {
        self.0.decide(input, state, &context.message).map(Step::Done)
    }

    async fn call(
        &self,
        request: &Infallible,
        _: &str,
        _: &People,
    ) -> Result<Infallible, OutcomeUnknown> {
        match *request {}
    }
}

impl<A: Action> Action for &A {
    type Row = A::Row;
    type State = A::State;

    fn keys(&self, input: &<A::Row as Row>::Input) -> <A::State as State>::Keys {
        (**self).keys(input)
    }

    fn owner(&self, input: &<A::Row as Row>::Input, state: &A::State) -> Option<String> {
        (**self).owner(input, state)
    }

    fn tenant(
        &self,
        given: Option<&str>,
        input: &<A::Row as Row>::Input,
        state: &A::State,
    ) -> Option<String> {
        (**self).tenant(given, input, state)
    }

    fn decide(
        &self,
        input: &<A::Row as Row>::Input,
        state: &A::State,
        context: &Context<'_>,
    ) -> Result<Decision<<A::Row as Row>::Output>, ActionError> {
        (**self).decide(input, state, context)
    }
}
