//! Where a message goes that no retry would help: at once, with the reason.
//!
//! Lambda retries a failed asynchronous invocation whatever its error says. So a terminal failure
//! does not fail the invocation: the message is handed to the function's failure queue, and the
//! invocation succeeds. The letter looks like EventBridge's own: the event is the body, the cause
//! stands in the attributes `ERROR_CODE` and `ERROR_MESSAGE`, and `TARGET_ARN` is where a redrive
//! sends it.

use std::sync::LazyLock;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageAttributeValue;
use aws_types::SdkConfig;
use chorus_kernel::Failure;

use crate::service_error::{Trouble, trouble};

/// The most of an error's message that is kept, in characters.
const MAX_MESSAGE: usize = 1_000;

/// A message that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeadLetter {
    /// The message, as it came.
    pub(crate) body: String,
    /// Where it came in: the function's ARN, or its queue's.
    pub(crate) target: String,
    /// The stable name of the error.
    pub(crate) code: String,
    pub(crate) message: String,
}

/// Keeps dead letters until somebody looks.
#[async_trait]
pub(crate) trait DeadLetters: Send + Sync {
    async fn take(&self, letter: &DeadLetter) -> Result<(), Failure>;
}

/// A standard SQS queue of dead letters. Its client is made for the first of them: few sandboxes
/// ever see one, and each would pay at its start.
pub(crate) struct FailureQueue {
    client: LazyLock<Client, Box<dyn FnOnce() -> Client + Send>>,
    url: String,
}

impl FailureQueue {
    pub(crate) fn new(config: SdkConfig, url: String) -> Self {
        Self { client: LazyLock::new(Box::new(move || Client::new(&config))), url }
    }
}

#[async_trait]
impl DeadLetters for FailureQueue {
    async fn take(&self, letter: &DeadLetter) -> Result<(), Failure> {
        let mut message = self.client.send_message().queue_url(&self.url);
        for (name, value) in attributes(letter) {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value);
            let unbuilt = |error: aws_sdk_sqs::error::BuildError| Failure::Terminal {
                code: "InvalidRequest",
                message: error.to_string(),
            };
            message = message.message_attributes(name, value.build().map_err(unbuilt)?);
        }
        let sent = message.message_body(&letter.body).send().await;
        sent.map(drop).map_err(|error| match trouble(&error) {
            Trouble::Throttled(why) => Failure::later("Throttled", why),
            Trouble::Unavailable(why) => Failure::later("QueueUnavailable", why),
            Trouble::Invalid(message) => Failure::Terminal { code: "InvalidRequest", message },
        })
    }
}

/// The attributes of a letter. SQS takes neither an empty value nor control characters.
fn attributes(letter: &DeadLetter) -> impl Iterator<Item = (&'static str, String)> {
    let named = [
        ("ERROR_CODE", letter.code.as_str()),
        ("ERROR_MESSAGE", letter.message.as_str()),
        ("TARGET_ARN", letter.target.as_str()),
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
        };
        let named: Vec<_> = attributes(&letter).collect();
        assert_eq!(named.len(), 2, "an empty target is left out");
        assert_eq!(named[0], ("ERROR_CODE", "KeyReused".to_owned()));
        assert!(named[1].1.starts_with("abx") && named[1].1.len() == MAX_MESSAGE);
    }
}
