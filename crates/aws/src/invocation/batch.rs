//! Handles the messages of a queue. Each message may fail by itself: the response names the
//! messages that the queue has to keep.
//!
//! A message that fails stays in the queue, hidden from receivers for a pause that grows with each
//! receive. So an unavailable partner is called less and less often. After a day, the message is
//! given up ([`policy::QUEUE`]); if it waits for a partner that is unavailable, after thirteen
//! days. The redrive queue contains Lambda's records of events on which the function failed in all
//! of Lambda's attempts. These events are retried for thirteen days, too ([`policy::REDRIVE`]).
//! Sources: <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>.

use std::time::Duration;

use chorus_kernel::Failure;
use chorus_table::policy::{self, RetryPolicy};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tracing::Instrument;
use tracing::field::Empty;

use super::undelivered::Attributes as MessageAttributes;
use super::{GivenUp, Invocation, Invoker, error_type, guard};
use crate::queues::Receipt;
use crate::trace;

/// EventBridge's name for the retry limit that a message reaches when it becomes too old.
const TOO_OLD: &str = "MaximumEventAgeInSeconds";

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    message_id: String,
    #[serde(default)]
    receipt_handle: String,
    /// The event that the bus sent to the queue, or Lambda's record of a failed invocation.
    body: String,
    #[serde(default)]
    attributes: Attributes,
    #[serde(default)]
    message_attributes: MessageAttributes,
    event_source: String,
    #[serde(rename = "eventSourceARN", default)]
    queue: String,
}

/// The attributes of a message. SQS always sends both attributes, as text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Attributes {
    approximate_receive_count: String,
    /// When the message was sent to the queue, in milliseconds since the Unix epoch.
    sent_timestamp: String,
}

impl Record {
    pub(super) fn read(records: &str) -> serde_json::Result<Vec<Self>> {
        let records: Vec<Self> = serde_json::from_str(records)?;
        let foreign = records.iter().find(|record| record.event_source != "aws:sqs");
        foreign.map_or(Ok(()), |record| {
            let from =
                format!("eventSource must be aws:sqs in every record, not {}", record.event_source);
            Err(serde::de::Error::custom(from))
        })?;
        Ok(records)
    }

    pub(super) fn body(&self) -> &str {
        &self.body
    }

    pub(super) const fn message_attributes(&self) -> &MessageAttributes {
        &self.message_attributes
    }

    /// The message's body as Lambda's record of a failed invocation; `None` if the bus sent the
    /// message.
    fn failed_invocation(&self) -> Option<FailedInvocation<'_>> {
        serde_json::from_str(&self.body).ok()
    }

    /// How long the message is hidden before it is retried.
    fn pause(&self, retry: &RetryPolicy) -> Duration {
        let (shortest, longest) = retry.pause(self.receives());
        let chance = fastrand::u64(shortest.as_millis() as u64..=longest.as_millis() as u64);
        Duration::from_millis(chance)
    }

    fn receives(&self) -> u32 {
        self.attributes.approximate_receive_count.parse().unwrap_or(1)
    }

    fn age(&self, now: Timestamp) -> Duration {
        let sent = self.attributes.sent_timestamp.parse().ok();
        let sent = sent.and_then(|sent| Timestamp::from_millisecond(sent).ok()).unwrap_or(now);
        Duration::try_from(now.duration_since(sent)).unwrap_or_default()
    }

    /// Whether the message has been tried for as long as the policy allows. A message that is
    /// received for the first time is not overdue, because it has not been tried yet.
    fn is_overdue(&self, retry: &RetryPolicy, now: Timestamp) -> bool {
        self.receives() > 1 && self.age(now) >= retry.max_age
    }
}

/// Lambda's record of an asynchronous invocation that failed in every attempt.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FailedInvocation<'a> {
    #[serde(borrow)]
    request_payload: &'a RawValue,
    #[serde(default)]
    request_context: FailedContext,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct FailedContext {
    /// How many times Lambda has invoked the function with the event.
    approximate_invoke_count: u32,
}

