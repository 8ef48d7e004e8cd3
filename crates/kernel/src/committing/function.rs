//! A service's function: its actions, state machines and tables. On AWS it is one Lambda function.

use std::sync::Arc;

use chorus_table::{Row, Service};
use serde_json::{Value, json};

use super::outgoing::to_event;
use super::starter::Starter;
use crate::deciding::WithoutCalls;
use crate::{
    Action, ActionError, ExternalAction, Failure, Handled, Handler, Kernel, MachineSpec, Message,
    TableSpec, handler,
};

/// One service's code and tables, as the embedded engine and Lambda run them.
#[derive(Clone)]
pub struct Function {
    pub service: Service,
    pub handlers: Vec<Arc<dyn Handler>>,
    /// The tables that the service owns.
    pub tables: Vec<TableSpec>,
    /// The service's state machines in this release.
    pub machines: Vec<MachineSpec>,
    /// State machines of earlier releases, which this release does not deploy. Executions of these
    /// machines may still be in flight. New executions may begin, too, because an execution that
    /// began in an earlier release may start these machines as nested executions.
    pub retired_machines: Vec<MachineSpec>,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Function").field("service", &self.service).finish_non_exhaustive()
    }
}

impl Function {
    #[must_use]
    pub fn of(service: Service) -> Self {
        Self {
            service,
            handlers: Vec::new(),
            tables: Vec::new(),
            machines: Vec::new(),
            retired_machines: Vec::new(),
        }
    }

    #[must_use]
    pub fn action<A: Action + 'static>(self, action: A) -> Self {
        self.external_action(WithoutCalls(action))
    }

    /// Adds an action that makes external calls.
    #[must_use]
    pub fn external_action<A: ExternalAction + 'static>(mut self, action: A) -> Self {
        self.handlers.push(handler(action));
        self
    }

    #[must_use]
    pub fn table(mut self, table: TableSpec) -> Self {
        self.tables.push(table);
        self
    }

    #[must_use]
    pub fn machine(mut self, machine: MachineSpec) -> Self {
        self.machines.push(machine);
        self
    }

    /// Adds a state machine of earlier releases; see [`Function::retired_machines`].
    #[must_use]
    pub fn retired_machine(mut self, machine: MachineSpec) -> Self {
        self.retired_machines.push(machine);
        self
    }

    /// The state machines whose executions may be in flight: the machines of this release, and the
    /// retired machines.
    pub fn machines_under_way(&self) -> impl Iterator<Item = &MachineSpec> {
        self.machines.iter().chain(&self.retired_machines)
    }

    /// Adds the state machine that the row `R` starts, and the action that starts it.
    #[must_use]
    pub fn starts<R: Row>(self, machine: MachineSpec) -> Self {
        self.action(Starter::<R>::of(machine)).machine(machine)
    }

    /// Runs a task of a state machine. Returns an object whose `event` is the event that the
    /// machine has to publish. `event` is `null` if the action emits no event, or if the kernel
    /// publishes the event.
    ///
    /// # Errors
    /// The failure says whether the state machine should retry the task or give it up.
    pub async fn handle_task(&self, kernel: &Kernel, json: &str) -> Result<Value, Failure> {
        let (action, message) = Message::from_task(json)?;
        let found = self.handlers.iter().find(|handler| handler.row().action == action);
        let unknown = || Failure::Terminal {
            code: "UnknownAction",
            message: format!("{} has no action {action}", self.service.title),
        };
        let handler = found.ok_or_else(unknown)?;
        let says = message.is_published_by_machine();
        let answered = self.answer(&**handler, kernel, &message).await?;
        let event = answered.entries.first().filter(|_| says).map(to_event).transpose()?;
        Ok(json!({ "event": event }))
    }

    /// Handles an event that the bus or a queue delivers.
    ///
    /// # Errors
    /// The failure says whether the platform should retry the event or give it up.
    pub async fn handle_event(&self, kernel: &Kernel, json: &str) -> Result<Handled, Failure> {
        let message = Message::from_event(json)?;
        self.answer(self.reader(&message)?, kernel, &message).await
    }

    /// Handles an event that a queue has retried for as long as the queue's policy allows. If the
    /// action that consumes the event has committed a decision, the kernel publishes the decision's
    /// events. Otherwise, the event goes to the action that the consuming row of the design table
    /// names in `gives_up_to`. If the row names no such action, the row's own action tries a last
    /// time.
    ///
    /// # Errors
    /// The failure says whether the platform should retry the event or give it up.
    pub async fn handle_overdue_event(
        &self,
        kernel: &Kernel,
        json: &str,
    ) -> Result<Handled, Failure> {
        let message = Message::from_event(json)?;
        let own = self.reader(&message)?;
        if kernel.leaves_to_other_region(&message).await? {
            return Ok(Handled::left_to_other_region());
        }
        if let Some(before) = kernel.answer_again(own.row().action, &message).await? {
            return Ok(before);
        }
        let successor = own.row().gives_up_to;
        let named = |handler: &&Arc<dyn Handler>| Some(handler.row().action) == successor;
        let handler = self.handlers.iter().find(named).map_or(own, |handler| &**handler);
        self.answer(handler, kernel, &message).await
    }

    /// Whether the row of the design table that consumes this event names an action in
    /// `gives_up_to`. The named action handles the event after the last retry, so that the event
    /// does not become a dead letter.
    #[must_use]
    pub fn gives_up_to_a_row(&self, json: &str) -> bool {
        let message = Message::from_event(json);
        let row = message.and_then(|message| Ok(self.reader(&message)?.row()));
        row.is_ok_and(|row| row.gives_up_to.is_some())
    }

    fn reader(&self, message: &Message) -> Result<&dyn Handler, Failure> {
        let found = self.handlers.iter().find(|handler| handler.reads(&message.detail_type));
        let unknown = || Failure::Terminal {
            code: "UnknownEvent",
            message: format!("{} has no action for {}", self.service.title, message.detail_type),
        };
        Ok(&**found.ok_or_else(unknown)?)
    }

    async fn answer(
        &self,
        handler: &dyn Handler,
        kernel: &Kernel,
        message: &Message,
    ) -> Result<Handled, Failure> {
        handler.handle(kernel, message).await.map_err(|error: ActionError| {
            let failure = Failure::from(error);
            if failure.waits_for_partner() {
                // Not logged for each message: the circuit breaker has logged once that the partner
                // is not called.
                return failure;
            }
            // The text of a terminal failure may quote the message, so it is not logged: only the
            // dead letter contains the text.
            let why = failure.is_retryable().then(|| failure.to_string());
            tracing::warn!(
                action = handler.row().action,
                correlation_id = message.metadata.correlation_id,
                event = message.detail_type,
                code = failure.code(),
                retryable = failure.is_retryable(),
                why,
                "{} did not handle {} of {}: {}",
                handler.row().action,
                message.detail_type,
                message.metadata.correlation_id,
                failure.code(),
            );
            failure
        })
    }
}
