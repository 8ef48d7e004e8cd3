//! Reads dead letters, and sends them to their original targets only.

use std::collections::BTreeSet;

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, MessageSystemAttributeName};

use crate::{Operator, OperatorError, QueueDepth, ReceivedDeadLetter, Target, send};

/// How long, in seconds, a dead letter stays hidden from other readers after it was read.
const LOOK_SECONDS: i32 = 30;

/// How many dead letters are read from one queue at most.
const MOST_DEAD_LETTERS: usize = 10_000;

/// How many messages SQS accepts or returns in one request at most.
const BATCH: usize = 10;

impl Operator {
    /// Reads the dead letters in a queue. Reading hides them from other readers for half a minute,
    /// or until they are [put back](Self::put_back).
    ///
    /// # Errors
    /// If AWS refuses.
    pub async fn letters(
        &self,
        queue: &QueueDepth,
    ) -> Result<Vec<ReceivedDeadLetter>, OperatorError> {
        let mut letters: Vec<ReceivedDeadLetter> = Vec::new();
        let mut known = BTreeSet::new();
        while letters.len() < MOST_DEAD_LETTERS {
            let request = self
                .sqs
                .receive_message()
                .queue_url(&queue.url)
                .max_number_of_messages(BATCH as i32);
            let request = request
                .visibility_timeout(LOOK_SECONDS)
                .message_attribute_names("All")
                .message_system_attribute_names(MessageSystemAttributeName::All);
            let page = send!(request);
            let before = letters.len();
            let read =
                page.messages().iter().map(|message| ReceivedDeadLetter::read(&queue.url, message));
            letters.extend(read.filter(|letter| known.insert(letter.id.clone())));
            if letters.len() == before {
                break;
            }
        }
        Ok(letters)
    }

    /// Makes received dead letters visible to other readers again, at once.
    ///
    /// # Errors
    /// If AWS refuses.
    pub async fn put_back(&self, letters: &[ReceivedDeadLetter]) -> Result<(), OperatorError> {
        for letters in letters.chunk_by(|a, b| a.queue_url == b.queue_url) {
            for some in letters.chunks(BATCH) {
                let request = self.sqs.change_message_visibility_batch();
                let request = request.queue_url(&some[0].queue_url);
                let entries = some.iter().enumerate().map(|(at, letter)| {
                    let entry = ChangeMessageVisibilityBatchRequestEntry::builder();
                    let entry = entry.id(at.to_string()).receipt_handle(&letter.receipt);
                    entry.visibility_timeout(0).build()
                });
                let entries: Result<Vec<_>, _> = entries.collect();
                let entries = entries.map_err(|it| OperatorError::Refused(it.to_string()))?;
                // Failed entries are ignored: their messages become visible again by themselves
                // after half a minute.
                send!(request.set_entries(Some(entries)));
            }
        }
        Ok(())
    }

    /// Sends the event of a dead letter to its original target, and to no other target. The event
    /// and its idempotency key stay as they are. The dead letter is deleted once the target has
    /// accepted the event.
    ///
    /// # Errors
    /// If AWS or the target refuses the event; if the target is neither a function, a queue nor an
    /// event bus; or if the target is an event bus and the event cannot be read or is another
    /// account's. The dead letter then stays in the queue.
    pub async fn redrive(&self, letter: &ReceivedDeadLetter) -> Result<(), OperatorError> {
        match &letter.target {
            Target::Function(arn) => {
                let payload = Blob::new(letter.event.as_bytes());
                let invocation = self.lambda.invoke().function_name(arn).payload(payload);
                send!(invocation.invocation_type(InvocationType::Event));
            }
            Target::Queue(arn) => {
                let name = arn.rsplit(':').next().unwrap_or_default();
                let queue = send!(self.sqs.get_queue_url().queue_name(name));
                let url = queue.queue_url().unwrap_or_default();
                send!(self.sqs.send_message().queue_url(url).message_body(&letter.event));
            }
            Target::EventBus(arn) => self.put_on_bus(letter, arn).await?,
            Target::OnlyTheBus(target) => {
                let (letter, target) = (letter.id.clone(), target.clone());
                return Err(OperatorError::OnlyTheBus { letter, target });
            }
            Target::Unknown => return Err(OperatorError::NoTarget(letter.id.clone())),
        }
        send!(
            self.sqs.delete_message().queue_url(&letter.queue_url).receipt_handle(&letter.receipt)
        );
        tracing::info!(letter.id, letter.code, target = ?letter.target, "sent a dead letter to its target again");
        Ok(())
    }
}
