//! A dead letter from any of its sources: EventBridge, Lambda, a queue's redrive policy, or a
//! service's function.

use std::collections::BTreeMap;

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use serde_json::Value;

/// The target that a dead letter could not be delivered to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The ARN of a function.
    Function(String),
    /// The ARN of a queue.
    Queue(String),
    /// The ARN of an event bus, such as the bus of another account.
    EventBus(String),
    /// The ARN of a target that only the bus can reach, such as an API destination.
    OnlyTheBus(String),
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedDeadLetter {
    pub id: String,
    /// The URL of the dead-letter queue.
    pub queue_url: String,
    pub(crate) receipt: String,
    /// The event, in the form that its target should have received.
    pub event: String,
    /// The target that the event could not be delivered to.
    pub target: Target,
    pub code: String,
    pub message: String,
    /// The name of the rule whose target failed, if EventBridge recorded the rule.
    pub rule: Option<String>,
}

impl Target {
    fn of(arn: &str) -> Self {
        let is_bus = || arn.split(':').nth(5).is_some_and(|name| name.starts_with("event-bus/"));
        match arn.split(':').nth(2) {
            Some("lambda") => Self::Function(arn.to_owned()),
            Some("sqs") => Self::Queue(arn.to_owned()),
            Some("events") if is_bus() => Self::EventBus(arn.to_owned()),
            Some(_) => Self::OnlyTheBus(arn.to_owned()),
            None => Self::Unknown,
        }
    }
}

impl ReceivedDeadLetter {
    /// Reads a message of a dead-letter queue.
    pub(crate) fn read(queue_url: &str, message: &Message) -> Self {
        let attributes: BTreeMap<&str, &str> = message
            .message_attributes()
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.as_str(), value.string_value()?)))
            .collect();
        let text = |name: &str| attributes.get(name).copied().unwrap_or_default().to_owned();
        let body = message.body().unwrap_or_default();
        let source = MessageSystemAttributeName::DeadLetterQueueSourceArn;
        let source = message.attributes().and_then(|all| all.get(&source));
        let rule = attributes.get("RULE_ARN").and_then(|arn| arn.rsplit('/').next());
        let letter = Self {
            id: message.message_id().unwrap_or_default().to_owned(),
            queue_url: queue_url.to_owned(),
            receipt: message.receipt_handle().unwrap_or_default().to_owned(),
            event: body.to_owned(),
            target: Target::of(&text("TARGET_ARN")),
            code: text("ERROR_CODE"),
            message: text("ERROR_MESSAGE"),
            rule: rule.map(ToOwned::to_owned),
        };
        if letter.target != Target::Unknown {
            return letter;
        }
        match (source, of_lambda(body)) {
            (_, Some(found)) => Self { ..found.into_letter(letter) },
            (Some(queue), None) => {
                Self { target: Target::of(queue), code: "ReceivedTooOften".to_owned(), ..letter }
            }
            (None, None) => letter,
        }
    }

    /// The `correlation-id` of the event, such as an order's id; empty if the event has none.
    #[must_use]
    pub fn about(&self) -> String {
        let event: Value = serde_json::from_str(&self.event).unwrap_or_default();
        let about = event["detail"]["metadata"]["correlation-id"].as_str();
        about.unwrap_or_default().to_owned()
    }

    #[must_use]
    pub fn detail_type(&self) -> String {
        let event: Value = serde_json::from_str(&self.event).unwrap_or_default();
        event["detail-type"].as_str().unwrap_or_default().to_owned()
    }
}

/// Lambda's record of an asynchronous invocation whose retries have all failed. Source:
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>.
struct FailedInvocation {
    function: String,
    event: String,
    code: String,
    message: String,
}

fn of_lambda(body: &str) -> Option<FailedInvocation> {
    let body: Value = serde_json::from_str(body).ok()?;
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    let function = text(&body["requestContext"]["functionArn"])?;
    let function = function.strip_suffix(":$LATEST").unwrap_or(&function).to_owned();
    let (answer, condition) = (&body["responsePayload"], &body["requestContext"]["condition"]);
    Some(FailedInvocation {
        function,
        event: body.get("requestPayload")?.to_string(),
        code: text(&answer["errorType"]).or_else(|| text(condition)).unwrap_or_default(),
        message: text(&answer["errorMessage"]).unwrap_or_default(),
    })
}

