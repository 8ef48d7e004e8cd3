//! Rules whose target is a queue, a partner or another bus. A rule that invokes a function is an
//! event source of the function.

use chorus_table::policy::RetryPolicy;
use chorus_table::{CallBody, TENANT_PATH};
use serde_json::{Value, json};

use super::{Construct, Resource};
use crate::intrinsics::{arn, reference};

/// How many times and for how long EventBridge retries the delivery of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// The number of retries, or a reference to the parameter with that number.
    pub retries: Value,
    /// The greatest age, in seconds, at which an event is still delivered; EventBridge requires at
    /// least 60.
    pub age_seconds: u64,
}

impl From<RetryPolicy> for Retry {
    fn from(policy: RetryPolicy) -> Self {
        Self { retries: json!(policy.retries()), age_seconds: policy.age_seconds() }
    }
}

impl Retry {
    pub(crate) fn to_value(&self) -> Value {
        json!({
            "MaximumRetryAttempts": self.retries,
            "MaximumEventAgeInSeconds": self.age_seconds,
        })
    }
}

/// The target to which a rule sends events.
#[derive(Debug, Clone, PartialEq)]
pub enum RuleTarget {
    Queue(String),
    /// A queue. Each message contains the event, and `reason` in a field.
    QueueWithReason {
        queue: String,
        reason: &'static str,
    },
    /// A partner's endpoint.
    Partner {
        destination: String,
        /// The role that lets EventBridge call the partner's API destination.
        role: String,
        /// The path that replaces the `*` of the destination's URL.
        path: &'static str,
        /// The part of the event that is the call's body.
        body: CallBody,
    },
    /// Another bus, which gets the event unchanged, because EventBridge rejects a rule that changes
    /// the input of a bus.
    Bus {
        arn: Value,
        /// The logical id of the role that lets EventBridge put events on the bus.
        role: String,
    },
    /// A queue that may belong to another account, and that gets the event unchanged.
    OutsideQueue {
        arn: Value,
        /// The logical id of the role that lets EventBridge send to the queue. EventBridge needs
        /// the role if the queue belongs to another account.
        role: String,
    },
}

/// A rule on the bus.
#[derive(Debug)]
pub struct Rule {
    pub bus: &'static str,
    /// The rule's name, unique on the bus.
    pub name: String,
    pub pattern: Value,
    pub target: RuleTarget,
    pub retry: Retry,
    /// The queue for events that cannot be delivered.
    pub dead_letters: String,
    /// An `Fn::If` of `ENABLED` and `DISABLED`; null for a rule that is always enabled.
    pub state: Value,
}

impl Construct for Rule {
    fn resource(&self) -> Resource {
        let mut target = match &self.target {
            RuleTarget::Queue(queue) => json!({
                "Id": "queue",
                "Arn": arn(queue),
                "SqsParameters": { "MessageGroupId": TENANT_PATH },
            }),
            RuleTarget::QueueWithReason { queue, reason } => json!({
                "Id": "queue",
                "Arn": arn(queue),
                "InputTransformer": {
                    "InputTemplate":
                        format!("{{\"reason\": \"{reason}\", \"event\": <aws.events.event.json>}}"),
                },
            }),
            RuleTarget::Partner { destination, role, path, body } => json!({
                "Id": "partner",
                "Arn": arn(destination),
                "RoleArn": arn(role),
                "InputPath": body.path(),
                "HttpParameters": {
                    "PathParameterValues": [path],
                    "HeaderParameters": { "Idempotency-Key": "$.detail.metadata.idempotency-key" },
                },
            }),
            RuleTarget::Bus { arn: bus, role } => {
                json!({ "Id": "bus", "Arn": bus, "RoleArn": arn(role) })
            }
            RuleTarget::OutsideQueue { arn: queue, role } => {
                json!({ "Id": "queue", "Arn": queue, "RoleArn": arn(role) })
            }
        };
        target["RetryPolicy"] = self.retry.to_value();
        target["DeadLetterConfig"] = json!({ "Arn": arn(&self.dead_letters) });
        let properties = json!({
            "EventBusName": reference(self.bus),
            "Name": self.name,
            "EventPattern": self.pattern,
            "State": self.state,
            "Targets": [target],
        });
        Resource::new("AWS::Events::Rule", properties)
    }
}
