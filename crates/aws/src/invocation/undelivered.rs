//! Events that the bus could not deliver. The function logs each of these events once: when it has
//! handled the event, or when it has moved the event to a queue for an operator.

use std::collections::BTreeMap;

use chorus_kernel::Failure;
use serde::Deserialize;

use super::batch::Record;
use super::{About, Invoker};

/// The attributes of a queue's message. If the message is an event that the bus could not deliver,
/// the attributes name the rule, the target and the error. Source:
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html>.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(super) struct Attributes(BTreeMap<String, Attribute>);

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attribute {
    #[serde(default)]
    string_value: Option<String>,
}

impl Attributes {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.string_value.as_deref()
    }

    /// Whether the bus sent the message to the queue because the bus could not deliver the event.
    /// Such a message names the rule that failed; a function's dead letter names no rule.
    pub(super) fn are_of_the_bus(&self) -> bool {
        self.text("RULE_ARN").is_some()
    }

    /// Logs that the bus could not deliver the event `body`. The error's message is left out,
    /// because it may quote a partner's response.
    pub(super) fn log(&self, body: &str) {
        let About { event, correlation_id } = About::of(body);
        let code = self.text("ERROR_CODE").unwrap_or("an unknown error");
        let retries = self.text("RETRY_ATTEMPTS").and_then(|number| number.parse::<u32>().ok());
        tracing::warn!(
            correlation_id,
            event,
            rule = self.text("RULE_ARN").and_then(|arn| arn.rsplit('/').next()),
            target = self.text("TARGET_ARN").and_then(|arn| arn.rsplit(':').next()),
            code,
            attempt = retries.map(|retries| retries.saturating_add(1)),
            exhausted = self.text("EXHAUSTED_RETRY_CONDITION"),
            "the bus could not deliver an event because of {code}"
        );
    }

    /// The name and the text of each attribute that has a text, for sending them with another
    /// message.
    fn texts(&self) -> Vec<(&str, &str)> {
        let named = self.0.iter();
        named
            .filter_map(|(name, one)| Some((name.as_str(), one.string_value.as_deref()?)))
            .collect()
    }
}

impl Invoker {
    /// Moves an undeliverable event of the bus to the queue in which such events wait for an
    /// operator. Keeps the attributes that the bus gave the message.
    ///
    /// # Errors
    /// If the queue does not accept the event, or if `FAILURE_QUEUE_URL` is not set.
    pub(super) async fn keep_for_operator(
        &self,
        record: &Record,
        queue_url: &str,
    ) -> Result<(), Failure> {
        let unset = "FAILURE_QUEUE_URL must be set, to move an event to the operators' queue";
        let missing = || Failure::later("QueueUnavailable", unset);
        let queues = self.queues.as_ref().ok_or_else(missing)?;
        queues.send_to(queue_url, record.body(), &record.message_attributes().texts()).await
    }
}

#[cfg(test)]
mod tests {
    use chorus_kernel::Clock;
    use serde_json::{Value, json};

    use super::super::testing::{Shop, event, invocation};
    use crate::SystemClock;
    use crate::logs::testing::Logged;

    const OPERATORS: &str = "https://sqs.eu-central-1.amazonaws.com/1/dead-letters";

