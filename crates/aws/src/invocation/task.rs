//! Runs a task of a state machine. The state machine waits for the result, and handles a failure
//! itself, so a failed task becomes no dead letter.

use chorus_kernel::Failure;
use serde_json::Value;

use super::{Invocation, Invoker, guard};
use crate::trace;

impl Invoker {
    /// Runs a task. `task` is the task's JSON; `event` is the event in this JSON, if there is one.
    pub(super) async fn task(
        &self,
        task: &str,
        event: Option<&str>,
        invocation: &Invocation,
    ) -> Result<Value, Failure> {
        if let Some(trace) = event.and_then(trace::of_event) {
            tracing::Span::current().record("trace_id", trace.id);
        }
        guard(invocation.give_up_at, self.function.handle_task(&self.kernel, task)).await
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Shop, event, invocation};
    use super::super::{Failed, Invocation};
    use serde_json::{Value, json};

    async fn done(shop: &Shop, task: &str) -> Result<Value, Failed> {
        shop.invoker().invoke(task, &invocation()).await
    }

    fn task(action: &str, key: &str, customer: &str) -> String {
        format!(r#"{{"action":"{action}","event":{}}}"#, event(key, customer))
    }

    #[tokio::test]
    async fn a_task_returns_the_event_for_the_machine_to_publish() {
        let shop = Shop::default();
        let answer = done(&shop, &task("ReserveItem", "a-key", "ana")).await.unwrap();
        assert_eq!(answer["event"]["detail-type"], "ItemReserved");
        assert_eq!(answer["event"]["source"], "com.inventory");
        assert!(shop.published().is_empty(), "the machine says it, and nobody else");
        let again = done(&shop, &task("ReserveItem", "a-key", "ana")).await.unwrap();
        assert_eq!(again, answer, "a second attempt answers the very same");
    }

    #[tokio::test]
    async fn a_task_that_is_waited_for_by_its_token_speaks_for_itself() {
        let shop = Shop::default();
        let waiting =
            task("ReserveItem", "a-key", "ana").replacen('{', r#"{"token":"a-token","#, 1);
        assert_eq!(done(&shop, &waiting).await.unwrap(), json!({ "event": null }));
        assert_eq!(shop.published().len(), 1);
    }

    #[tokio::test]
    async fn a_failure_has_the_name_that_the_machine_matches_and_is_not_set_aside() {
        let shop = Shop::default();
        done(&shop, &task("ReserveItem", "a-key", "ana")).await.unwrap();
        let reused = done(&shop, &task("ReserveItem", "a-key", "maria")).await;
        assert_eq!(reused.unwrap_err().error_type, "KeyReused");
        let unknown = done(&shop, &task("Charge", "a-key", "ana")).await.unwrap_err();
        assert_eq!(unknown.error_type, "UnknownAction");
        assert!(unknown.failure.to_string().contains("Charge"), "{}", unknown.failure);
        let malformed = done(&shop, r#"{"action":"ReserveItem"}"#).await;
        assert_eq!(malformed.unwrap_err().error_type, "MalformedTask");
        shop.throttle();
        let throttled = done(&shop, &task("ReserveItem", "b-key", "ana")).await;
        assert_eq!(throttled.unwrap_err().error_type, "Throttled");
        assert!(shop.dead_letters().is_empty());
    }

    #[tokio::test]
    async fn a_task_is_given_up_before_lambda_does() {
        let late = Invocation { give_up_at: tokio::time::Instant::now(), ..invocation() };
        let task = task("ReserveItem", "a-key", "ana");
        let failed = Shop::default().invoker().invoke(&task, &late).await.unwrap_err();
        assert_eq!(failed.error_type, "DeadlineExceeded");
    }
}
