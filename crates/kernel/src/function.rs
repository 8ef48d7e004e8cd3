//! A service's function: its actions, its routes, its tables. On AWS, one Lambda.

use std::sync::Arc;

use chorus_events::Service;

use crate::{
    Action, Answered, Failure, Handler, Kernel, Message, Outreach, Pure, Refusal, Route, TableSpec,
    handler,
};

/// One service, ready to be run by any adapter.
#[derive(Clone)]
pub struct Function {
    /// Which service it is.
    pub service: Service,
    /// Its actions.
    pub handlers: Vec<Arc<dyn Handler>>,
    /// Its HTTP routes.
    pub routes: Vec<Route>,
    /// The tables that it owns.
    pub tables: Vec<TableSpec>,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Function").field("service", &self.service).finish_non_exhaustive()
    }
}

impl Function {
    /// A function without actions.
    #[must_use]
    pub fn of(service: Service) -> Self {
        Self { service, handlers: Vec::new(), routes: Vec::new(), tables: Vec::new() }
    }

    /// Adds an action.
    #[must_use]
    pub fn action<A: Action>(self, action: A) -> Self {
        self.outreach(Pure(action))
    }

    /// Adds an action that asks the outside world.
    #[must_use]
    pub fn outreach<A: Outreach>(mut self, action: A) -> Self {
        self.handlers.push(handler(action));
        self
    }

    /// Adds an HTTP route.
    #[must_use]
    pub fn route(mut self, route: Route) -> Self {
        self.routes.push(route);
        self
    }

    /// Adds a table.
    #[must_use]
    pub fn table(mut self, table: TableSpec) -> Self {
        self.tables.push(table);
        self
    }

    /// Answers an event as the bus, or a queue, delivers it.
    ///
    /// # Errors
    /// What the platform should do with the event.
    pub async fn handle_event(&self, kernel: &Kernel, json: &str) -> Result<Answered, Failure> {
        let message = Message::from_event(json)?;
        let found = self.handlers.iter().find(|handler| handler.reads(&message.detail_type));
        let unknown = || Failure::Terminal {
            code: "UnknownEvent",
            message: format!("{} has no action for {}", self.service.title(), message.detail_type),
        };
        let handler = found.ok_or_else(unknown)?;
        handler.handle(kernel, &message).await.map_err(|refusal: Refusal| {
            let failure = Failure::from(refusal);
            tracing::warn!(
                action = handler.row().action,
                order = message.metadata.correlation_id,
                event = message.detail_type,
                code = failure.code(),
                retryable = failure.is_retryable(),
                "{} did not answer {} of {}: {failure}",
                handler.row().action,
                message.detail_type,
                message.metadata.correlation_id,
            );
            failure
        })
    }
}
