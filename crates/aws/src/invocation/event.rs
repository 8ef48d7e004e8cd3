//! Handles an event of the bus. Lambda invokes the function asynchronously, and retries a failed
//! invocation. If the last attempt fails, Lambda sends the event to the function's failure
//! destination.

use chorus_kernel::{Failure, Handled};
use serde_json::{Value, json};

use super::{GivenUp, Invocation, Invoker, guard};
use crate::trace;

impl Invoker {
    pub(super) async fn event(
        &self,
        event: &str,
        invocation: &Invocation,
    ) -> Result<Value, Failure> {
        if let Some(trace) = trace::of_event(event) {
            tracing::Span::current().record("trace_id", trace.id);
        }
        let handled = self.function.handle_event(&self.kernel, event);
        match guard(invocation.give_up_at, handled).await {
            Ok(answered) => Ok(summary(&answered)),
            Err(failure) => {
                // Lambda makes three attempts, but does not tell the function the attempt's number.
                let (target, attempt) = (&*invocation.function_arn, None);
                self.dead_letter_if_terminal(failure, GivenUp { body: event, target, attempt })
                    .await
            }
        }
    }
}

/// The response for a person who invokes the function by hand. Lambda ignores the response.
fn summary(answered: &Handled) -> Value {
    let mut emitted: Vec<&str> =
        answered.entries.iter().map(|entry| entry.detail_type.as_str()).collect();
    emitted.dedup(); // An event and its copies in earlier versions have the same detail type.
    json!({
        "outcome": format!("{:?}", answered.outcome),
        "emitted": emitted,
        "note": answered.note,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Shop, event, invocation};
    use super::*;
    use chorus_kernel::Signal;

    #[tokio::test]
    async fn an_event_is_answered_and_a_duplicate_absorbed() {
        let shop = Shop::default();
        let event = event("a-key", "ana");
        let answer = shop.invoker().invoke(&event, &invocation()).await.unwrap();
        assert_eq!(
            answer,
            json!({ "outcome": "Decided", "emitted": ["ItemReserved"], "note": null })
        );
        // The idempotency record is not marked as published, so the first duplicate publishes the
        // event again.
        for (outcome, published) in [("Repeated", 2), ("Absorbed", 2)] {
            let again = shop.invoker().invoke(&event, &invocation()).await.unwrap();
            assert_eq!((&again["outcome"], shop.published().len()), (&json!(outcome), published));
        }
    }

    #[tokio::test]
    async fn an_event_that_starts_a_machine_starts_it_once() {
        let shop = Shop::default();
        let event = include_str!("../../../../events/samples/DeliveryEstimated.json");
        shop.invoker().invoke(event, &invocation()).await.unwrap();
        shop.invoker().invoke(event, &invocation()).await.unwrap();
        let signals = shop.signals();
        let [Signal::Start { machine, input, .. }] = &signals[..] else { panic!("{signals:?}") };
        assert_eq!(machine, "CollectPayment");
        assert_eq!(input["detail-type"], "DeliveryEstimated");
    }

    #[tokio::test]
    async fn a_terminal_failure_is_set_aside_at_once_with_its_cause() {
        let shop = Shop::default();
        shop.invoker().invoke(&event("a-key", "ana"), &invocation()).await.unwrap();
        let reused = event("a-key", "maria");
        let answer = shop.invoker().invoke(&reused, &invocation()).await.unwrap();
        assert_eq!(answer, json!({ "outcome": "DeadLettered", "code": "KeyReused" }));
        let letters = shop.dead_letters();
        assert_eq!(letters.len(), 1);
        assert_eq!((letters[0].body.as_str(), letters[0].target.as_str()), (&*reused, "an-arn"));
        assert_eq!(letters[0].code, "Terminal.KeyReused");
        assert!(letters[0].message.contains("a-key"), "{}", letters[0].message);
    }

    #[tokio::test]
    async fn a_terminal_failure_that_nobody_takes_fails_the_invocation() {
        let shop = Shop::default();
        shop.close_dead_letters();
        let failure = shop.invoker().invoke(r#"{"detail-type":"X"}"#, &invocation()).await;
        assert_eq!(failure.unwrap_err().error_type, "Terminal.MalformedEvent");
        let mut invoker = shop.invoker();
        invoker.queues = None;
        let failure = invoker.invoke(r#"{"detail-type":"X"}"#, &invocation()).await;
        assert_eq!(failure.unwrap_err().error_type, "Terminal.MalformedEvent");
    }

    #[tokio::test]
    async fn a_retryable_failure_is_lambdas_to_retry() {
        let shop = Shop::default();
        shop.throttle();
        let failure = shop.invoker().invoke(&event("a-key", "ana"), &invocation()).await;
        assert_eq!(failure.unwrap_err().error_type, "Retryable.Throttled");
        assert!(shop.dead_letters().is_empty());
    }
}
