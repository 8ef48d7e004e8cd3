//! The template's parameters, and the conditions, rules and globals that derive from them.

use std::time::Duration;

use chorus_kernel::IDEMPOTENCY_TABLE;
use chorus_table::policy;
use serde_json::{Map, Value, json};

use super::topology::Topology;
use super::{Stack, outside, partners};
use crate::PartnerApi;
use crate::constructs::{ALARM_TOPIC, QUEUE_CONCURRENCY};
use crate::intrinsics::{equals, given, only_if, reference};
use crate::machine::Machine;
use crate::names;
use crate::template::Parameter;

pub(crate) const IS_PROD: &str = "IsProd";
/// The template's condition under which callers of the API get their tokens from the stack's own
/// user pool.
pub(crate) const OWN_POOL: &str = "OwnUserPool";

/// The parameter with the ARN of the KMS key that encrypts people's keys.
pub(crate) const KEYS_KMS_KEY: &str = "PersonKeysKmsKey";

/// The template's condition that is true if [`KEYS_KMS_KEY`] is set.
pub(crate) const OWN_KMS_KEY: &str = "HasPersonKeysKmsKey";

/// The template's condition under which the events' schemas are registered.
pub(crate) const HAS_SCHEMA_REGISTRY: &str = "HasSchemaRegistry";

/// The parameter that selects which events of executions are logged.
pub(crate) const MACHINE_LOG_LEVEL: &str = "MachineLogLevel";

const SCHEMA_REGISTRY: &str = "RegisterSchemas";

/// The retention periods that CloudWatch supports, in days.
const LOG_DAYS: &[&str] = &["1", "3", "5", "7", "14", "30", "60", "90", "180", "365", "731"];

/// The log levels that Lambda supports for a function. A filter for single modules, as `RUST_LOG`
/// allows, is not among them.
const LOG_LEVELS: &[&str] = &["ERROR", "WARN", "INFO", "DEBUG", "TRACE"];

/// The parameter that limits how many instances of each function run at the same time.
const FUNCTION_CONCURRENCY: &str = "FunctionConcurrency";

/// The template's condition that is true if [`FUNCTION_CONCURRENCY`] is set.
const LIMITS_FUNCTIONS: &str = "HasFunctionConcurrency";

/// All parameters of the template. The defaults suffice for a deployment.
pub(crate) fn all(stack: &Stack, topology: &Topology) -> Vec<Parameter> {
    let machines = &topology.machines;
    let partners = stack.application.partners.iter();
    let of_partners = partners.flat_map(|api| partners::parameters(stack.table.rows, api));
    let mut all = common(stack);
    all.extend(of_partners);
    all.extend(topology.outside_buses().into_iter().map(outside::parameter));
    all.extend(topology.senders().into_iter().map(outside::sender));
    if stack.has_api() {
        all.extend(of_api());
    }
    if !machines.is_empty() {
        let about = "Which events of state machines are logged; their data never is";
        let level = Parameter::text(MACHINE_LOG_LEVEL, about, "ERROR");
        all.push(level.one_of(&["OFF", "FATAL", "ERROR", "ALL"]));
    }
    if stack.application.schema_registry.is_some() {
        let about = "Whether the events' schemas are in EventBridge's schema registry";
        all.push(Parameter::text(SCHEMA_REGISTRY, about, "true").one_of(&["true", "false"]));
    }
    if stack.keeps_keys() {
        let about = "The ARN of the KMS key that encrypts people's keys; if empty, AWS's own key";
        all.push(Parameter::text(KEYS_KMS_KEY, about, ""));
    }
    all.extend(limits(machines));
    all.extend(stack.application.parameters.iter().cloned());
    all
}

/// A parameter for each timeout that a state machine leaves to the deployment.
fn limits(machines: &[Machine]) -> impl Iterator<Item = Parameter> {
    machines.iter().flat_map(|machine| {
        machine.spec.limits.iter().map(|(name, seconds)| {
            let about = limit(machine.spec.name, name);
            Parameter::text(name, &about, &seconds.to_string()).number()
        })
    })
}

/// Describes a timeout parameter, such as `ReviewTimeoutSeconds` of `CollectPayment`.
fn limit(machine: &str, name: &str) -> String {
    let words = names::kebab(name.trim_end_matches("Seconds")).replace('-', " ");
    format!("The {words} of {machine}, in seconds")
}

fn common(stack: &Stack) -> Vec<Parameter> {
    let text = Parameter::text;
    vec![
        text("Stage", &stage(stack), "dev").one_of(&["dev", "prod"]),
        text("Architecture", "The processor architecture of the functions", "arm64")
            .one_of(&["arm64", "x86_64"]),
        text("MemorySize", "Memory of each function in MiB; its CPU is in proportion", "256")
            .number(),
        text(FUNCTION_CONCURRENCY, "Instances of each function at a time; empty for no limit", ""),
        text(
            QUEUE_CONCURRENCY,
            "Instances of a function that work on one queue at a time, from 2 to 1000",
            &policy::QUEUE_CONCURRENCY.to_string(),
        )
        .number(),
        text("LogLevel", "The log level of functions", "INFO").one_of(LOG_LEVELS),
        text("LogRetentionDays", "For how many days logs are kept", "30").one_of(LOG_DAYS),
        text("ArchiveDays", "For how many days events can be replayed", &days(policy::ARCHIVE))
            .number(),
        text(ALARM_TOPIC.0, "The SNS topic that alarms are sent to", ""),
    ]
}

