//! Queues, and the policies that allow rules to send to them.

use chorus_table::policy::RETENTION;
use serde_json::{Value, json};

use super::{Construct, Principal, Resource, Statement};
use crate::intrinsics::{arn, reference};

/// A standard queue, encrypted at rest.
#[derive(Debug)]
pub struct Queue {
    /// How long a received message is hidden, in seconds; `None` for SQS's default of 30.
    pub visibility_seconds: Option<u64>,
    /// The queue for messages that were received too many times, and how many times a message may
    /// be received; `None` if there is no limit.
    pub redrive: Option<(String, u32)>,
}

impl Queue {
    /// A queue from which no function receives: the messages wait for an operator.
    pub const WITHOUT_CONSUMER: Self = Self { visibility_seconds: None, redrive: None };
}

impl Construct for Queue {
    fn resource(&self) -> Resource {
        let redrive = self.redrive.as_ref().map(|(queue, receives)| {
            json!({ "deadLetterTargetArn": arn(queue), "maxReceiveCount": receives })
        });
        let properties = json!({
            "MessageRetentionPeriod": RETENTION.as_secs(),
            "RedrivePolicy": redrive,
            "SqsManagedSseEnabled": true,
            "VisibilityTimeout": self.visibility_seconds,
        });
        Resource::new("AWS::SQS::Queue", properties)
    }
}

/// A policy that allows only the given rules to send messages to a queue.
#[derive(Debug)]
pub struct QueuePolicy {
    pub queue: String,
    /// The ARNs of the rules.
    pub rules: Vec<Value>,
}

impl Construct for QueuePolicy {
    fn resource(&self) -> Resource {
        let statement = Statement::new("Rules", &["sqs:SendMessage"], vec![arn(&self.queue)])
            .principal(Principal::EventBridge)
            .condition(json!({ "ArnEquals": { "aws:SourceArn": self.rules } }));
        let properties = json!({
            "PolicyDocument": { "Version": "2012-10-17", "Statement": [statement.to_value()] },
            "Queues": [reference(&self.queue)],
        });
        Resource::new("AWS::SQS::QueuePolicy", properties)
    }
}
