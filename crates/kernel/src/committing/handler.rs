//! An action behind a trait object, so that a function can keep its actions in one list.

use std::sync::Arc;

use async_trait::async_trait;
use chorus_table::{EventSpec, Inputs, Row, RowSpec};
use tracing::{Span, field};

use crate::{ActionError, ExternalAction, Handled, Kernel, Message};

/// An action as a trait object: it accepts messages of all types, so that one list can hold all
/// actions of a function.
#[async_trait]
pub trait Handler: Send + Sync {
    /// The action's row of the design table.
    fn row(&self) -> RowSpec;

    /// Whether the action handles messages of this detail type from the bus. False for events that
    /// only a task of a state machine passes to the action.
    fn reads(&self, detail_type: &str) -> bool;

    /// Whether the action may call a partner, which may be unavailable for hours.
    fn calls(&self) -> bool {
        false
    }

    /// Handles `message`.
    ///
    /// # Errors
    /// See [`Kernel::run`].
    async fn handle(&self, kernel: &Kernel, message: &Message) -> Result<Handled, ActionError>;
}

/// Wraps an action as a trait object.
pub fn handler<A: ExternalAction + 'static>(action: A) -> Arc<dyn Handler> {
    Arc::new(Typed(action))
}

struct Typed<A>(A);

#[async_trait]
impl<A: ExternalAction> Handler for Typed<A> {
    fn row(&self) -> RowSpec {
        A::Row::SPEC
    }

    fn reads(&self, detail_type: &str) -> bool {
        let row = A::Row::SPEC;
        let names = |events: &[EventSpec]| events.iter().any(|it| it.detail_type == detail_type);
        let by_task = names(row.tasks) && !names(row.on);
        row.is_catch_all() || (names(<A::Row as Row>::Input::EVENTS) && !by_task)
    }

    fn calls(&self) -> bool {
        A::CALLS
    }

    async fn handle(&self, kernel: &Kernel, message: &Message) -> Result<Handled, ActionError> {
        let row = A::Row::SPEC;
        let answered = kernel.run_external(&self.0, message).await?;
        // `record` ignores fields that the current tracing span, which the adapter made, does not
        // declare.
        Span::current()
            .record("action", row.action)
            .record("correlation_id", &message.metadata.correlation_id)
            .record("event", &message.detail_type)
            .record("outcome", field::debug(answered.outcome));
        tracing::info!(
            action = row.action,
            correlation_id = message.metadata.correlation_id,
            event = message.detail_type,
            event_id = %message.metadata.event_id,
            outcome = ?answered.outcome,
            "{} handled {} of {}",
            row.action,
            message.detail_type,
            message.metadata.correlation_id,
        );
        Ok(answered)
    }
}
