//! Rules whose target is no function; a function's rules are among its events.

use chorus_table::CallBody;
use chorus_table::policy::RetryPolicy;
use serde_json::{Value, json};

use super::{Construct, Resource};
use crate::intrinsics::{arn, reference};

/// How often, and for how long, EventBridge tries to deliver an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// A number, or a reference to a parameter.
    pub retries: Value,
    /// The oldest that the event may get, in seconds; EventBridge asks for at least 60.
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

/// Where a rule's events go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleTarget {
    Queue(String),
    /// A partner's endpoint.
    Partner {
        destination: String,
        /// The role that lets EventBridge call it.
        role: String,
        /// What stands for the `*` of the destination's address.
        path: &'static str,
        /// What of the event it is sent.
        body: CallBody,
    },
}

/// A rule on the bus.
#[derive(Debug)]
pub struct Rule {
    pub bus: &'static str,
    /// Its name, unique on the bus.
    pub name: String,
    pub pattern: Value,
    pub target: RuleTarget,
    pub retry: Retry,
    /// The queue of what cannot be delivered.
    pub dead_letters: String,
    /// `ENABLED` or `DISABLED`, where that is a question; null where it always is enabled.
    pub state: Value,
}

impl Construct for Rule {
    fn resource(&self) -> Resource {
        let mut target = match &self.target {
            RuleTarget::Queue(queue) => json!({ "Id": "queue", "Arn": arn(queue) }),
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
