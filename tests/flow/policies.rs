//! The template and the engine's topology set the same limits for deliveries of events. The
//! simulation runs on the engine's topology, so the results of the simulation hold for the
//! deployment.

use std::collections::BTreeSet;
use std::time::Duration;

use chorus_events::table::TABLE;
use chorus_kernel::{IDEMPOTENCY_TABLE, RECORD_LIFETIME};
use chorus_local::{LocalConfig, Policies, Route, Target, Topology};
use chorus_table::policy::{self, RetryPolicy};
use chorus_template::synthesize;
use serde_json::{Value, json};

/// The docs that list where the engine differs from AWS.
const DIFFERENCES: &str = include_str!("../../docs/RELIABILITY.md");

/// The limits on deliveries of events that AWS has and the engine lacks. The docs list each of
/// these limits.
const ONLY_ON_AWS: [&str; 5] = [
    "a rule's delivery to a function or a queue",
    "event age of a function",
    "invocations at the same time",
    "message retention",
    "requests to the API",
];

struct Deployed(Value);

impl Deployed {
    fn new() -> Self {
        Self(synthesize(&chorus_infra::shop(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))).document())
    }

    fn of(&self, id: &str) -> &Value {
        let properties = &self.0["Resources"][id]["Properties"];
        assert!(properties.is_object(), "there is no resource {id}");
        properties
    }

    /// Returns `value` if it is a number, or else the default of the parameter that `value` names.
    fn number(&self, value: &Value) -> Value {
        match value["Ref"].as_str() {
            None => value.clone(),
            Some(parameter) => {
                let default = &self.0["Parameters"][parameter]["Default"];
                let number = default.as_str().map(str::parse::<u64>);
                number.and_then(Result::ok).map_or(default.clone(), |number| json!(number))
            }
        }
    }

    /// Returns the maximum number of retries and the maximum event age of a retry policy.
    fn retry(&self, policy: &Value) -> (Value, Value) {
        let number = |name: &str| self.number(&policy[name]);
        (number("MaximumRetryAttempts"), number("MaximumEventAgeInSeconds"))
    }

    /// Returns the properties of the only resource for which `wanted` holds.
    fn find(&self, wanted: impl Fn(&Value) -> bool) -> &Value {
        let mut found = self.0["Resources"].as_object().unwrap().values().filter(|it| wanted(it));
        let resource = found.next().expect("there is such a resource");
        assert!(found.next().is_none(), "there is one such resource");
        &resource["Properties"]
    }

    fn target_of(&self, route: &Route) -> &Value {
        let rule = self.find(|it| it["Properties"]["Name"] == route.rule.name.as_str());
        &rule["Targets"][0]
    }

    fn function_of(&self, service: &str) -> &Value {
        self.find(|it| {
            it["Properties"]["FunctionName"]["Fn::Sub"] == format!("${{AWS::StackName}}-{service}")
        })
    }
}

fn attempts_and_age(policy: &RetryPolicy) -> (Value, Value) {
    (json!(policy.max_attempts - 1), json!(policy.max_age.as_secs()))
}

#[test]
fn the_template_and_the_engine_have_the_same_policies() {
    let deployed = Deployed::new();
    let config = LocalConfig::new(&TABLE, Vec::new());
    let topology = Topology::of(TABLE.rules(), &Policies::default());
    let globals = &deployed.0["Globals"]["Function"];
    let timeout = config.function_timeout.map(|timeout| timeout.as_secs());
    assert_eq!(globals["Timeout"], json!(timeout), "how long a function may take");
    let archive = deployed.number(&deployed.of("Archive")["RetentionDays"]);
    assert_eq!(archive, json!(config.retention.as_secs() / 86_400), "days of the archive");
    assert_eq!(config.retention, policy::ARCHIVE);
    remembers_for_as_long(&deployed, policy::RECORDS);
    for route in &topology.routes {
        let row = route.row();
        let name = &route.rule.name;
        match route.target {
            Target::Function => {
                let function = deployed.function_of(row.service.name);
                let invoked = &function["EventInvokeConfig"];
                assert_eq!(deployed.retry(invoked), attempts_and_age(&route.retry), "{name}");
                let failed = &invoked["DestinationConfig"]["OnFailure"]["Destination"];
                let id = failed["Fn::GetAtt"][0].as_str().unwrap();
                let queue = &topology.queues[route.redrive.expect("it is tried again")];
                assert_eq!(queue.name, format!("{}-redrive", row.service.name), "{name}");
                has_the_policy_of(&deployed, id, queue, &policy::REDRIVE);
            }
            Target::Partner => {
                let target = deployed.target_of(route);
                assert_eq!(
                    deployed.retry(&target["RetryPolicy"]),
                    attempts_and_age(&route.retry),
                    "{name}"
                );
                let destination = target["Arn"]["Fn::GetAtt"][0].as_str().unwrap();
                let rate = &deployed.of(destination)["InvocationRateLimitPerSecond"];
                assert_eq!(deployed.number(rate), json!(route.calls_per_second), "{name}");
            }
            Target::Queue(queue) => {
                let queue = &topology.queues[queue];
                let target = deployed.target_of(route);
                let id = target["Arn"]["Fn::GetAtt"][0].as_str().unwrap();
                assert_eq!(queue.name, row.service.name, "{name}");
                has_the_policy_of(&deployed, id, queue, &policy::QUEUE);
            }
        }
    }
}

/// Checks that the deployed table deletes idempotency records by the attribute that the kernel
/// writes, and that the kernel's records last for `lifetime`.
#[track_caller]
fn remembers_for_as_long(deployed: &Deployed, lifetime: Duration) {
    let ttl = IDEMPOTENCY_TABLE.ttl.expect("records expire");
    let forgets = &deployed.of("IdempotencyTable")["TimeToLiveSpecification"];
    assert_eq!(*forgets, json!({ "AttributeName": ttl, "Enabled": true }));
    assert_eq!(RECORD_LIFETIME.unsigned_abs(), lifetime.as_secs());
}