/// A message of the queue, with its event.
struct Delivered<'a> {
    record: &'a Record,
    event: &'a str,
    /// The ARN of the target to which a redrive sends the event after the message has become a dead
    /// letter.
    target: &'a str,
    retry: RetryPolicy,
    /// How many times the function got the event, including this time.
    attempt: u32,
}

impl<'a> Delivered<'a> {
    fn of(record: &'a Record, invocation: &'a Invocation) -> Self {
        let receives = record.receives();
        match record.failed_invocation() {
            Some(FailedInvocation { request_payload, request_context }) => Self {
                record,
                event: request_payload.get(),
                target: &invocation.function_arn,
                retry: policy::REDRIVE.retry,
                attempt: request_context.approximate_invoke_count + receives,
            },
            None => Self {
                record,
                event: &record.body,
                target: &record.queue,
                retry: policy::QUEUE.retry,
                attempt: receives,
            },
        }
    }
}

impl Invoker {
    pub(super) async fn batch(&self, records: &[Record], invocation: &Invocation) -> Value {
        let mut failed = Vec::new();
        let messages = records.len();
        tracing::Span::current().record("messages", messages);
        for record in records {
            if !self.message(record, messages == 1, invocation).await {
                failed.push(json!({ "itemIdentifier": record.message_id }));
            }
        }
        json!({ "batchItemFailures": failed })
    }

    /// Handles one message; returns false if the queue has to keep the message. `only` is true if
    /// the invocation has no other message; the message is then logged in the invocation's span.
    async fn message(&self, record: &Record, only: bool, invocation: &Invocation) -> bool {
        let mut delivered = Delivered::of(record, invocation);
        let event = delivered.event;
        let undelivered = record.message_attributes.are_of_the_bus();
        let operators_queue = self.operators_queue.as_ref().filter(|_| undelivered);
        if operators_queue.is_some() {
            // The bus has given up this event, and will not send it again. So the function retries
            // the event for as long as it would retry an event of a redrive queue.
            delivered.retry = policy::REDRIVE.retry;
        }
        let trace_id = trace::of_event(event).map(|trace| trace.id);
        let (request_id, message_id) = (&invocation.request_id, &record.message_id);
        let span = if only { tracing::Span::current() } else { of_several(request_id, message_id) };
        span.record("trace_id", trace_id);
        let overdue = record.is_overdue(&delivered.retry, self.kernel.clock.now());
        let handled = async {
            if let Some(queue) = operators_queue {
                self.keep_for_operator(record, queue).await
            } else if overdue {
                self.function.handle_overdue_event(&self.kernel, event).await.map(drop)
            } else {
                self.function.handle_event(&self.kernel, event).await.map(drop)
            }
        };
        let handled = guard(invocation.give_up_at, handled).instrument(span.clone()).await;
        let Err(failure) = handled else {
            if undelivered {
                span.in_scope(|| record.message_attributes.log(event));
            }
            if !only {
                span.in_scope(|| tracing::info!("message done"));
            }
            return true;
        };
        self.failed(&delivered, failure).instrument(span).await
    }

    /// Hides a message that failed, or gives it up. Returns false if the queue has to keep the
    /// message. If the row that reads the event names another row in `gives_up_to`, the queue keeps
    /// the message until that other row has handled the event.
    async fn failed(&self, delivered: &Delivered<'_>, failure: Failure) -> bool {
        let Delivered { record, event, target, retry, attempt } = delivered;
        let age = record.age(self.kernel.clock.now());
        let waits = failure.waits_for_partner();
        let retry = if waits { policy::waiting(*retry, age) } else { *retry };
        let pause = record.pause(&retry);
        let in_time = || age + pause <= retry.max_age;
        let kept = || in_time() || self.function.gives_up_to_a_row(event);
        if !failure.is_retryable() || !kept() {
            let exhausted = failure.is_retryable().then_some(TOO_OLD);
            let message = GivenUp { body: event, target, attempt: Some(*attempt) };
            return self.give_up(failure, exhausted, message).await.is_ok();
        }
        let (code, message_id) = (error_type(&failure), &record.message_id);
        if !waits {
            tracing::warn!(
                code,
                message_id,
                attempt,
                ?pause,
                "a message stays in its queue: {code}"
            );
        }
        if let Some(queues) = &self.queues {
            let receipt = Receipt { queue: &record.queue, handle: &record.receipt_handle };
            if let Err(error) = queues.hide(receipt, pause).await {
                // Without the pause, the message becomes visible after the queue's own visibility
                // timeout.
                tracing::warn!(%error, "the visibility timeout of a message was not changed");
            }
        }
        false
    }
}

