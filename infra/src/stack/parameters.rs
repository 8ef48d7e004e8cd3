//! What a person may choose, and what follows from it for all functions.

use chorus_kernel::IDEMPOTENCY_TABLE;
use serde_json::{Map, Value, json};

use crate::constructs::ALARM_TOPIC;
use crate::intrinsics::{equals, given, reference};
use crate::machine::Machine;
use crate::names;
use crate::template::Parameter;

/// Holds in production.
pub(crate) const IS_PROD: &str = "IsProd";
/// Holds where callers of the API need a token.
pub(crate) const HAS_JWT: &str = "HasJwt";
/// Holds where nobody gave the secret that webhooks are signed with.
pub(crate) const GENERATES_WEBHOOK_SECRET: &str = "GeneratesWebhookSecret";
/// Holds where the carrier wants a key.
pub(crate) const CARRIER_WANTS_KEY: &str = "CarrierWantsKey";
/// Holds where the carrier wants a name and a password.
pub(crate) const CARRIER_WANTS_PASSWORD: &str = "CarrierWantsPassword";
/// Holds where the carrier's credential lies in Secrets Manager.
pub(crate) const HAS_CARRIER_SECRET_ARN: &str = "HasCarrierSecretArn";

/// The parameter that says which events of executions are logged.
pub(crate) const MACHINE_LOG_LEVEL: &str = "MachineLogLevel";

/// The address that stands for no carrier at all.
const NO_CARRIER: &str = "https://carrier.example";

/// The days that CloudWatch keeps logs for.
const LOG_DAYS: &[&str] = &["1", "3", "5", "7", "14", "30", "60", "90", "180", "365", "731"];

/// What the functions' logs know, and nothing else: there is no filter by module.
const LOG_LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace"];

/// Every parameter. All have a default that works.
pub(crate) fn all(machines: &[Machine]) -> Vec<Parameter> {
    chosen().into_iter().chain(limits(machines)).collect()
}

/// How long the waits of state machines last: each limit that their definitions leave open.
fn limits(machines: &[Machine]) -> impl Iterator<Item = Parameter> {
    machines.iter().flat_map(|machine| {
        machine.spec.limits.iter().map(|(name, seconds)| Parameter {
            name,
            description: limit(machine.spec.name, name),
            default: seconds.to_string(),
            number: true,
            ..Parameter::default()
        })
    })
}

/// `ReviewTimeoutSeconds` of `CollectPayment` in words.
fn limit(machine: &str, name: &str) -> String {
    let words = names::kebab(name.trim_end_matches("Seconds")).replace('-', " ");
    format!("The {words} of {machine}, in seconds")
}

fn chosen() -> Vec<Parameter> {
    let text = |name, description: &str, default: &str| Parameter {
        name,
        description: description.to_owned(),
        default: default.to_owned(),
        ..Parameter::default()
    };
    let choice = |name, description, default, allowed| Parameter {
        allowed,
        ..text(name, description, default)
    };
    let number =
        |name, description, default| Parameter { number: true, ..text(name, description, default) };
    let secret =
        |name, description, default| Parameter { secret: true, ..text(name, description, default) };
    vec![
        choice(
            "Stage",
            "prod protects tables from deletion, and insists on tokens and a carrier",
            "dev",
            &["dev", "prod"],
        ),
        choice("Architecture", "What the functions are built for", "arm64", &["arm64", "x86_64"]),
        number("MemorySize", "Memory of each function in MiB; its CPU is in proportion", "256"),
        choice("LogLevel", "The least that functions log", "info", LOG_LEVELS),
        choice(
            MACHINE_LOG_LEVEL,
            "Which events of state machines are logged; what they are about never is",
            "ERROR",
            &["OFF", "FATAL", "ERROR", "ALL"],
        ),
        choice("LogRetentionDays", "For how many days logs are kept", "30", LOG_DAYS),
        number("ArchiveDays", "For how many days events can be replayed", "14"),
        text("CarrierEndpoint", "The carrier's API: the address before /deliveries", NO_CARRIER),
        choice(
            "CarrierAuthType",
            "How the carrier knows us",
            "API_KEY",
            &["API_KEY", "BASIC", "OAUTH_CLIENT_CREDENTIALS"],
        ),
        text("CarrierUser", "The header of the key, the user name, or the client id", "x-api-key"),
        secret("CarrierSecret", "The key, the password, or the client secret", "not-set"),
        text("CarrierSecretArn", "A secret in Secrets Manager instead of CarrierSecret", ""),
        text(
            "CarrierTokenEndpoint",
            "OAuth only: where tokens are issued",
            "https://carrier.example/token",
        ),
        secret("WebhookSecret", "The carrier signs webhooks with it; made where empty", ""),
        text("JwtIssuer", "Callers need a token of this issuer; where empty, none", ""),
        text("JwtAudience", "The audience that tokens must name", "chorus"),
        text(ALARM_TOPIC.0, "The SNS topic that alarms are sent to", ""),
    ]
}

/// What must hold of the parameters together.
pub(crate) fn rules() -> Value {
    let assertion = |condition: Value, description: &str| {
        let refused = json!({ "Fn::Not": [condition] });
        json!({ "Assert": refused, "AssertDescription": description })
    };
    json!({
        "ProdIsClosed": {
            "RuleCondition": equals("Stage", "prod"),
            "Assertions": [
                assertion(equals("JwtIssuer", ""), "prod needs a JwtIssuer"),
                assertion(equals("CarrierEndpoint", NO_CARRIER), "prod needs a CarrierEndpoint"),
            ],
        },
    })
}

/// What follows from the parameters.
pub(crate) fn conditions() -> Map<String, Value> {
    [
        (IS_PROD, equals("Stage", "prod")),
        (HAS_JWT, given("JwtIssuer")),
        (ALARM_TOPIC.1, given(ALARM_TOPIC.0)),
        (GENERATES_WEBHOOK_SECRET, equals("WebhookSecret", "")),
        (CARRIER_WANTS_KEY, equals("CarrierAuthType", "API_KEY")),
        (CARRIER_WANTS_PASSWORD, equals("CarrierAuthType", "BASIC")),
        (HAS_CARRIER_SECRET_ARN, given("CarrierSecretArn")),
    ]
    .into_iter()
    .map(|(name, condition)| (name.to_owned(), condition))
    .collect()
}

/// What all functions have in common.
pub(crate) fn globals() -> Value {
    json!({
        "Function": {
            "Runtime": "provided.al2023",
            "Handler": "bootstrap",
            "Architectures": [reference("Architecture")],
            "MemorySize": reference("MemorySize"),
            "Timeout": super::services::TIMEOUT_SECONDS,
            "Tracing": "Active",
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
