//! State machines of Step Functions, with their logs and tracing.

use serde_json::{Map, Value, json};

use super::{Construct, Resource};
use crate::intrinsics::{arn, reference, stack_name};

/// A state machine of the standard type, whose executions last up to a year and keep their history.
#[derive(Debug)]
pub struct StateMachine {
    /// The machine's name, without the stack's name in front.
    pub name: String,
    /// The path of the definition, relative to the template's folder.
    pub definition: String,
    /// The values that replace the `${Names}` in the definition.
    pub substitutions: Vec<(String, Value)>,
    /// The logical id of the machine's role.
    pub role: String,
    /// The logical id of the log group that gets the logs of executions.
    pub log_group: String,
    /// The parameter that selects which events of executions are logged.
    pub log_level: &'static str,
}

impl Construct for StateMachine {
    fn resource(&self) -> Resource {
        let substitutions: Map<String, Value> = self.substitutions.iter().cloned().collect();
        let log_group = json!({ "LogGroupArn": arn(&self.log_group) });
        let properties = json!({
            "Name": stack_name(&self.name),
            "Type": "STANDARD",
            "DefinitionUri": self.definition,
            "DefinitionSubstitutions": substitutions,
            "Role": arn(&self.role),
            // The states' data contains customers' names, which must not be logged.
            "Logging": {
                "Level": reference(self.log_level),
                "IncludeExecutionData": false,
                "Destinations": [{ "CloudWatchLogsLogGroup": log_group }],
            },
            "Tracing": { "Enabled": true },
        });
        Resource::new("AWS::Serverless::StateMachine", properties)
    }
}