/// The span for one of several messages of an invocation.
fn of_several(request_id: &str, message_id: &str) -> tracing::Span {
    tracing::info_span!(
        "message",
        request_id,
        message_id,
        trace_id = Empty,
        action = Empty,
        correlation_id = Empty,
        event = Empty,
        outcome = Empty,
    )
}

#[cfg(test)]
mod tests {
    use chorus_kernel::Clock;

    use super::super::testing::{Shop, event, invocation};
    use super::*;
    use crate::SystemClock;
    use crate::logs::testing::Logged;

    const QUEUE: &str = "arn:aws:sqs:eu-central-1:1:letters";

    /// A batch of messages; `messages` has the id and the body of each. Each message was received
    /// `receives` times, and sent `age` ago.
    fn batch(messages: &[(&str, &str)], receives: u32, age: Duration) -> String {
        let sent = SystemClock.now() - age;
        let record = |(id, body): &(&str, &str)| {
            json!({
                "messageId": id, "receiptHandle": format!("receipt-{id}"), "body": body,
                "eventSource": "aws:sqs", "eventSourceARN": QUEUE,
                "attributes": {
                    "ApproximateReceiveCount": receives.to_string(),
                    "SentTimestamp": sent.as_millisecond().to_string(),
                },
            })
        };
        json!({ "Records": messages.iter().map(record).collect::<Vec<_>>() }).to_string()
    }

    async fn failures(shop: &Shop, batch: &str) -> Vec<String> {
        let answer = shop.invoker().invoke(batch, &invocation()).await.unwrap();
        let failed = answer["batchItemFailures"].as_array().unwrap();
        failed.iter().map(|item| item["itemIdentifier"].as_str().unwrap().to_owned()).collect()
    }