impl FailedInvocation {
    fn into_letter(self, letter: ReceivedDeadLetter) -> ReceivedDeadLetter {
        let Self { function, event, code, message } = self;
        ReceivedDeadLetter { target: Target::of(&function), event, code, message, ..letter }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_sqs::types::MessageAttributeValue;

    const FUNCTION: &str = "arn:aws:lambda:us-east-1:1:function:chorus-order";
    const QUEUE: &str = "arn:aws:sqs:us-east-1:1:chorus-NotificationQueue-1X";

    fn text_attribute(text: &str) -> MessageAttributeValue {
        let value = MessageAttributeValue::builder().data_type("String").string_value(text);
        value.build().unwrap()
    }

    #[test]
    fn a_dead_letter_of_the_bus_names_its_rule_and_target() {
        let message = Message::builder()
            .body(r#"{"detail-type":"OrderCreated"}"#)
            .message_attributes("TARGET_ARN", text_attribute(FUNCTION))
            .message_attributes(
                "RULE_ARN",
                text_attribute("arn:aws:events:r:1:rule/bus/order-ProjectOrder"),
            )
            .message_attributes("ERROR_CODE", text_attribute("NO_PERMISSIONS"))
            .build();
        let letter = ReceivedDeadLetter::read("url", &message);
        assert_eq!(letter.target, Target::Function(FUNCTION.to_owned()));
        assert_eq!(letter.rule.as_deref(), Some("order-ProjectOrder"));
        assert_eq!(
            (letter.code.as_str(), letter.detail_type().as_str()),
            ("NO_PERMISSIONS", "OrderCreated")
        );
    }

    #[test]
    fn a_failed_invocation_gives_its_own_payload_back() {
        let body = serde_json::json!({
            "requestContext": {
                "functionArn": format!("{FUNCTION}:$LATEST"), "condition": "RetriesExhausted",
            },
            "requestPayload": { "detail": { "metadata": { "correlation-id": "7" } } },
            "responsePayload": { "errorType": "StoreUnavailable", "errorMessage": "no answer" },
        });
        let letter =
            ReceivedDeadLetter::read("url", &Message::builder().body(body.to_string()).build());
        assert_eq!(letter.target, Target::Function(FUNCTION.to_owned()));
        assert_eq!((letter.code.as_str(), letter.about().as_str()), ("StoreUnavailable", "7"));
        assert!(!letter.event.contains("requestContext"));
    }

    #[test]
    fn a_message_that_was_received_too_often_goes_back_to_its_queue() {
        let source = MessageSystemAttributeName::DeadLetterQueueSourceArn;
        let message = Message::builder().body("{}").attributes(source, QUEUE).build();
        let letter = ReceivedDeadLetter::read("url", &message);
        assert_eq!(letter.target, Target::Queue(QUEUE.to_owned()));
        assert_eq!(letter.code, "ReceivedTooOften");
    }

    /// The target of a dead letter that has `arn` as its `TARGET_ARN`.
    fn target(arn: &str) -> Target {
        let message =
            Message::builder().body("{}").message_attributes("TARGET_ARN", text_attribute(arn));
        ReceivedDeadLetter::read("url", &message.build()).target
    }

    #[test]
    fn a_bus_of_another_account_is_a_target() {
        let arn = "arn:aws:events:eu-central-1:222222222222:event-bus/enterprise";
        assert_eq!(target(arn), Target::EventBus(arn.to_owned()));
    }

    #[test]
    fn an_api_destination_is_reached_by_the_bus_alone() {
        let arn = "arn:aws:events:us-east-1:1:api-destination/carrier/1";
        assert_eq!(target(arn), Target::OnlyTheBus(arn.to_owned()));
    }
}
