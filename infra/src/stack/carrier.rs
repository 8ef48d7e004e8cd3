//! The carrier: a partner that the bus calls, and that calls back with a signed webhook.

use chorus_table::Rule as EventRule;
use serde_json::{Value, json};

use super::parameters::{
    CARRIER_WANTS_KEY, CARRIER_WANTS_PASSWORD, GENERATES_WEBHOOK_SECRET, HAS_CARRIER_SECRET_ARN,
};
use super::topology::{self, Topology};
use crate::Template;
use crate::constructs::{
    ApiDestination, Connection, GeneratedSecret, Principal, Retry, Role, Rule, RuleTarget,
    Statement,
};
use crate::intrinsics::{arn, either, reference, substitute};
use crate::names;

const CONNECTION: &str = "CarrierConnection";
const DESTINATION: &str = "Carrier";
const ROLE: &str = "CarrierRole";
const WEBHOOK_SECRET: &str = "GeneratedWebhookSecret";

/// What the carrier can take.
const CALLS_PER_SECOND: u32 = 10;

pub(crate) fn add(template: &mut Template, topology: &Topology) {
    template.section(
        "The carrier: the bus calls its API, at most ten times a second, and four times within a\n\
         minute for one event; then the dead letters tell CancelDelivery. It calls back with a\n\
         webhook, signed with a secret that is made here unless one is given.",
    );
    let secret = GeneratedSecret { condition: GENERATES_WEBHOOK_SECRET };
    template.add(WEBHOOK_SECRET, &secret);
    let kind = reference("CarrierAuthType");
    template.add(CONNECTION, &Connection { kind, credentials: credentials() });
    let destination = ApiDestination {
        connection: CONNECTION,
        endpoint: substitute("${CarrierEndpoint}/*"),
        calls_per_second: CALLS_PER_SECOND,
    };
    template.add(DESTINATION, &destination);
    let call = Statement::new("Call", &["events:InvokeApiDestination"], vec![arn(DESTINATION)]);
    template.add(ROLE, &Role { principal: Principal::EventBridge, statements: vec![call] });
    for rule in topology.calls() {
        template.add(topology::resource(rule), &call_of(topology, rule));
    }
}

fn call_of(topology: &Topology, rule: &EventRule) -> Rule {
    Rule {
        bus: names::BUS,
        name: rule.name.clone(),
        pattern: topology::pattern(rule),
        target: RuleTarget::Partner { destination: DESTINATION, role: ROLE, path: path(rule) },
        retry: Retry::PARTNER,
        dead_letters: topology.dead_letters(rule),
    }
}

/// Where in its API the carrier takes what a row asks for.
fn path(rule: &EventRule) -> &'static str {
    match rule.row.action {
        "RecallDelivery" => "recalls",
        _ => "deliveries",
    }
}

/// What the carrier knows us by, for each of the three ways.
fn credentials() -> Value {
    let user = || reference("CarrierUser");
    let stored = substitute("{{resolve:secretsmanager:${CarrierSecretArn}}}");
    let secret = || either(HAS_CARRIER_SECRET_ARN, stored.clone(), reference("CarrierSecret"));
    let key = json!({
        "ApiKeyAuthParameters": { "ApiKeyName": user(), "ApiKeyValue": secret() },
    });
    let password = json!({
        "BasicAuthParameters": { "Username": user(), "Password": secret() },
    });
    let client = json!({ "ClientID": user(), "ClientSecret": secret() });
    let token = json!({
        "OAuthParameters": {
            "AuthorizationEndpoint": reference("CarrierTokenEndpoint"),
            "HttpMethod": "POST",
            "ClientParameters": client,
            "OAuthHttpParameters": {
                "BodyParameters": [{ "Key": "grant_type", "Value": "client_credentials" }],
            },
        },
    });
    either(CARRIER_WANTS_KEY, key, either(CARRIER_WANTS_PASSWORD, password, token))
}

/// The environment variable with the secret that the carrier signs its webhooks with.
pub(crate) fn webhook_secret() -> (String, Value) {
    let generated = substitute(format!("{{{{resolve:secretsmanager:${{{WEBHOOK_SECRET}}}}}}}"));
    let secret = either(GENERATES_WEBHOOK_SECRET, generated, reference("WebhookSecret"));
    ("WEBHOOK_SECRET".to_owned(), secret)
}

/// The resource of the generated secret, where a person can read it.
pub(crate) const fn generated_secret() -> &'static str {
    WEBHOOK_SECRET
}
