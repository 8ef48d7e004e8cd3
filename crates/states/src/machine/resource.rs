//! The resource of a Task: a function, an activity, or a call of a service.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The function, activity or service action that a Task calls, as an Amazon Resource Name (ARN).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Resource {
    arn: String,
}

/// What a Task waits for before it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// The response to the call.
    RequestResponse,
    /// The end of the job that the call has started (`.sync`, `.sync:2`).
    RunJob,
    /// An answer with the task token (`.waitForTaskToken`).
    Callback,
}

/// The family of event types that the history has for a task, such as `LambdaFunction…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Lambda,
    Activity,
    Service,
}

impl Resource {
    pub(crate) fn new(arn: impl Into<String>) -> Self {
        Self { arn: arn.into() }
    }

    /// The ARN as written in the definition.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// What the task waits for before it ends.
    #[must_use]
    pub fn pattern(&self) -> Pattern {
        if self.arn.ends_with(".waitForTaskToken") {
            Pattern::Callback
        } else if self.arn.ends_with(".sync") || self.arn.ends_with(".sync:2") {
            Pattern::RunJob
        } else {
            Pattern::RequestResponse
        }
    }

    /// The service and the action of a call, such as `sqs` and `sendMessage.waitForTaskToken`;
    /// `None` for a function or an activity.
    #[must_use]
    pub fn service(&self) -> Option<(&str, &str)> {
        if self.family() != Family::Service {
            return None;
        }
        let call = self.arn.splitn(6, ':').nth(5)?;
        let split = match call.strip_prefix("aws-sdk:") {
            Some(rest) => "aws-sdk:".len() + rest.find(':')?,
            None => call.find(':')?,
        };
        Some((&call[..split], &call[split + 1..]))
    }

    /// Whether the resource is an activity: workers poll for its tasks.
    #[must_use]
    pub fn is_activity(&self) -> bool {
        self.family() == Family::Activity
    }

    pub(crate) fn family(&self) -> Family {
        let mut parts = self.arn.split(':');
        let is_states = parts.nth(2) == Some("states");
        match (is_states, parts.nth(2)) {
            (true, Some("activity")) => Family::Activity,
            (true, Some(_)) => Family::Service,
            _ => Family::Lambda,
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.arn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_has_its_service_its_action_and_its_pattern() {
        let resource = Resource::new("arn:aws:states:::sqs:sendMessage.waitForTaskToken");
        assert_eq!(resource.service(), Some(("sqs", "sendMessage.waitForTaskToken")));
        assert_eq!(resource.pattern(), Pattern::Callback);
        let resource = Resource::new("arn:aws:states:::states:startExecution.sync:2");
        assert_eq!(resource.service(), Some(("states", "startExecution.sync:2")));
        assert_eq!(resource.pattern(), Pattern::RunJob);
        let resource = Resource::new("arn:aws:states:::aws-sdk:dynamodb:putItem");
        assert_eq!(resource.service(), Some(("aws-sdk:dynamodb", "putItem")));
        let function = Resource::new("arn:aws:lambda:eu-west-1:1:function:charge");
        assert_eq!((function.service(), function.family()), (None, Family::Lambda));
        let activity = Resource::new("arn:aws:states:eu-west-1:1:activity:review");
        assert_eq!(activity.family(), Family::Activity);
    }
}
