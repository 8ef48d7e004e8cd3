//! Lambda functions and their event sources.

use chorus_table::policy::{INVOCATION, QUEUE};
use serde_json::{Map, Value, json};

use super::{Construct, Resource, Retry};
use crate::intrinsics::{arn, reference, stack_name};

/// The parameter that limits how many invocations of a function one queue causes at the same time.
pub(crate) const QUEUE_CONCURRENCY: &str = "QueueConcurrency";

/// A rule of the bus that invokes a function.
#[derive(Debug)]
pub struct EventRule {
    pub bus: &'static str,
    /// The rule's name, unique on the bus.
    pub name: String,
    pub pattern: Value,
    pub retry: Retry,
    /// The queue for events that cannot be delivered.
    pub dead_letters: String,
    /// An `Fn::If` of `ENABLED` and `DISABLED`; null for a rule that is always enabled.
    pub state: Value,
}

impl EventRule {
    fn to_value(&self) -> Value {
        let mut properties = json!({
            "EventBusName": reference(self.bus),
            "RuleName": self.name,
            "Pattern": self.pattern,
            "RetryPolicy": self.retry.to_value(),
            "DeadLetterConfig": { "Arn": arn(&self.dead_letters) },
        });
        if !self.state.is_null() {
            properties["State"] = self.state.clone();
        }
        json!({ "Type": "EventBridgeRule", "Properties": properties })
    }
}

/// A schedule that invokes a function, and the role that the schedule uses.
#[derive(Debug)]
pub struct Schedule {
    /// A schedule expression, such as `rate(1 minute)`.
    pub expression: &'static str,
    /// The function's input.
    pub input: &'static str,
    pub role: String,
}

#[derive(Debug)]
pub enum EventSource {
    /// A rule on the bus.
    Rule(EventRule),
    /// A queue of messages, given by its logical id. From a batch, the function receives again only
    /// the messages that it reported as failed.
    Queue(String),
    Schedule(Schedule),
}

impl EventSource {
    fn to_value(&self) -> Value {
        match self {
            Self::Rule(rule) => rule.to_value(),
            Self::Queue(queue) => json!({
                "Type": "SQS",
                "Properties": {
                    "Queue": arn(queue),
                    "BatchSize": QUEUE.batch,
                    "ScalingConfig": { "MaximumConcurrency": reference(QUEUE_CONCURRENCY) },
                    "FunctionResponseTypes": ["ReportBatchItemFailures"],
                },
            }),
            // A failed invocation needs no retry, because the next invocation does the same work.
            Self::Schedule(Schedule { expression, input, role }) => json!({
                "Type": "ScheduleV2",
                "Properties": {
                    "ScheduleExpression": expression,
                    "Input": input,
                    // Without this role, SAM creates one that EventBridge Scheduler may assume on
                    // behalf of any AWS account.
                    "RoleArn": arn(role),
                    "RetryPolicy": { "MaximumRetryAttempts": 0 },
                },
            }),
        }
    }
}

/// A Lambda function that runs one of our binaries. Settings common to all functions are in
/// `Globals`.
#[derive(Debug)]
pub struct Function {
    /// The function's name, without the stack's name in front.
    pub name: String,
    /// The name of the binary that cargo builds.
    pub binary: Value,
    /// The folder of the package that has the binary. `sam build` runs cargo in this folder.
    pub folder: String,
    pub description: String,
    /// The logical id of the execution role.
    pub role: String,
    /// The queue to which Lambda sends an event after the last retry has failed.
    pub on_failure: String,
    /// The queue to which the function itself sends the events and messages that it gives up.
    pub failures: String,
    /// Environment variables in addition to the variables in `Globals`.
    pub environment: Vec<(String, Value)>,
    /// The function's event sources, each with its name.
    pub events: Vec<(String, EventSource)>,
}

impl Construct for Function {
    fn resource(&self) -> Resource {
        let events = self.events.iter().map(|(name, event)| (name.clone(), event.to_value()));
        let events = events.collect::<Map<_, _>>();
        let failures = ("FAILURE_QUEUE_URL".to_owned(), reference(&self.failures));
        let variables: Map<String, Value> =
            self.environment.iter().cloned().chain([failures]).collect();
        let properties = json!({
            "FunctionName": stack_name(&self.name),
            "CodeUri": self.folder,
            "Description": self.description,
            "Role": arn(&self.role),
            "Environment": { "Variables": variables },
            "EventInvokeConfig": {
                "MaximumRetryAttempts": INVOCATION.retries(),
                "MaximumEventAgeInSeconds": INVOCATION.age_seconds(),
                "DestinationConfig": {
                    "OnFailure": { "Type": "SQS", "Destination": arn(&self.on_failure) },
                },
            },
            "Events": if events.is_empty() { Value::Null } else { Value::Object(events) },
        });
        let mut resource = Resource::new("AWS::Serverless::Function", properties);
        resource.metadata = Some(json!({
            "BuildMethod": "rust-cargolambda",
            "BuildProperties": { "Binary": self.binary },
        }));
        resource
    }
}
