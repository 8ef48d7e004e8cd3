//! A function's queues: the failure queue for messages that the function gives up, and the queues
//! from which the function receives messages.
//!
//! Lambda retries a failed asynchronous invocation after any error, even if no retry can succeed.
//! So a terminal failure does not fail the invocation: the message is sent to the function's
//! failure queue, and the invocation succeeds. The dead letter has the same format as EventBridge's
//! dead letters. The event is the body, and the attributes `ERROR_CODE` and `ERROR_MESSAGE` contain
//! the cause. A redrive sends the event to `TARGET_ARN`.

use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageAttributeValue;
use aws_types::SdkConfig;
use chorus_kernel::Failure;

use crate::service_error::{ServiceError, classify};

/// An error message is cut off after this number of characters.
const MAX_MESSAGE: usize = 1_000;

/// A message that the function gave up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeadLetter {
    /// The message's body, unchanged.
    pub(crate) body: String,
    /// The ARN that a redrive sends the event to: the function's, or its queue's.
    pub(crate) target: String,
    /// The stable name of the error.
    pub(crate) code: String,
    pub(crate) message: String,
    /// The retry limit that the message reached; `None` if the failure is terminal.
    pub(crate) exhausted: Option<&'static str>,
}

/// Identifies a received message of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receipt<'a> {
    /// The queue's ARN.
    pub(crate) queue: &'a str,
    pub(crate) handle: &'a str,
}

/// The queues of a function.
#[async_trait]
pub(crate) trait Queues: Send + Sync {
    /// Sends a dead letter to the failure queue.
    async fn send_to_dead_letters(&self, letter: &DeadLetter) -> Result<(), Failure>;

    /// Sends a message with these attributes to the queue with this URL.
    async fn send_to(
        &self,
        queue_url: &str,
        body: &str,
        attributes: &[(&str, &str)],
    ) -> Result<(), Failure>;

    /// Hides a received message from the queue's receivers for `pause` from now, rounded up to
    /// whole seconds.
    async fn hide(&self, receipt: Receipt<'_>, pause: Duration) -> Result<(), Failure>;
}

/// The queues on SQS. The SQS client is made only when it is first needed, because making a client
/// takes time, and few execution environments ever have a failure.
pub(crate) struct SqsQueues {
    client: LazyLock<Client, Box<dyn FnOnce() -> Client + Send>>,
    /// The URL of the failure queue.
    url: String,
}

impl SqsQueues {
    pub(crate) fn new(config: SdkConfig, url: String) -> Self {
        Self { client: LazyLock::new(Box::new(move || Client::new(&config))), url }
    }
}

#[async_trait]
impl Queues for SqsQueues {
    async fn send_to_dead_letters(&self, letter: &DeadLetter) -> Result<(), Failure> {
        let attributes: Vec<_> = attributes(letter).collect();
        let attributes: Vec<_> =
            attributes.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.send_to(&self.url, &letter.body, &attributes).await
    }

    async fn send_to(
        &self,
        queue_url: &str,
        body: &str,
        attributes: &[(&str, &str)],
    ) -> Result<(), Failure> {
        let mut message = self.client.send_message().queue_url(queue_url);
        for (name, value) in attributes {
            let value = MessageAttributeValue::builder().data_type("String").string_value(*value);
            let unbuilt = |error: aws_sdk_sqs::error::BuildError| Failure::Terminal {
                code: "InvalidRequest",
                message: error.to_string(),
            };
            message = message.message_attributes(*name, value.build().map_err(unbuilt)?);
        }
        let sent = message.message_body(body).send().await;
        sent.map(drop).map_err(|error| failure(classify(&error)))
    }

    async fn hide(&self, receipt: Receipt<'_>, pause: Duration) -> Result<(), Failure> {
        let seconds = i32::try_from(pause.as_millis().div_ceil(1_000)).unwrap_or(i32::MAX);
        let hidden = self.client.change_message_visibility().visibility_timeout(seconds);
        let hidden = hidden.queue_url(url_beside(&self.url, receipt.queue));
        let hidden = hidden.receipt_handle(receipt.handle).send().await;
        hidden.map(drop).map_err(|error| failure(classify(&error)))
    }
}

/// Returns the URL of the queue `arn`. `other` is the URL of another queue of the same account. The
/// two URLs differ only in the queue's name.
fn url_beside(other: &str, arn: &str) -> String {
    let name = arn.rsplit(':').next().unwrap_or(arn);
    let account = other.rsplit_once('/').map_or(other, |(account, _)| account);
    format!("{account}/{name}")
}

fn failure(error: ServiceError) -> Failure {
    match error {
        ServiceError::Throttled(why) => Failure::later("Throttled", why),
        ServiceError::Unavailable(why) => Failure::later("QueueUnavailable", why),
        ServiceError::Invalid(message) => Failure::Terminal { code: "InvalidRequest", message },
    }
}

/// The attributes of a dead letter. Leaves out empty values and control characters, because SQS
/// rejects them.
fn attributes(letter: &DeadLetter) -> impl Iterator<Item = (&'static str, String)> {
    let named = [
        ("ERROR_CODE", letter.code.as_str()),
        ("ERROR_MESSAGE", letter.message.as_str()),
        ("TARGET_ARN", letter.target.as_str()),
        ("EXHAUSTED_RETRY_CONDITION", letter.exhausted.unwrap_or_default()),
    ];
    let clean = |text: &str| -> String {
        text.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE).collect()
    };
    let cleaned = named.map(|(name, value)| (name, clean(value)));
    cleaned.into_iter().filter(|(_, value)| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_short_printable_and_never_empty() {
        let letter = DeadLetter {
            body: "{}".to_owned(),
            target: String::new(),
            code: "KeyReused".to_owned(),
            message: format!("a\u{0}b\n{}", "x".repeat(5_000)),
            exhausted: None,
        };
        let named: Vec<_> = attributes(&letter).collect();
        assert_eq!(named.len(), 2, "an empty target is left out");
        assert_eq!(named[0], ("ERROR_CODE", "KeyReused".to_owned()));
        assert!(named[1].1.starts_with("abx") && named[1].1.len() == MAX_MESSAGE);
    }

    #[test]
    fn a_queue_is_found_beside_another_of_the_account() {
        let (failures, arn) = (
            "https://sqs.eu-central-1.amazonaws.com/1/failures",
            "arn:aws:sqs:eu-central-1:1:letters",
        );
        assert_eq!(url_beside(failures, arn), "https://sqs.eu-central-1.amazonaws.com/1/letters");
    }
}