#[test]
fn dead_letters_that_a_row_consumes_are_tried_as_the_messages_of_any_queue() {
    let (deployed, topology) = (Deployed::new(), Topology::of(TABLE.rules(), &Policies::default()));
    let mut consumed = 0;
    for route in &topology.routes {
        let queue = &topology.queues[route.dead_letters];
        if queue.consumer.is_some() {
            consumed += 1;
            let id = format!("{}DeadLetters", route.row().action);
            has_the_policy_of(&deployed, &id, queue, &policy::QUEUE);
        }
    }
    assert_eq!(consumed, 1, "StartDelivery's");
}

#[track_caller]
fn has_the_policy_of(
    deployed: &Deployed,
    id: &str,
    queue: &chorus_local::QueueSpec,
    adapter: &policy::QueuePolicy,
) {
    let properties = deployed.of(id);
    assert_eq!(properties["VisibilityTimeout"], json!(queue.visibility.as_secs()), "{id}");
    let receives = &properties["RedrivePolicy"]["maxReceiveCount"];
    assert_eq!(*receives, json!(queue.retry.max_attempts), "{id}");
    assert_eq!(properties["MessageRetentionPeriod"], json!(policy::RETENTION.as_secs()), "{id}");
    // On AWS, the function that consumes the queue delays each retry by `adapter.retry`.
    assert_eq!(queue.retry, adapter.retry, "{id}");
    let functions = deployed.0["Resources"].as_object().unwrap().values();
    let events = functions.filter_map(|it| it["Properties"]["Events"].as_object());
    let received: Vec<&Value> = events
        .flat_map(|events| events.values())
        .map(|event| &event["Properties"])
        .filter(|received| received["Queue"]["Fn::GetAtt"][0] == id)
        .collect();
    let [received] = &received[..] else { panic!("{id} has one consumer: {received:?}") };
    assert_eq!(received["BatchSize"], json!(adapter.batch), "{id}");
    let at_once = deployed.number(&received["ScalingConfig"]["MaximumConcurrency"]);
    assert_eq!(at_once, json!(policy::QUEUE_CONCURRENCY), "{id}");
}

/// Checks that the template has no limit on deliveries of events beside those in `compared`. The
/// first test of this file compares these limits with the engine's limits; the docs list the limits
/// that the engine lacks.
#[test]
fn what_must_differ_is_one_list_in_the_docs_and_the_list_is_complete() {
    let differences: Vec<&str> = DIFFERENCES
        .split_once("\n## What differs between a laptop, the emulator and AWS\n")
        .map(|(_, section)| section.split("\n## ").next().unwrap_or_default())
        .expect("the docs have the list")
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
        .collect();
    for only in ONLY_ON_AWS {
        assert!(differences.contains(&only), "the docs do not tell of {only}: {differences:?}");
    }
    let mut limits = BTreeSet::new();
    let deployed = Deployed::new();
    for (kind, defaults) in deployed.0["Globals"].as_object().unwrap() {
        limits_of(&format!("Globals {kind}"), defaults, &mut limits);
    }
    for resource in deployed.0["Resources"].as_object().unwrap().values() {
        limits_of(
            resource["Type"].as_str().unwrap_or_default(),
            &resource["Properties"],
            &mut limits,
        );
    }
    let compared = [
        "AWS::Events::ApiDestination InvocationRateLimitPerSecond",
        "AWS::Events::Archive RetentionDays",
        "AWS::Events::Rule MaximumEventAgeInSeconds",
        "AWS::Events::Rule MaximumRetryAttempts",
        "AWS::SQS::Queue MessageRetentionPeriod",
        "AWS::SQS::Queue VisibilityTimeout",
        "AWS::SQS::Queue maxReceiveCount",
        "AWS::Serverless::Function BatchSize",
        "AWS::Serverless::Function MaximumConcurrency",
        "AWS::Serverless::Function MaximumEventAgeInSeconds",
        "AWS::Serverless::Function MaximumRetryAttempts",
        "AWS::Serverless::HttpApi ThrottlingBurstLimit",
        "AWS::Serverless::HttpApi ThrottlingRateLimit",
        "Globals Function ReservedConcurrentExecutions",
    ];
    let compared: BTreeSet<String> = compared.map(ToOwned::to_owned).into();
    assert_eq!(limits, compared, "a limit that nobody compares, or that is no more");
}

/// Collects the names of the properties that set a numeric limit on deliveries of events.
fn limits_of(kind: &str, value: &Value, limits: &mut BTreeSet<String>) {
    for (name, inside) in value.as_object().into_iter().flatten() {
        let parts = [
            "Maximum",
            "max",
            "Rate",
            "Burst",
            "Visibility",
            "Retention",
            "Batch",
            "Concurrency",
            "Concurrent",
        ];
        let is_limit = parts.iter().any(|part| name.contains(part));
        if is_limit && is_number(inside) && !kind.contains("Logs") && !kind.contains("CloudWatch") {
            limits.insert(format!("{kind} {name}"));
        }
        limits_of(kind, inside, limits);
    }
    for inside in value.as_array().into_iter().flatten() {
        limits_of(kind, inside, limits);
    }
}

/// Whether a property is a number, a reference, or a condition whose values are numbers or
/// references.
fn is_number(value: &Value) -> bool {
    let chosen = value["Fn::If"].as_array();
    value.is_number()
        || value["Ref"].is_string()
        || chosen.is_some_and(|chosen| chosen.iter().skip(1).any(is_number))
}