    /// A batch of one event that the bus could not deliver to a partner.
    fn undelivered(event: &str) -> String {
        let sent = SystemClock.now().as_millisecond().to_string();
        let attributes_sent = [
            ("RULE_ARN", "arn:aws:events:eu-central-1:1:rule/shop/delivery-RecallDelivery"),
            ("TARGET_ARN", "arn:aws:events:eu-central-1:1:api-destination/Carrier/a1"),
            ("ERROR_CODE", "SDK_CLIENT_ERROR"),
            ("ERROR_MESSAGE", "Obere Str. 57 is unknown to the carrier"),
            ("RETRY_ATTEMPTS", "185"),
            ("EXHAUSTED_RETRY_CONDITION", "MaximumRetryAttempts"),
        ];
        let attribute = |(name, text): (&str, &str)| {
            let value =
                json!({ "stringValue": text, "stringListValues": [], "dataType": "String" });
            (name.to_owned(), value)
        };
        let attributes: serde_json::Map<String, Value> =
            attributes_sent.into_iter().map(attribute).collect();
        let record = json!({
            "messageId": "1", "receiptHandle": "receipt-1", "body": event,
            "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-central-1:1:undelivered",
            "attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": sent },
            "messageAttributes": attributes,
        });
        json!({ "Records": [record] }).to_string()
    }

    /// Sends the batch to the function, which moves undeliverable events to the operators' queue if
    /// `keeps` is true. Returns how many messages the function fails on, and the warnings that it
    /// logs.
    async fn received(shop: &Shop, batch: &str, keeps: bool) -> (usize, Vec<Value>) {
        let logged = Logged::default();
        let guard = logged.begin();
        let mut invoker = shop.invoker();
        invoker.operators_queue = keeps.then(|| OPERATORS.to_owned());
        let answer = invoker.invoke(batch, &invocation()).await.unwrap();
        drop(guard);
        let lines = logged.lines();
        let lines = lines.iter().map(|line| serde_json::from_str(line).unwrap());
        let warnings = lines.filter(|line: &Value| line["level"] == "WARN").collect();
        (answer["batchItemFailures"].as_array().unwrap().len(), warnings)
    }

    #[track_caller]
    fn names_the_delivery(warning: &Value) {
        let fields = ["correlation_id", "event", "rule", "target", "code", "exhausted"]
            .map(|field| warning[field].as_str().unwrap_or_default());
        let expected = [
            "1073459984",
            "OrderCreated",
            "delivery-RecallDelivery",
            "api-destination/Carrier/a1",
            "SDK_CLIENT_ERROR",
            "MaximumRetryAttempts",
        ];
        assert_eq!(fields, expected);
        assert_eq!(warning["attempt"], 186);
        assert!(!warning.to_string().contains("Obere"), "{warning}");
    }

    #[tokio::test]
    async fn an_event_that_the_bus_could_not_deliver_is_logged_and_kept_with_all_that_it_says() {
        let (shop, event) = (Shop::default(), event("a-key", "ana"));
        let (failed, warnings) = received(&shop, &undelivered(&event), true).await;
        assert_eq!(failed, 0);
        let [warning] = &warnings[..] else { panic!("{warnings:#?}") };
        names_the_delivery(warning);
        let kept = shop.kept();
        let [(queue, body, attributes)] = &kept[..] else { panic!("{kept:#?}") };
        assert_eq!((&**queue, body), (OPERATORS, &event));
        assert_eq!(attributes.len(), 6);
        assert_eq!(attributes["ERROR_MESSAGE"], "Obere Str. 57 is unknown to the carrier");
        assert!(shop.published().is_empty(), "it is not answered");
    }

    #[tokio::test]
    async fn one_that_cannot_be_kept_stays_and_is_logged_once_it_is_kept() {
        let (shop, event) = (Shop::default(), event("a-key", "ana"));
        shop.close_dead_letters();
        let (failed, warnings) = received(&shop, &undelivered(&event), true).await;
        assert_eq!(failed, 1);
        assert!(warnings.iter().all(|warning| warning["rule"].is_null()), "{warnings:#?}");
        shop.open_dead_letters();
        let (failed, warnings) = received(&shop, &undelivered(&event), true).await;
        assert_eq!((failed, shop.kept().len()), (0, 1));
        names_the_delivery(&warnings[0]);
    }

    #[tokio::test]
    async fn one_that_a_row_reads_is_answered_and_logged() {
        let (shop, event) = (Shop::default(), event("a-key", "ana"));
        let (failed, warnings) = received(&shop, &undelivered(&event), false).await;
        assert_eq!((failed, shop.published().len()), (0, 1));
        names_the_delivery(&warnings[0]);
    }
}
