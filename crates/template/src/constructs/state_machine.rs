//! State machines.

use serde_json::{Map, Value, json};

use super::{Construct, Resource};
use crate::intrinsics::{arn, reference, stack_name};

/// A state machine whose executions are kept, and run for as long as they have to.
#[derive(Debug)]
pub struct StateMachine {
    /// Its name, after the stack's.
    pub name: String,
    /// The file with its definition, from the template's folder.
    pub definition: String,
    /// What stands for the `${Names}` in the definition.
    pub substitutions: Vec<(String, Value)>,
    /// The role that it takes on.
    pub role: String,
    /// The log group of its executions.
    pub log_group: String,
    /// The parameter that selects which of their events are logged.
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
            // What the states are given has customers' names in it, which no log needs.
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
