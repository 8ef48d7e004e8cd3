//! Functions, and what invokes them.

use chorus_table::policy::{INVOCATION, QUEUE};
use serde_json::{Map, Value, json};

use super::{Construct, Resource, Retry};
use crate::intrinsics::{arn, reference, stack_name};

/// A rule that invokes a function.
#[derive(Debug)]
pub struct EventRule {
    pub bus: &'static str,
    /// Its name, unique on the bus.
    pub name: String,
    pub pattern: Value,
    pub retry: Retry,
    /// The queue of what cannot be delivered.
    pub dead_letters: String,
    /// `ENABLED` or `DISABLED`, where that is a question; null where it always is enabled.
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

/// When a function is invoked, and by what role.
#[derive(Debug)]
pub struct Schedule {
    /// Such as `rate(1 minute)`.
    pub expression: &'static str,
    /// The function's input.
    pub input: &'static str,
    pub role: String,
}

#[derive(Debug)]
pub enum EventSource {
    /// A rule on the bus.
    Rule(EventRule),
    /// A queue; of a batch, only what failed is received again.
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
                    "FunctionResponseTypes": ["ReportBatchItemFailures"],
                },
            }),
            // A tick that is missed is made good by the next one.
            Self::Schedule(Schedule { expression, input, role }) => json!({
                "Type": "ScheduleV2",
                "Properties": {
                    "ScheduleExpression": expression,
                    "Input": input,
                    // The one that SAM would make trusts Scheduler for every account.
                    "RoleArn": arn(role),
                    "RetryPolicy": { "MaximumRetryAttempts": 0 },
                },
            }),
        }
    }
}

/// A Lambda function of one of our binaries. What all have in common is among the globals.
#[derive(Debug)]
pub struct Function {
    /// What it is called behind the stack's name.
    pub name: String,
    /// The binary that cargo builds.
    pub binary: Value,
    /// The folder of the package that the binary belongs to: there, `sam build` asks cargo for it.
    pub folder: String,
    pub description: String,
    /// The role that it takes on.
    pub role: String,
    /// The queue of what it failed on as often as Lambda tries.
    pub on_failure: String,
    /// The queue of what it failed on for good.
    pub failures: String,
    /// Environment variables beside the common ones.
    pub environment: Vec<(String, Value)>,
    /// What invokes it, by name.
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
