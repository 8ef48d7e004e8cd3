//! Constructs: typed structs, each of which writes one kind of resource.

mod bus;
mod function;
mod http_api;
mod monitoring;
mod partner;
mod queue;
mod role;
mod rule;
mod schema;
mod state_machine;
mod table;
mod user_pool;

pub use bus::{Archive, Bus, BusPolicy};
pub(crate) use function::QUEUE_CONCURRENCY;
pub use function::{EventRule, EventSource, Function, Schedule};
pub use http_api::{HttpApi, InvokePermission, Operation};
pub(crate) use monitoring::ALARM_TOPIC;
pub use monitoring::{Alarm, Dashboard, LogGroup, MINUTE};
pub use partner::{ApiDestination, Connection, GeneratedSecret};
pub use queue::{Queue, QueuePolicy};
pub use role::{Principal, Role, Statement};
pub use rule::{Retry, Rule, RuleTarget};
pub use schema::{NestedStack, RegisteredSchema, SchemaRegistry};
pub use state_machine::StateMachine;
pub use table::{KeyChoice, Table};
pub use user_pool::{UserPool, UserPoolClient, UserPoolGroup};

use serde_json::{Map, Value, json};

use crate::retention;

/// A struct that becomes one resource of the template.
pub trait Construct {
    fn resource(&self) -> Resource;
}

/// A resource of the template.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// The type, such as `AWS::SQS::Queue`.
    pub kind: &'static str,
    pub properties: Value,
    /// The `Metadata` attribute, from which `sam build` reads how to build the resource.
    pub metadata: Option<Value>,
    /// The name of the condition under which the resource exists; `None` if it always exists.
    pub condition: Option<String>,
}

impl Resource {
    /// A resource of this type. Properties whose value is null are left out.
    #[must_use]
    pub fn new(kind: &'static str, properties: Value) -> Self {
        let properties = match properties {
            Value::Object(fields) => {
                fields.into_iter().filter(|(_, value)| !value.is_null()).collect()
            }
            other => other,
        };
        Self { kind, properties, metadata: None, condition: None }
    }

    /// The resource as JSON, as the template's `Resources` section contains it.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut fields = Map::from_iter([("Type".to_owned(), json!(self.kind))]);
        if let Some(condition) = &self.condition {
            fields.insert("Condition".to_owned(), json!(condition));
        }
        if let Some(metadata) = &self.metadata {
            fields.insert("Metadata".to_owned(), metadata.clone());
        }
        fields.extend(retention::policies(self.kind));
        fields.insert("Properties".to_owned(), self.properties.clone());
        Value::Object(fields)
    }
}