/// Returns the number of whole days in a duration, as text.
fn days(duration: Duration) -> String {
    (duration.as_secs() / 86_400).to_string()
}

fn of_api() -> [Parameter; 4] {
    let text = Parameter::text;
    [
        text(
            "JwtIssuer",
            "The issuer of callers' tokens; if empty, the stack creates a user pool",
            "",
        ),
        text("JwtAudience", "The audience that tokens of JwtIssuer must name", "chorus"),
        text("JwtNameClaim", "The claim with a caller's name: a customer's id", "username"),
        text("JwtRolesClaim", "The claim with a caller's roles", "cognito:groups"),
    ]
}

/// The partners that every deployment needs.
fn needed_partners(stack: &Stack) -> impl Iterator<Item = &PartnerApi> {
    let needed = |api: &&PartnerApi| !partners::is_optional(stack.table.rows, api.partner);
    stack.application.partners.iter().filter(needed)
}

/// The description of the parameter `Stage`.
fn stage(stack: &Stack) -> String {
    let partners =
        needed_partners(stack).map(|api| format!("a {}", api.partner.name.replace('-', " ")));
    let own = stack.application.prod_needs.iter().map(|name| (*name).to_owned());
    let needs: Vec<String> = partners.chain(own).collect();
    match needs.join(", ") {
        needs if needs.is_empty() => "prod protects tables from deletion".to_owned(),
        needs => format!("prod protects tables from deletion, and requires {needs}"),
    }
}

/// The template's `Rules`, by which CloudFormation checks the parameters; null if there are none.
pub(crate) fn rules(stack: &Stack) -> Value {
    let assertion = |condition: Value, needed: &str| {
        let refused = json!({ "Fn::Not": [condition] });
        json!({ "Assert": refused, "AssertDescription": format!("prod needs {needed}") })
    };
    let partners = needed_partners(stack).map(|api| {
        let endpoint = api.name("Endpoint");
        assertion(equals(&endpoint, &api.placeholder_endpoint()), &endpoint)
    });
    let own = stack.application.prod_needs.iter().map(|name| assertion(equals(name, ""), name));
    let assertions: Vec<Value> = partners.chain(own).collect();
    if assertions.is_empty() {
        return Value::Null;
    }
    json!({
        "ProdIsClosed": { "RuleCondition": equals("Stage", "prod"), "Assertions": assertions },
    })
}

/// The conditions that derive from the parameters.
pub(crate) fn conditions(stack: &Stack, topology: &Topology) -> Map<String, Value> {
    let mut conditions: Map<String, Value> =
        stack.application.partners.iter().flat_map(partners::conditions).collect();
    conditions.extend(partners::presence(stack.table.rows, &stack.application.partners));
    conditions.extend(topology.outside_buses().into_iter().map(outside::condition));
    conditions.extend(topology.senders().into_iter().map(outside::admits));
    let mut add = |name: &str, condition| conditions.insert(name.to_owned(), condition);
    add(IS_PROD, equals("Stage", "prod"));
    add(ALARM_TOPIC.1, given(ALARM_TOPIC.0));
    add(LIMITS_FUNCTIONS, given(FUNCTION_CONCURRENCY));
    if stack.has_api() {
        add(OWN_POOL, equals("JwtIssuer", ""));
    }
    if stack.application.schema_registry.is_some() {
        add(HAS_SCHEMA_REGISTRY, equals(SCHEMA_REGISTRY, "true"));
    }
    if stack.keeps_keys() {
        add(OWN_KMS_KEY, given(KEYS_KMS_KEY));
    }
    for (name, condition) in &stack.application.conditions {
        add(name, condition.clone());
    }
    conditions
}

/// The settings that all functions share.
pub(crate) fn globals() -> Value {
    json!({
        "Function": {
            "Runtime": "provided.al2023",
            "Handler": "bootstrap",
            "Architectures": [reference("Architecture")],
            "MemorySize": reference("MemorySize"),
            "Timeout": policy::FUNCTION_TIMEOUT.as_secs(),
            "ReservedConcurrentExecutions":
                only_if(LIMITS_FUNCTIONS, reference(FUNCTION_CONCURRENCY)),
            "Tracing": "Active",
            // The level WARN leaves out Lambda's own log lines about each invocation, which would
            // cost as much as our log lines, and contain less.
            "LoggingConfig": {
                "LogFormat": "JSON",
                "ApplicationLogLevel": reference("LogLevel"),
                "SystemLogLevel": "WARN",
            },
            "Environment": {
                "Variables": {
                    "BUS_NAME": reference(names::BUS),
                    names::table_variable(IDEMPOTENCY_TABLE.name):
                        reference(&names::table(IDEMPOTENCY_TABLE.name)),
                    "RUST_LOG": reference("LogLevel"),
                },
            },
        },
    })
}
