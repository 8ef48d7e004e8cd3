//! IAM roles and their statements.

use serde_json::{Map, Value, json};

use super::{Construct, Resource};
use crate::intrinsics::reference;

/// An AWS service that assumes a role, or acts on a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Principal {
    /// Lambda, running a function.
    Lambda,
    /// EventBridge, delivering an event.
    EventBridge,
    /// Step Functions, running a state machine.
    StepFunctions,
    /// EventBridge Scheduler, invoking a function.
    Scheduler,
}

impl Principal {
    const fn name(self) -> &'static str {
        match self {
            Self::Lambda => "lambda.amazonaws.com",
            Self::EventBridge => "events.amazonaws.com",
            Self::StepFunctions => "states.amazonaws.com",
            Self::Scheduler => "scheduler.amazonaws.com",
        }
    }
}

/// An IAM statement that allows some actions on some resources.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    sid: String,
    actions: &'static [&'static str],
    resources: Vec<Value>,
    principal: Option<Principal>,
    condition: Option<Value>,
}

impl Statement {
    /// Allows `actions` on `resources`; `sid` names the statement's purpose.
    #[must_use]
    pub fn new(
        sid: impl Into<String>,
        actions: &'static [&'static str],
        resources: Vec<Value>,
    ) -> Self {
        Self { sid: sid.into(), actions, resources, principal: None, condition: None }
    }

    /// Each pair of an action and a resource that the statement allows.
    pub(crate) fn allows(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        let actions = self.actions.iter().copied();
        actions.flat_map(|action| self.resources.iter().map(move |resource| (action, resource)))
    }

    /// Restricts the statement to this AWS service. Every statement in a resource's policy needs a
    /// principal.
    #[must_use]
    pub fn principal(mut self, principal: Principal) -> Self {
        self.principal = Some(principal);
        self
    }

    /// Restricts the statement to requests that meet this condition.
    #[must_use]
    pub fn condition(mut self, condition: Value) -> Self {
        self.condition = Some(condition);
        self
    }

    /// The statement as JSON, for the `Statement` list of a policy.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut fields = Map::new();
        let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        set("Sid", json!(self.sid));
        set("Effect", json!("Allow"));
        set("Action", one_or_many(self.actions.iter().map(|action| json!(action)).collect()));
        set("Resource", one_or_many(self.resources.clone()));
        if let Some(principal) = self.principal {
            set("Principal", json!({ "Service": principal.name() }));
        }
        if let Some(condition) = &self.condition {
            set("Condition", condition.clone());
        }
        Value::Object(fields)
    }
}

fn one_or_many(mut values: Vec<Value>) -> Value {
    if values.len() == 1 { values.remove(0) } else { Value::Array(values) }
}

/// A role: the one AWS service that may assume the role, and the statements of its policy.
#[derive(Debug)]
pub struct Role {
    pub principal: Principal,
    pub statements: Vec<Statement>,
}

impl Construct for Role {
    fn resource(&self) -> Resource {
        let statements: Vec<Value> = self.statements.iter().map(Statement::to_value).collect();
        let trust = json!({
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": { "Service": self.principal.name() },
            // Without this condition, the AWS service would assume the role on behalf of any
            // account.
            "Condition": { "StringEquals": { "aws:SourceAccount": reference("AWS::AccountId") } },
        });
        let properties = json!({
            "AssumeRolePolicyDocument": { "Version": "2012-10-17", "Statement": [trust] },
            "Policies": [{
                "PolicyName": "own",
                "PolicyDocument": { "Version": "2012-10-17", "Statement": statements },
            }],
        });
        Resource::new("AWS::IAM::Role", properties)
    }
}
