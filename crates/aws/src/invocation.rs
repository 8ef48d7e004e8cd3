//! One invocation: any payload that Lambda passes to a service's function, and the answer.

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

/// How old an unpublished record has to be before the sweeper publishes it: until then, the
/// invocation that wrote the record may still publish it.
const SWEEP_AGE: SignedDuration = SignedDuration::from_secs(60);

/// A service's function, and its dependencies for answering invocations.
pub(crate) struct Invoker {
    pub(crate) function: Function,
    pub(crate) routes: Vec<Route>,
    pub(crate) kernel: Kernel,
    /// Moves each message that is given up to the failure queue, and changes the visibility of
    /// messages in queues. Absent if the function has no failure queue: only the platform then
    /// keeps failed messages.
    pub(crate) queues: Option<Arc<dyn Queues>>,
    /// The URL of the queue in which events that the bus could not deliver wait for an operator;
    /// absent unless the function moves such events there.
    pub(crate) operators_queue: Option<String>,
    /// Identifies callers by the claims that the API's authorizer has verified.
    pub(crate) callers: TokenClaims,
    /// The events that each row may publish: used by the sweeper only.
    pub(crate) outputs: RowOutputs,
}

/// The context of one invocation.
#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    pub(crate) request_id: String,
    /// When work is given up: shortly before Lambda's deadline.
    pub(crate) give_up_at: Instant,
    pub(crate) function_arn: String,
    /// X-Ray's header, if tracing is on.
    pub(crate) xray: Option<String>,
}

impl Invoker {
    /// Answers any payload that a service's function can get.
    ///
    /// # Errors
    /// If the invocation has to fail: its caller then retries it, or gives it up.
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
                self.task((task, event), invocation).await.map_err(Failed::of_task)
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

    /// Gives up on a message whose failure is terminal.
    ///
    /// # Errors
    /// The failure itself if it is retryable, or if no queue accepts the message: the platform then
    /// keeps it.
    async fn dead_letter_if_terminal(
        &self,
        failure: Failure,
        message: GivenUp<'_>,
    ) -> Result<Value, Failure> {
        if failure.is_retryable() {
            return Err(failure);
        }
        self.give_up((failure, None), message).await
    }

    /// Moves a message to the dead letters: at once if its failure is terminal, otherwise because
    /// it has reached the limit `exhausted`.
    ///
    /// # Errors
    /// The failure itself if no queue accepts the message: the platform then has to keep it.
    async fn give_up(
        &self,
        (failure, exhausted): (Failure, Option<&'static str>),
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

/// A message that becomes a dead letter.
#[derive(Debug, Clone, Copy)]
struct GivenUp<'a> {
    body: &'a str,
    /// The ARN of the target to which a redrive sends the message.
    target: &'a str,
    /// The number of the last attempt; none if Lambda does not report it.
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
    /// The failure of a state machine's task: a `Retry` and a `Catch` match the failure's own name.
    fn of_task(failure: Failure) -> Self {
        Self { error_type: failure.code().to_owned(), failure }
    }
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        Self { error_type: error_type(&failure), failure }
    }
}

/// The name of the error in a dead letter, such as `Retryable.Throttled`: it shows whether a retry
/// may help. The failure's own name alone is needed only by state machines, which match it.
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
