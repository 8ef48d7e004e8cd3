//! The global endpoint, which accepts events for the bus of one region, and replicates them to the
//! bus of the other region.

use serde_json::{Value, json};

use super::{HAS_ENDPOINT, SECONDARY, by_name, of_primary};
use crate::constructs::{Alarm, Construct, MINUTE, Principal, Resource, Role, Statement};
use crate::intrinsics::{arn, attribute, either, reference, substitute};
use crate::{Template, names};

const ENDPOINT: &str = "Endpoint";
const ROLE: &str = "EndpointRole";
const PASS_ROLE: &str = "EndpointPassRole";
const HEALTH: &str = "EndpointHealth";
const ALARM: &str = "BusLatencyAlarm";

/// The threshold for the average time, in milliseconds, that events wait before EventBridge first
/// tries to deliver them. AWS recommends this value.
const LATENCY: u32 = 30_000;

/// The id of the stack's global endpoint; empty if the stack has no endpoint. The secondary
/// region's stack has no endpoint, because an endpoint may send events to the primary region's bus.
/// When the secondary region has become the active one, it must not depend on that bus.
pub(super) fn id() -> Value {
    either(HAS_ENDPOINT, attribute(ENDPOINT, "EndpointId"), json!(""))
}

pub(super) fn add(template: &mut Template) {
    template.section(
        "The global endpoint: the primary region's functions put events to it, and it replicates the events\n\
         of each region's bus to the other. While the health check fails, the endpoint accepts events for\n\
         the secondary region's bus. Only an operator enables rules, never the endpoint.",
    );
    let mut add = |id: &str, resource: Resource, after: Option<&str>| {
        let mut resource = of_primary(resource, HAS_ENDPOINT).to_value();
        if let Some(after) = after {
            resource["DependsOn"] = json!(after);
        }
        if let Some((_, resources)) = template.sections.last_mut() {
            resources.push((id.to_owned(), resource));
        }
    };
    add(ALARM, latency().resource(), None);
    add(HEALTH, health(), None);
    add(ROLE, role(), None);
    add(PASS_ROLE, pass_role(), None);
    add(ENDPOINT, endpoint(), Some(PASS_ROLE));
}

/// An alarm that fires while EventBridge in this region delivers events late. A minute without data
/// does not count as late, because a bus without events has no data, and would otherwise count as
/// failed. So the alarm does not notice an outage in which the metric is missing: see
/// docs/TWO-REGIONS.md.
fn latency() -> Alarm {
    Alarm {
        name: "bus-latency".to_owned(),
        description: "EventBridge delivers events late in this region: docs/TWO-REGIONS.md"
            .to_owned(),
        metric: ("AWS/Events", "IngestionToInvocationStartLatency"),
        dimensions: Vec::new(),
        statistic: "Average",
        period: MINUTE,
        above: (LATENCY, 5),
    }
}

fn health() -> Resource {
    let alarm = json!({ "Name": reference(ALARM), "Region": reference("AWS::Region") });
    let properties = json!({
        "HealthCheckConfig": {
            "Type": "CLOUDWATCH_METRIC",
            "AlarmIdentifier": alarm,
            "InsufficientDataHealthStatus": "LastKnownStatus",
        },
    });
    Resource::new("AWS::Route53::HealthCheck", properties)
}

/// The role with which EventBridge replicates events: managed rules put the events to the buses of
/// both regions. The role's trust policy has no condition on the AWS account, because AWS documents
/// no such condition for endpoints.
fn role() -> Resource {
    let rules = "arn:${AWS::Partition}:events:*:${AWS::AccountId}:rule/${AWS::StackName}\
                 /GlobalEndpointManagedRule-*";
    let manage: &[&str] =
        &["events:DeleteRule", "events:PutRule", "events:PutTargets", "events:RemoveTargets"];
    let statements = vec![
        Statement::new("ManageReplication", manage, vec![substitute(rules)]),
        Statement::new("Replicate", &["events:PutEvents"], by_name::both_buses()),
    ];
    let mut role = Role { principal: Principal::EventBridge, statements }.resource();
    let trust = &mut role.properties["AssumeRolePolicyDocument"]["Statement"][0];
    if let Some(trust) = trust.as_object_mut() {
        trust.remove("Condition");
    }
    role
}

/// The permission to pass the endpoint's role to the managed rules. The permission is in a separate
/// policy, because a role cannot refer to itself.
fn pass_role() -> Resource {
    let to_events = json!({ "StringEquals": { "iam:PassedToService": "events.amazonaws.com" } });
    let pass = Statement::new("Pass", &["iam:PassRole"], vec![arn(ROLE)]).condition(to_events);
    let statements = [pass.to_value()];
    let properties = json!({
        "PolicyName": "pass",
        "PolicyDocument": { "Version": "2012-10-17", "Statement": statements },
        "Roles": [reference(ROLE)],
    });
    Resource::new("AWS::IAM::Policy", properties)
}

fn endpoint() -> Resource {
    let health = format!("arn:${{AWS::Partition}}:route53:::healthcheck/${{{HEALTH}}}");
    let properties = json!({
        "Name": substitute("${AWS::StackName}"),
        "Description": "Replicates every event to the bus of the other region",
        "EventBuses": [
            { "EventBusArn": arn(names::BUS) },
            { "EventBusArn": by_name::bus(SECONDARY) },
        ],
        "ReplicationConfig": { "State": "ENABLED" },
        "RoleArn": arn(ROLE),
        "RoutingConfig": {
            "FailoverConfig": {
                "Primary": { "HealthCheck": substitute(health) },
                "Secondary": { "Route": reference(SECONDARY) },
            },
        },
    });
    Resource::new("AWS::Events::Endpoint", properties)
}
