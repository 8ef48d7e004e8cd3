//! Actions that call the payment provider. Each action has its own decision, and all share the code
//! that makes the call.

use std::sync::Arc;

use async_trait::async_trait;
use chorus_kernel::{
    ActionError, CallContext, ExternalAction, OutcomeUnknown, People, State, Step,
};
use chorus_table::Row;

use crate::PaymentProvider;
use crate::provider_call::{self, Request, Response};

/// The part of an [`ExternalAction`] that differs between the actions that call the provider.
pub(crate) trait ProviderAction: Send + Sync + Sized {
    type Row: Row;
    type State: State;

    /// See [`ExternalAction::keys`].
    fn keys(&self, input: &<Self::Row as Row>::Input) -> <Self::State as State>::Keys;

    /// See [`ExternalAction::tenant`].
    fn tenant(&self, given: Option<&str>, _: &Self::State) -> Option<String> {
        given.map(ToOwned::to_owned)
    }

    /// See [`ExternalAction::decide`].
    ///
    /// # Errors
    /// See [`ActionError`].
    fn decide(
        &self,
        input: &<Self::Row as Row>::Input,
        state: &Self::State,
        context: &CallContext<'_, Response>,
    ) -> Result<Step<Request, <Self::Row as Row>::Output>, ActionError>;

    /// Returns the action with the provider that it calls.
    fn by(self, provider: Arc<dyn PaymentProvider>) -> ByProvider<Self> {
        ByProvider { action: self, provider }
    }
}

pub(crate) struct ByProvider<A> {
    action: A,
    provider: Arc<dyn PaymentProvider>,
}

#[async_trait]
impl<A: ProviderAction> ExternalAction for ByProvider<A> {
    type Row = A::Row;
    type State = A::State;
    type Request = Request;
    type Response = Response;

    fn keys(&self, input: &<A::Row as Row>::Input) -> <A::State as State>::Keys {
        self.action.keys(input)
    }

    fn tenant(
        &self,
        given: Option<&str>,
        _: &<A::Row as Row>::Input,
        state: &A::State,
    ) -> Option<String> {
        self.action.tenant(given, state)
    }

    fn decide(
        &self,
        input: &<A::Row as Row>::Input,
        state: &A::State,
        context: &CallContext<'_, Response>,
    ) -> Result<Step<Request, <A::Row as Row>::Output>, ActionError> {
        self.action.decide(input, state, context)
    }

    /// The idempotency key of the message is not used, because the id of the payment intent
    /// identifies the request. Two operators who request the refund of one intent make the same
    /// request.
    async fn call(
        &self,
        request: &Request,
        _: &str,
        _: &People,
    ) -> Result<Response, OutcomeUnknown> {
        provider_call::call(&*self.provider, request).await
    }
}
