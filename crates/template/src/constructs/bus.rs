//! The bus, the policy for events from other AWS accounts, and the archive of the bus's events.

use serde_json::{Value, json};

use super::{Construct, Resource};
use crate::intrinsics::{arn, either, reference, substitute};

/// A custom event bus that is named after the stack.
#[derive(Debug)]
pub struct Bus;

impl Construct for Bus {
    fn resource(&self) -> Resource {
        Resource::new("AWS::Events::EventBus", json!({ "Name": substitute("${AWS::StackName}") }))
    }
}

/// A statement of a bus's policy. The statement allows an AWS account to put events on the bus, but
/// only events with this source and one of these detail types.
#[derive(Debug)]
pub struct BusPolicy {
    pub bus: &'static str,
    pub sid: String,
    /// The account's id.
    pub account: Value,
    pub source: &'static str,
    pub detail_types: Vec<&'static str>,
    /// Two names in the template: the condition under which the account has to belong to an
    /// organization, and the parameter with the organization's id.
    pub organization: Option<(&'static str, &'static str)>,
}

impl Construct for BusPolicy {
    fn resource(&self) -> Resource {
        // A request with several entries has several sources and detail types: `ForAllValues`
        // checks each of them. `ForAllValues` also accepts a request without any source or detail
        // type, so the `Null` condition rejects such a request.
        let mut named = json!({
            "ForAllValues:StringEquals": {
                "events:source": [self.source],
                "events:detail-type": self.detail_types,
            },
            "Null": { "events:source": "false", "events:detail-type": "false" },
        });
        if let Some((condition, parameter)) = self.organization {
            let mut member = named.clone();
            member["StringEquals"] = json!({ "aws:PrincipalOrgID": reference(parameter) });
            named = either(condition, member, named);
        }
        let properties = json!({
            "EventBusName": reference(self.bus),
            "StatementId": self.sid,
            "Statement": {
                "Effect": "Allow",
                "Action": "events:PutEvents",
                "Principal": { "AWS": self.account },
                "Resource": arn(self.bus),
                "Condition": named,
            },
        });
        Resource::new("AWS::Events::EventBusPolicy", properties)
    }
}

/// An archive that keeps a bus's events for replays.
#[derive(Debug)]
pub struct Archive {
    pub bus: &'static str,
    pub pattern: Value,
    /// The parameter with the number of days for which events are kept.
    pub days: &'static str,
}

impl Construct for Archive {
    fn resource(&self) -> Resource {
        let properties = json!({
            "SourceArn": arn(self.bus),
            "EventPattern": self.pattern,
            "RetentionDays": reference(self.days),
        });
        Resource::new("AWS::Events::Archive", properties)
    }
}