    /// Lambda's record of an invocation that failed on `event`.
    fn failed_invocation(event: &str) -> String {
        format!(
            r#"{{"version":"1.0","timestamp":"2026-11-29T10:00:00.000Z","requestContext":{{
                "requestId":"1","functionArn":"an-arn:$LATEST","condition":"RetriesExhausted",
                "approximateInvokeCount":3}},"requestPayload":{event},"responseContext":{{
                "statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"}},
                "responsePayload":{{"errorType":"Retryable.Throttled","errorMessage":"x"}}}}"#
        )
    }

    #[tokio::test]
    async fn what_lambda_gave_up_is_handled_as_the_event_that_it_is() {
        let shop = Shop::default();
        let body = failed_invocation(&event("a-key", "ana"));
        assert!(failures(&shop, &batch(&[("1", &body)], 1, Duration::ZERO)).await.is_empty());
        assert_eq!(shop.published().len(), 1);
    }

    #[tokio::test]
    async fn what_lambda_gave_up_is_tried_for_thirteen_days_and_is_a_dead_letter_of_its_function() {
        let event = event("a-key", "ana");
        let body = failed_invocation(&event);
        let (days, hours) = (policy::REDRIVE.retry.max_age, Duration::from_secs(2 * 3_600));
        let shop = Shop::default();
        shop.throttle();
        let messages = batch(&[("1", &body)], 300, days - hours);
        assert_eq!(failures(&shop, &messages).await, ["1"]);
        assert!(shop.hidden()[0].1 > policy::QUEUE.retry.longest_pause, "it is tried seldom");
        assert!(failures(&shop, &batch(&[("1", &body)], 300, days)).await.is_empty());
        let letters = shop.dead_letters();
        assert_eq!((&*letters[0].body, &*letters[0].target), (&*event, "an-arn"));
        assert_eq!(letters[0].exhausted, Some(TOO_OLD));
    }

    /// The warnings about a batch whose messages are given up.
    async fn given_up(batch: &str) -> Vec<Value> {
        let (logged, shop) = (Logged::default(), Shop::default());
        shop.throttle();
        let guard = logged.begin();
        assert!(failures(&shop, batch).await.is_empty());
        drop(guard);
        let lines = logged.lines();
        let lines = lines.iter().map(|line| serde_json::from_str(line).unwrap());
        lines.filter(|line: &Value| line["level"] == "WARN").collect()
    }

    #[tokio::test]
    async fn a_dead_letter_is_logged_once_with_its_order_target_code_and_attempt() {
        let event = event("a-key", "ana");
        let (day, days) = (policy::QUEUE.retry.max_age, policy::REDRIVE.retry.max_age);
        for (body, receives, age, target, attempt) in [
            (&event, 200, day, "letters", 200),
            (&failed_invocation(&event), 300, days, "an-arn", 303),
        ] {
            let warnings = given_up(&batch(&[("1", body)], receives, age)).await;
            let [failed, letter] = &warnings[..] else { panic!("{warnings:#?}") };
            assert_eq!(failed["action"], "ReserveItem", "the kernel's line about the failure");
            assert_eq!(letter["correlation_id"], "1073459984");
            assert_eq!(
                (&letter["event"], &letter["target"]),
                (&json!("OrderCreated"), &json!(target))
            );
            assert_eq!(
                (&letter["code"], &letter["attempt"]),
                (&json!("Throttled"), &json!(attempt))
            );
            assert_eq!(letter["exhausted"], TOO_OLD);
            assert!(!json!(warnings).to_string().contains("Obere"), "{warnings:#?}");
        }
    }

    #[tokio::test]
    async fn what_lambda_gave_up_and_no_retry_would_help_is_set_aside() {
        let shop = Shop::default();
        shop.invoker().invoke(&event("a-key", "ana"), &invocation()).await.unwrap();
        let body = failed_invocation(&event("a-key", "maria"));
        assert!(failures(&shop, &batch(&[("1", &body)], 1, Duration::ZERO)).await.is_empty());
        assert_eq!(shop.dead_letters()[0].code, "Terminal.KeyReused");
    }

    #[tokio::test]
    async fn a_poison_message_that_nobody_takes_fails_alone() {
        let shop = Shop::default();
        shop.close_dead_letters();
        let messages = [
            ("1", &*event("a-key", "ana")),
            ("2", "no JSON at all"),
            ("3", &event("b-key", "maria")),
        ];
        assert_eq!(failures(&shop, &batch(&messages, 1, Duration::ZERO)).await, ["2"]);
        assert_eq!(shop.published().len(), 2, "the others were handled");
    }

    #[tokio::test]
    async fn a_poison_message_is_set_aside_at_once() {
        let shop = Shop::default();
        let messages = batch(&[("1", "no JSON at all")], 1, Duration::ZERO);
        assert!(failures(&shop, &messages).await.is_empty());
        let letters = shop.dead_letters();
        assert_eq!((&*letters[0].target, letters[0].exhausted), (QUEUE, None));
        assert_eq!(shop.hidden(), []);
    }

    #[tokio::test]
    async fn what_may_pass_is_hidden_for_longer_each_time() {
        let longest = policy::QUEUE.retry.longest_pause;
        for (receives, most) in
            [(1, Duration::from_secs(1)), (6, Duration::from_secs(32)), (500, longest)]
        {
            let shop = Shop::default();
            shop.throttle();
            let event = event("a-key", "ana");
            let messages: Vec<(&str, &str)> = vec![("1", &event); 40];
            let messages = batch(&messages, receives, Duration::from_secs(60));
            assert_eq!(failures(&shop, &messages).await.len(), 40);
            let hidden = shop.hidden();
            assert_eq!(hidden[0].0, "receipt-1");
            let pauses = || hidden.iter().map(|(_, pause)| *pause);
            assert!(pauses().max().unwrap() <= most && pauses().max().unwrap() > most / 2);
            assert!(pauses().min().unwrap() < most / 2, "chance has its share");
        }
    }

    #[tokio::test]
    async fn what_may_pass_is_given_up_after_a_day() {
        let shop = Shop::default();
        shop.throttle();
        let messages = [("1", &*event("a-key", "ana"))];
        let day = policy::QUEUE.retry.max_age;
        assert!(failures(&shop, &batch(&messages, 200, day)).await.is_empty());
        let letters = shop.dead_letters();
        assert_eq!(letters[0].exhausted, Some(TOO_OLD));
        assert!(letters[0].code.starts_with("Retryable."), "{}", letters[0].code);
        let minutes = Duration::from_secs(3_600);
        assert_eq!(failures(&shop, &batch(&messages, 200, day - minutes)).await, ["1"]);
    }

    #[tokio::test]
    async fn what_waits_for_a_partner_is_given_up_after_thirteen_days() {
        let event = event("a-key", "away");
        let messages = [("1", &*event)];
        let (day, hours) = (policy::QUEUE.retry.max_age, Duration::from_secs(2 * 3_600));
        let days = policy::REDRIVE.retry.max_age;
        let shop = Shop::default();
        assert_eq!(failures(&shop, &batch(&messages, 200, day - hours)).await, ["1"]);
        assert!(shop.hidden()[0].1 <= policy::QUEUE.retry.longest_pause);
        assert_eq!(failures(&shop, &batch(&messages, 200, days - hours)).await, ["1"]);
        assert!(shop.hidden()[1].1 > policy::QUEUE.retry.longest_pause, "it is received seldom");
        assert!(shop.dead_letters().is_empty());
        assert!(failures(&shop, &batch(&messages, 200, days)).await.is_empty());
        assert_eq!(shop.dead_letters()[0].code, "Retryable.PartnerUnavailable");
    }

    #[tokio::test]
    async fn what_was_tried_for_a_day_is_answered_by_the_row_that_its_own_gives_up_to() {
        let estimate = include_str!("../../../../events/samples/DeliveryEstimated.json");
        let (day, hour) = (policy::QUEUE.retry.max_age, Duration::from_secs(3_600));
        for (receives, age) in [(200, day - hour), (1, day + hour)] {
            let shop = Shop::default();
            assert!(failures(&shop, &batch(&[("1", estimate)], receives, age)).await.is_empty());
            assert_eq!((shop.signals().len(), shop.published().len()), (1, 0), "its own row's");
        }
        let shop = Shop::default();
        assert!(failures(&shop, &batch(&[("1", estimate)], 200, day)).await.is_empty());
        assert_eq!(shop.published()[0].detail_type, "PaymentFailed");
        assert!(shop.signals().is_empty() && shop.dead_letters().is_empty());
    }

    #[tokio::test]
    async fn what_is_given_up_to_a_row_is_kept_until_that_has_answered() {
        let estimate = include_str!("../../../../events/samples/DeliveryEstimated.json");
        let shop = Shop::default();
        shop.throttle();
        let messages = batch(&[("1", estimate)], 200, policy::QUEUE.retry.max_age);
        assert_eq!(failures(&shop, &messages).await, ["1"]);
        assert!(shop.dead_letters().is_empty() && shop.hidden().len() == 1);
    }

    #[tokio::test]
    async fn a_panic_fails_its_own_message_only() {
        let shop = Shop::default();
        let messages = [("1", &*event("a-key", "panic")), ("2", &event("b", "ana"))];
        assert_eq!(failures(&shop, &batch(&messages, 1, Duration::ZERO)).await, ["1"]);
    }

    #[tokio::test]
    async fn what_the_deadline_did_not_reach_stays_in_the_queue() {
        let shop = Shop::default();
        let late = Invocation { give_up_at: tokio::time::Instant::now(), ..invocation() };
        let messages = [("1", &*event("a", "ana")), ("2", &event("b", "ana"))];
        let messages = batch(&messages, 1, Duration::ZERO);
        let answer = shop.invoker().invoke(&messages, &late).await.unwrap();
        assert_eq!(answer["batchItemFailures"].as_array().unwrap().len(), 2);
        assert!(shop.published().is_empty());
    }
}
