//! Messages of a queue. Each fails alone: the answer names those that the queue must keep.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>.

use std::collections::HashSet;

use chorus_kernel::Failure;
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::Instrument;

use super::{Invocation, Invoker, error_type, guard};
use crate::trace::Trace;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    message_id: String,
    /// An event, as the bus wrote it into the queue.
    body: String,
    #[serde(default)]
    attributes: Attributes,
    event_source: String,
    #[serde(rename = "eventSourceARN", default)]
    queue: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    /// Only in a FIFO queue: messages of one group are to be handled in their order.
    message_group_id: Option<String>,
}

impl Record {
    pub(super) fn read(records: &str) -> serde_json::Result<Vec<Self>> {
        let records: Vec<Self> = serde_json::from_str(records)?;
        let foreign = records.iter().find(|record| record.event_source != "aws:sqs");
        foreign.map_or(Ok(()), |record| {
            let from = format!("records of {} are not for a function", record.event_source);
            Err(serde::de::Error::custom(from))
        })?;
        Ok(records)
    }

    /// Its group, in a FIFO queue. A standard queue may have groups, too, but promises no order.
    fn group(&self) -> Option<&str> {
        self.attributes.message_group_id.as_deref().filter(|_| self.queue.ends_with(".fifo"))
    }
}

impl Invoker {
    /// Handles all messages, in their order. Once one of a group failed, the rest of its group
    /// waits for it: the answer names them all.
    pub(super) async fn batch(&self, records: &[Record], invocation: &Invocation) -> Value {
        let mut waiting: HashSet<&str> = HashSet::new();
        let mut failed = Vec::new();
        for record in records {
            let group = record.group();
            let waits = group.is_some_and(|group| waiting.contains(group));
            if waits || !self.message(record, invocation).await {
                failed.push(json!({ "itemIdentifier": record.message_id }));
                waiting.extend(group);
            }
        }
        json!({ "batchItemFailures": failed })
    }

    /// Handles one message; false where the queue must keep it.
    async fn message(&self, record: &Record, invocation: &Invocation) -> bool {
        let trace_id = Trace::of_event(&record.body).map(|trace| trace.id);
        let (request_id, message_id) = (&invocation.request_id, &record.message_id);
        let span = tracing::info_span!("message", request_id, message_id, trace_id);
        let handled = self.function.handle_event(&self.kernel, &record.body);
        let handled = guard(invocation.give_up_at, handled).instrument(span.clone()).await;
        let Err(failure) = handled else { return true };
        let place = (record.body.as_str(), record.queue.as_str());
        let aside = self.set_aside(failure, place).instrument(span.clone()).await;
        let kept = |failure: &Failure| {
            let code = error_type(failure);
            span.in_scope(|| tracing::warn!(code, "the queue keeps a message: {code}"));
        };
        aside.inspect_err(kept).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Shop, event, invocation};
    use super::*;

    /// A batch of a FIFO queue: message id, group, body.
    fn fifo(messages: &[(&str, &str, &str)]) -> String {
        let record = |(id, group, body): &(&str, &str, &str)| {
            json!({
                "messageId": id, "body": body, "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-central-1:1:letters.fifo",
                "attributes": { "MessageGroupId": group },
            })
        };
        json!({ "Records": messages.iter().map(record).collect::<Vec<_>>() }).to_string()
    }

    async fn failures(shop: &Shop, batch: &str) -> Vec<String> {
        let answer = shop.invoker().invoke(batch, &invocation()).await.unwrap();
        let failed = answer["batchItemFailures"].as_array().unwrap();
        failed.iter().map(|item| item["itemIdentifier"].as_str().unwrap().to_owned()).collect()
    }

    #[tokio::test]
    async fn a_poison_message_fails_alone_and_holds_up_only_its_group() {
        let shop = Shop::default();
        shop.close_dead_letters();
        let good = event("a-key", "ana");
        let batch = fifo(&[
            ("1", "a", &good),
            ("2", "b", "no JSON at all"),
            ("3", "b", &event("b-key", "maria")),
            ("4", "c", &event("c-key", "eve")),
        ]);
        assert_eq!(failures(&shop, &batch).await, ["2", "3"]);
        assert_eq!(shop.published().len(), 2, "the others were handled");
    }

    #[tokio::test]
    async fn a_poison_message_that_is_set_aside_holds_up_nobody() {
        let shop = Shop::default();
        let batch = fifo(&[("1", "a", "no JSON at all"), ("2", "a", &event("a-key", "ana"))]);
        assert!(failures(&shop, &batch).await.is_empty());
        assert_eq!(shop.dead_letters()[0].target, "arn:aws:sqs:eu-central-1:1:letters.fifo");
    }

    #[tokio::test]
    async fn in_a_standard_queue_nobody_waits() {
        let shop = Shop::default();
        shop.close_dead_letters();
        let good = event("a-key", "ana");
        let batch = fifo(&[("1", "a", "no JSON at all"), ("2", "a", &good)]).replace(".fifo", "");
        assert_eq!(failures(&shop, &batch).await, ["1"]);
    }

    #[tokio::test]
    async fn a_panic_fails_its_own_message_only() {
        let shop = Shop::default();
        let batch = fifo(&[("1", "a", &event("a-key", "panic")), ("2", "b", &event("b", "ana"))]);
        assert_eq!(failures(&shop, &batch).await, ["1"]);
    }

    #[tokio::test]
    async fn what_the_deadline_did_not_reach_stays_in_the_queue() {
        let shop = Shop::default();
        let late = Invocation { give_up_at: tokio::time::Instant::now(), ..invocation() };
        let batch = fifo(&[("1", "a", &event("a", "ana")), ("2", "b", &event("b", "ana"))]);
        let answer = shop.invoker().invoke(&batch, &late).await.unwrap();
        assert_eq!(answer["batchItemFailures"].as_array().unwrap().len(), 2);
        assert!(shop.published().is_empty());
    }
}
