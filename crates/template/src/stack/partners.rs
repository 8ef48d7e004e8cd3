//! The credentials, the address and the rules of each partner whose HTTP API the bus calls.

use chorus_table::policy::{API_DESTINATION, CALLS_PER_SECOND};
use chorus_table::{Partner, RowSpec, Rule as EventRule};
use serde_json::{Map, Value, json};

use super::topology::{self, Topology};
use crate::constructs::{
    ApiDestination, Connection, Principal, Retry, Role, Rule, RuleTarget, Statement,
};
use crate::intrinsics::{arn, either, equals, given, reference, substitute};
use crate::template::Parameter;
use crate::{PartnerApi, Template, names};

/// The parameter whose name has this suffix limits the calls per second to a partner.
const RATE: &str = "CallsPerSecond";

/// The parameter whose name has this suffix limits how many times a call to a partner is retried.
const RETRIES: &str = "Retries";

/// The types of authorization that EventBridge's connections support.
const AUTHORIZATIONS: &[&str] = &["API_KEY", "BASIC", "OAUTH_CLIENT_CREDENTIALS"];

pub(crate) fn add(template: &mut Template, topology: &Topology, api: &PartnerApi) {
    template.section(api.story.clone());
    for (id, resource) in &api.resources {
        template.add_resource(*id, resource);
    }
    let (connection, destination) = (api.name("Connection"), api.name(""));
    let kind = reference(&api.name("AuthType"));
    template.add(connection.clone(), &Connection { kind, credentials: credentials(api) });
    let address = ApiDestination {
        connection,
        endpoint: substitute(format!("${{{}}}/*", api.name("Endpoint"))),
        calls_per_second: reference(&api.name(RATE)),
    };
    template.add(destination.clone(), &address);
    let call = Statement::new("Call", &["events:InvokeApiDestination"], vec![arn(&destination)]);
    let role = Role { principal: Principal::EventBridge, statements: vec![call] };
    template.add(api.name("Role"), &role);
    for rule in topology.calls(api.partner) {
        if let Some(path) = api.path(rule.row.action) {
            template.add(topology::resource(rule), &call_of(topology, rule, api, path));
        }
    }
}

fn call_of(topology: &Topology, rule: &EventRule, api: &PartnerApi, path: &'static str) -> Rule {
    Rule {
        bus: names::BUS,
        name: rule.name.clone(),
        pattern: topology::pattern(rule),
        target: RuleTarget::Partner {
            destination: api.name(""),
            role: api.name("Role"),
            path,
            body: api.partner.body,
        },
        state: topology.state(rule),
        retry: Retry { retries: reference(&api.name(RETRIES)), ..API_DESTINATION.into() },
        dead_letters: topology.dead_letters(rule),
    }
}

/// Our credentials at a partner, in one of three forms. The template's conditions select the form
/// that belongs to the deployment's type of authorization, one of [`AUTHORIZATIONS`].
fn credentials(api: &PartnerApi) -> Value {
    let user = || reference(&api.name("User"));
    let stored = format!("{{{{resolve:secretsmanager:${{{}}}}}}}", api.name("SecretArn"));
    let stored = substitute(stored);
    let secret = || either(&has_secret_arn(api), stored.clone(), reference(&api.name("Secret")));
    let key = json!({
        "ApiKeyAuthParameters": { "ApiKeyName": user(), "ApiKeyValue": secret() },
    });
    let password = json!({
        "BasicAuthParameters": { "Username": user(), "Password": secret() },
    });
    let client = json!({ "ClientID": user(), "ClientSecret": secret() });
    let token = json!({
        "OAuthParameters": {
            "AuthorizationEndpoint": reference(&api.name("TokenEndpoint")),
            "HttpMethod": "POST",
            "ClientParameters": client,
            "OAuthHttpParameters": {
                "BodyParameters": [{ "Key": "grant_type", "Value": "client_credentials" }],
            },
        },
    });
    let otherwise = either(&api.name("WantsPassword"), password, token);
    either(&api.name("WantsKey"), key, otherwise)
}

/// The name of the template's condition that is true if the partner's credential is a secret in
/// Secrets Manager.
fn has_secret_arn(api: &PartnerApi) -> String {
    format!("Has{}", api.name("SecretArn"))
}

pub(crate) fn parameters(rows: &[RowSpec], api: &PartnerApi) -> Vec<Parameter> {
    let who = api.partner.name.replace('-', " ");
    let before: String = api.paths().take(1).map(|path| format!(" before /{path}")).collect();
    let unless =
        if is_optional(rows, api.partner) { "; the default means that there is none" } else { "" };
    let instead = api.name("Secret");
    let text = |name: &str, description: &str, default: &str| {
        Parameter::text(&api.name(name), description, default)
    };
    let mut parameters = vec![
        text(
            "Endpoint",
            &format!("The {who}'s API: the address{before}{unless}"),
            &api.placeholder_endpoint(),
        ),
        text("AuthType", &format!("How calls of the {who} are authorized"), AUTHORIZATIONS[0])
            .one_of(AUTHORIZATIONS),
        text("User", "The header of the key, the user name, or the client id", "x-api-key"),
        text("Secret", "The key, the password, or the client secret", "not-set").secret(),
        text("SecretArn", &format!("A secret in Secrets Manager instead of {instead}"), ""),
        text(
            "TokenEndpoint",
            "OAuth only: where tokens are issued",
            &format!("{}/token", api.placeholder_endpoint()),
        ),
        text(
            RATE,
            &format!("The most calls of the {who} in one second; further calls wait"),
            &CALLS_PER_SECOND.to_string(),
        )
        .number(),
    ];
    // A partner that no rule calls gets no such parameter, because nothing would use the parameter.
    if api.paths().next().is_some() {
        parameters.push(
            text(
                RETRIES,
                &format!("How many times a failed call to the {who} is retried, within a day"),
                &API_DESTINATION.retries().to_string(),
            )
            .number(),
        );
    }
    parameters
}

pub(crate) fn conditions(api: &PartnerApi) -> Map<String, Value> {
    Map::from_iter([
        (api.name("WantsKey"), equals(&api.name("AuthType"), AUTHORIZATIONS[0])),
        (api.name("WantsPassword"), equals(&api.name("AuthType"), AUTHORIZATIONS[1])),
        (has_secret_arn(api), given(&api.name("SecretArn"))),
    ])
}

/// The name of the template's condition that is true if the endpoint of an optional partner is set.
pub(crate) fn has_endpoint(partner: Partner) -> String {
    format!("Has{}", names::pascal(partner.name))
}

/// For each partner that a deployment can do without: the template's condition that is true if the
/// partner's endpoint is set.
pub(crate) fn presence(rows: &[RowSpec], apis: &[PartnerApi]) -> Map<String, Value> {
    let optional = apis.iter().filter(|api| is_optional(rows, api.partner));
    let condition = |api: &PartnerApi| {
        let nowhere = equals(&api.name("Endpoint"), &api.placeholder_endpoint());
        (has_endpoint(api.partner), json!({ "Fn::Not": [nowhere] }))
    };
    optional.map(condition).collect()
}

/// Whether a deployment can do without a partner: only optional rows call it.
pub(crate) fn is_optional(rows: &[RowSpec], partner: Partner) -> bool {
    let mut calling = rows.iter().filter(|row| row.partner() == Some(partner)).peekable();
    calling.peek().is_some() && calling.all(|row| row.optional)
}
