//! One invocation: whatever Lambda hands to a service's function, and what goes back.

mod batch;
mod event;
mod guard;
mod http;
mod payload;
mod routing;
mod task;
#[cfg(test)]
pub(crate) mod testing;

use std::sync::Arc;

use chorus_http::Route;
use chorus_kernel::{Failure, Function, Kernel, RowOutputs, Swept, sweep};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::claims::TokenClaims;
use crate::queues::{DeadLetter, Queues};
use guard::guard;
use payload::Payload;

/// How old an unpublished record is before the sweeper takes it from its own invocation.
const SWEEP_AGE: SignedDuration = SignedDuration::from_secs(60);

/// A service's function with what it stands on.
pub(crate) struct Invoker {
    pub(crate) function: Function,
    pub(crate) routes: Vec<Route>,
    pub(crate) kernel: Kernel,
    /// Where failures go that are given up, and where messages are held back; absent where the
    /// platform's own destination is all there is.
    pub(crate) queues: Option<Arc<dyn Queues>>,
    /// Who calls, by what the API's authorizer says.
    pub(crate) callers: TokenClaims,
    /// What the rows may publish for which it sweeps.
    pub(crate) outputs: RowOutputs,
}

/// What is known of one invocation.
#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    pub(crate) request_id: String,
    /// When work is given up, a moment before Lambda would.
    pub(crate) give_up_at: Instant,
    /// The function that was invoked.
    pub(crate) function_arn: String,
    /// X-Ray's header, where tracing is on.
    pub(crate) xray: Option<String>,
}

impl Invoker {
    /// Answers any payload that a service's function can get.
    ///
    /// # Errors
    /// What Lambda should do with the invocation.
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

    /// Gives up on a message that no retry would help.
    ///
    /// # Errors
    /// The failure itself, where nobody takes it: then the platform has to.
    async fn set_aside(
        &self,
        failure: Failure,
        (body, target): (&str, &str),
    ) -> Result<Value, Failure> {
        if failure.is_retryable() {
            return Err(failure);
        }
        self.give_up((failure, None), (body, target)).await
    }

    /// Moves a message to the dead letters: at once where its failure is terminal, else because of
    /// the limit that it met.
    ///
    /// # Errors
    /// The failure itself, where nobody takes the message: then the platform has to keep it.
    async fn give_up(
        &self,
        (failure, exhausted): (Failure, Option<&'static str>),
        (body, target): (&str, &str),
    ) -> Result<Value, Failure> {
        let Some(queues) = &self.queues else { return Err(failure) };
        let code = failure.code();
        let letter = DeadLetter {
            body: body.to_owned(),
            target: target.to_owned(),
            code: error_type(&failure),
            message: failure.to_string(),
            exhausted,
        };
        match queues.send_to_dead_letters(&letter).await {
            Ok(()) => {
                tracing::warn!(code, exhausted, "set aside because of {code}");
                Ok(json!({ "outcome": "SetAside", "code": code }))
            }
            Err(error) => {
                tracing::error!(code, %error, "the failure queue did not take a dead letter");
                Err(failure)
            }
        }
    }
}

/// A failed invocation, as Lambda reports it.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error_type: String,
    pub(crate) failure: Failure,
}

impl Failed {
    /// Of a state machine's task: a `Retry` and a `Catch` match the failure's own name.
    fn of_task(failure: Failure) -> Self {
        Self { error_type: failure.code().to_owned(), failure }
    }
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        Self { error_type: error_type(&failure), failure }
    }
}

/// The name of a failure where nobody but a person reads it: it says whether to try again.
fn error_type(failure: &Failure) -> String {
    let kind = if failure.is_retryable() { "Retryable" } else { "Terminal" };
    format!("{kind}.{}", failure.code())
}

#[cfg(test)]
mod tests {
    use super::testing::{Shop, invocation};
    use super::*;

    #[tokio::test]
    async fn a_sweep_says_what_it_found() {
        let shop = Shop::default();
        let swept = shop.invoker().invoke(r#"{"sweep":true}"#, &invocation()).await.unwrap();
        assert_eq!(swept, json!({ "published": 0, "younger": 0, "unreadable": 0, "forged": 0 }));
    }
}
