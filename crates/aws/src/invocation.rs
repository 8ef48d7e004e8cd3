//! One invocation: any payload that Lambda passes to a service's function, and the response.

mod batch;
mod event;
mod guard;
mod http;
mod payload;
mod routing;
mod task;
#[cfg(test)]
pub(crate) mod testing;
mod undelivered;

use std::sync::Arc;

use chorus_http::Route;
use chorus_kernel::{Failure, Function, Kernel, Message, RowOutputs, Swept, sweep};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::claims::TokenClaims;
use crate::queues::{DeadLetter, Queues};
use guard::guard;
use payload::Payload;

/// The sweeper publishes the events of an idempotency record only if the record is at least this
/// old. Until then, the invocation that wrote the record may still publish the events itself.
const SWEEP_AGE: SignedDuration = SignedDuration::from_secs(60);

/// A service's function, and what it needs to answer invocations.
pub(crate) struct Invoker {
    pub(crate) function: Function,
    pub(crate) routes: Vec<Route>,
    pub(crate) kernel: Kernel,
    /// Sends the messages that the function gives up to the failure queue, and changes the
    /// visibility of messages in queues. `None` if the function has no failure queue; then only the
    /// platform keeps failed messages.
    pub(crate) queues: Option<Arc<dyn Queues>>,
    /// The URL of the queue in which undeliverable events of the bus wait for an operator. `None`
    /// if the function moves no events to that queue.
    pub(crate) operators_queue: Option<String>,
    /// Identifies a request's caller by the claims that the API's authorizer has verified.
    pub(crate) callers: TokenClaims,
    /// The events that each row of the design table may publish. Only the sweeper needs them.
    pub(crate) outputs: RowOutputs,
}

#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    pub(crate) request_id: String,
    /// When the function gives up its work: shortly before Lambda's deadline.
    pub(crate) give_up_at: Instant,
    pub(crate) function_arn: String,
    /// X-Ray's header, if tracing is on.
    pub(crate) xray: Option<String>,
}

impl Invoker {
    /// Answers any payload that a service's function can get.
    ///
    /// # Errors
    /// If the invocation has to fail. Whoever invoked the function then retries or gives up.
    pub(crate) async fn invoke(
        &self,
        payload: &str,
        invocation: &Invocation,
    ) -> Result<Value, Failed> {
        let payload = Payload::recognize(payload)?;
        match payload {
            Payload::Event(event) => Ok(self.event(event, invocation).await?),
            Payload::Batch(records) => Ok(self.batch(&records, invocation).await),
            Payload::Request(request) => Ok(self.request(*request, invocation).await),
            Payload::Sweep => {
                tracing::Span::current().record("action", "sweep");
                Ok(self.sweep(invocation).await?)
            }
            Payload::Task(task, event) => {
                self.task(task, event, invocation).await.map_err(Failed::of_task)
            }
        }
    }

    async fn sweep(&self, invocation: &Invocation) -> Result<Value, Failure> {
        let swept =
            guard(invocation.give_up_at, sweep(&self.kernel, &self.outputs, SWEEP_AGE)).await?;
        if swept != Swept::default() {
            tracing::info!(swept.published, swept.younger, swept.unreadable, swept.forged, "swept");
        }
        Ok(json!({
            "published": swept.published,
            "younger": swept.younger,
            "unreadable": swept.unreadable,
            "forged": swept.forged,
        }))
    }

    /// Moves a message to the dead letters if its failure is terminal.
    ///
    /// # Errors
    /// The failure itself if it is retryable, or if no queue accepts the message. The platform then
    /// keeps the message.
    async fn dead_letter_if_terminal(
        &self,
        failure: Failure,
        message: GivenUp<'_>,
    ) -> Result<Value, Failure> {
        if failure.is_retryable() {
            return Err(failure);
        }
        self.give_up(failure, None, message).await
    }

    /// Moves a message to the dead letters. If `exhausted` is set, it names the limit that the
    /// message has reached; otherwise, the failure is terminal.
    ///
    /// # Errors
    /// The failure itself if no queue accepts the message. The platform then has to keep the
    /// message.
    async fn give_up(
        &self,
        failure: Failure,
        exhausted: Option<&'static str>,
        message: GivenUp<'_>,
    ) -> Result<Value, Failure> {
        let Some(queues) = &self.queues else { return Err(failure) };
        let code = failure.code();
        let GivenUp { body, target, attempt } = message;
        let letter = DeadLetter {
            body: body.to_owned(),
            target: target.to_owned(),
            code: error_type(&failure),
            message: failure.to_string(),
            exhausted,
        };
        match queues.send_to_dead_letters(&letter).await {
            Ok(()) => {
                let About { event, correlation_id } = About::of(body);
                let target = target.rsplit(':').next();
                tracing::warn!(
                    correlation_id,
                    event,
                    target,
                    code,
                    attempt,
                    exhausted,
                    "moved a message to the dead-letter queue because of {code}"
                );
                Ok(json!({ "outcome": "DeadLettered", "code": code }))
            }
            Err(error) => {
                tracing::error!(code, %error, "the failure queue did not accept a dead letter");
                Err(failure)
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct GivenUp<'a> {
    body: &'a str,
    /// The ARN of the target to which a redrive sends the message.
    target: &'a str,
    /// The number of the attempt that failed last; `None` if Lambda does not report it.
    attempt: Option<u32>,
}

/// The fields of an event that are logged; empty for a payload that is not an event.
#[derive(Debug, Default, PartialEq, Eq)]
struct About {
    event: Option<String>,
    correlation_id: Option<String>,
}

impl About {
    fn of(body: &str) -> Self {
        let Ok(message) = Message::from_event(body) else { return Self::default() };
        let about = message.metadata.correlation_id;
        Self { event: Some(message.detail_type), correlation_id: Some(about) }
    }
}

/// A failed invocation, as Lambda reports it.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error_type: String,
    pub(crate) failure: Failure,
}

impl Failed {
    /// The failure of a state machine's task. A `Retry` or a `Catch` of the state machine matches
    /// the failure's code, so the error's type is this code alone.
    fn of_task(failure: Failure) -> Self {
        Self { error_type: failure.code().to_owned(), failure }
    }
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        Self { error_type: error_type(&failure), failure }
    }
}

/// The error type of a failed event, batch or sweep, such as `Retryable.Throttled`. The first part
/// shows whether a retry may succeed.
fn error_type(failure: &Failure) -> String {
    let kind = if failure.is_retryable() { "Retryable" } else { "Terminal" };
    format!("{kind}.{}", failure.code())
}

#[cfg(test)]
mod tests {
    use super::testing::{Shop, invocation};
    use super::*;

    #[tokio::test]
    async fn a_sweep_reports_what_it_found() {
        let shop = Shop::default();
        let swept = shop.invoker().invoke(r#"{"sweep":true}"#, &invocation()).await.unwrap();
        assert_eq!(swept, json!({ "published": 0, "younger": 0, "unreadable": 0, "forged": 0 }));
    }
}
