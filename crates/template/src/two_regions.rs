//! The template of a stack that is deployed in two regions, only one of which is active at a time.
//!
//! The same template is deployed in both regions under one stack name, with the same parameters.
//! Differences from the template for one region:
//!
//! - Tables are global tables and secrets have replicas. The primary region's stack creates them;
//!   the other stack refers to them by their names.
//! - The primary region's functions publish to a global endpoint; those of the secondary region
//!   publish to their own region's bus. The endpoint replicates the events of each region's bus to
//!   the bus of the other region.
//! - To learn which region is active, functions read a table that is strongly consistent in both
//!   regions.
//! - Only the rules of the active region are enabled, and only the bus of the active region admits
//!   events from other accounts.

mod by_name;
mod endpoint;
mod global_table;

use serde_json::{Map, Value, json};

use crate::constructs::Resource;
use crate::intrinsics::{either, equals, given, reference, substitute};
use crate::{Parameter, Stack, Template, names, synthesize};

pub(crate) use by_name::{ByName, reads_active_region};

const PREAMBLE: &str = "\
Printed by `synth` beside template.yaml, from the same design table: the same application in two regions, only
one of which is active at a time. docs/TWO-REGIONS.md deploys it. A test lists how it differs from template.yaml.";

/// The parameter that names the region whose stack creates tables, secrets and the global endpoint.
pub(crate) const PRIMARY: &str = "PrimaryRegion";
/// The parameter that names the region that is not the primary region.
pub(crate) const SECONDARY: &str = "SecondaryRegion";
/// The parameter that names the witness region: a third region without a stack, which only stores
/// writes to the table that names the active region.
pub(crate) const WITNESS: &str = "WitnessRegion";
/// The parameter that names the active region. Only the rules of that region are enabled.
const ACTIVE: &str = "ActiveRegion";
/// The parameter that selects whether the primary region's stack creates the global endpoint.
const GLOBAL_ENDPOINT: &str = "GlobalEndpoint";

/// The condition that this is the primary region's stack.
pub(crate) const IS_PRIMARY: &str = "IsPrimary";
/// The condition that this stack's region is the active region.
pub(crate) const IS_ACTIVE: &str = "IsActive";
/// The condition that this stack creates the global endpoint.
const HAS_ENDPOINT: &str = "HasEndpoint";

/// A regular expression for the name of a region.
const REGION: &str = "^[a-z]{2}(-[a-z]+)+-[0-9]$";

/// Makes the template of `stack` for two regions.
#[must_use]
pub fn two_regions(stack: &Stack) -> Template {
    let mut template = synthesize(stack);
    let by_name = ByName::of(&template.document());
    template.preamble = PREAMBLE;
    template.parameters.extend(parameters());
    add_rules(&mut template.rules, stack);
    template.conditions.extend(conditions());
    let sections = std::mem::take(&mut template.sections).into_iter();
    template.sections = sections
        .map(|(comment, resources)| {
            let resources = resources.into_iter().map(|(id, resource)| {
                let changed = changed(&id, resource, &by_name, &mut template.conditions);
                (id, changed)
            });
            (comment, resources.collect())
        })
        .collect();
    for (_, output) in &mut template.outputs {
        by_name.replace(output);
    }
    by_name.replace(&mut template.globals);
    configure_functions(&mut template);
    global_table::add_regions(&mut template);
    endpoint::add(&mut template);
    template
}

fn parameters() -> [Parameter; 5] {
    let text = Parameter::text;
    let primary = "The region whose stack creates tables, secrets and the global endpoint";
    let witness = "A third region, without a stack, that stores which of the two is active";
    let active = "The region whose rules are enabled: one of the two";
    let endpoint =
        "Whether the primary stack has the endpoint, which needs the buses of both regions";
    [
        text(PRIMARY, primary, "eu-central-1").like(REGION),
        text(SECONDARY, "The region of the other stack", "eu-west-1").like(REGION),
        text(WITNESS, witness, "eu-west-3").like(REGION),
        text(ACTIVE, active, "eu-central-1").like(REGION),
        text(GLOBAL_ENDPOINT, endpoint, "false").one_of(&["true", "false"]),
    ]
}

fn conditions() -> [(String, Value); 3] {
    let here =
        |parameter| json!({ "Fn::Equals": [reference("AWS::Region"), reference(parameter)] });
    let created = json!([{ "Condition": IS_PRIMARY }, equals(GLOBAL_ENDPOINT, "true")]);
    [
        (IS_PRIMARY.to_owned(), here(PRIMARY)),
        (IS_ACTIVE.to_owned(), here(ACTIVE)),
        (HAS_ENDPOINT.to_owned(), json!({ "Fn::And": created })),
    ]
}

/// Adds the rules by which CloudFormation checks the parameters of both stacks.
fn add_rules(rules: &mut Value, stack: &Stack) {
    let same = |a, b| json!({ "Fn::Equals": [reference(a), reference(b)] });
    let either_one = json!({ "Fn::Or": [same(ACTIVE, PRIMARY), same(ACTIVE, SECONDARY)] });
    rules["RegionsAreTwo"] = json!({ "Assertions": [
        {
            "Assert": { "Fn::Not": [same(PRIMARY, SECONDARY)] },
            "AssertDescription": "PrimaryRegion and SecondaryRegion must differ",
        },
        {
            "Assert": either_one,
            "AssertDescription": "ActiveRegion must be PrimaryRegion or SecondaryRegion",
        },
    ] });
    if stack.has_api() {
        // Each stack's user pool has its own users, and rejects tokens of the other stack's pool.
        // So production needs an issuer that both stacks accept.
        rules["ProdHasOneIssuer"] = json!({
            "RuleCondition": equals("Stage", "prod"),
            "Assertions": [{
                "Assert": given("JwtIssuer"),
                "AssertDescription": "JwtIssuer must be set in prod because both stacks need the same issuer",
            }],
        });
    }
}

/// Converts a resource of the template for one region to the resource of the template for two
/// regions.
fn changed(
    id: &str,
    mut resource: Value,
    by_name: &ByName,
    conditions: &mut Map<String, Value>,
) -> Value {
    match resource["Type"].as_str().unwrap_or_default() {
        "AWS::DynamoDB::Table" => global_table::of(id, &resource["Properties"]),
        "AWS::SecretsManager::Secret" => {
            resource["Properties"]["Name"] = substitute(by_name::physical(id));
            resource["Properties"]["ReplicaRegions"] = json!([{ "Region": reference(SECONDARY) }]);
            resource["Condition"] = json!(also(&resource["Condition"], IS_PRIMARY, conditions));
            resource
        }
        kind => {
            match kind {
                "AWS::Events::Rule" => {
                    enable_rule(&mut resource["Properties"]);
                    at_home(&mut resource["Properties"]);
                }
                "AWS::Serverless::Function" => enable_events(&mut resource["Properties"]["Events"]),
                "AWS::IAM::Role" => by_name::grant(&mut resource["Properties"]),
                // Outside of the active region no rule is enabled, so a bus that accepted events of
                // other accounts would lose them. Events that a bus refuses stay at their sender.
                "AWS::Events::EventBusPolicy" => {
                    resource["Condition"] =
                        json!(also(&resource["Condition"], IS_ACTIVE, conditions));
                }
                _ => {}
            }
            by_name.replace(&mut resource);
            resource
        }
    }
}

/// Adds a condition that holds if `own` and `region` both hold, and returns the name of the added
/// condition, such as `HasFrontEndInPrimary`. If `own` is null, adds nothing and returns `region`.
/// `region` is [`IS_PRIMARY`] or [`IS_ACTIVE`].
fn also(own: &Value, region: &str, conditions: &mut Map<String, Value>) -> String {
    let Some(own) = own.as_str() else { return region.to_owned() };
    let name = format!("{own}In{}", region.trim_start_matches("Is"));
    let both = json!({ "Fn::And": [{ "Condition": region }, { "Condition": own }] });
    conditions.insert(name.clone(), both);
    name
}

/// Disables a rule outside of the active region. In the active region, the rule's state is the one
/// that the template for one region gives the rule.
fn enable_rule(properties: &mut Value) {
    let state = &mut properties["State"];
    let here = if state.is_null() { json!("ENABLED") } else { state.take() };
    *state = either(IS_ACTIVE, here, json!("DISABLED"));
}

/// If a rule's target is outside of the stack, restricts the rule to events whose home region is
/// the stack's region, and to events without a home region. Functions check the home region
/// themselves, but no code of ours runs at a target outside of the stack.
fn at_home(properties: &mut Value) {
    let reaches_outside = !properties["Targets"][0]["RoleArn"].is_null();
    if reaches_outside {
        let home = json!([{ "exists": false }, reference("AWS::Region")]);
        properties["EventPattern"]["detail"]["metadata"]["home-region"] = home;
    }
}

/// Disables the rules among a function's events outside of the active region.
fn enable_events(events: &mut Value) {
    let events = events.as_object_mut().into_iter().flat_map(Map::values_mut);
    for event in events.filter(|event| event["Type"] == "EventBridgeRule") {
        enable_rule(&mut event["Properties"]);
    }
}

/// Adds two environment variables for functions: the global endpoint's id, which is empty in the
/// secondary region, and the name of the table that records which region is active.
fn configure_functions(template: &mut Template) {
    let variables = &mut template.globals["Function"]["Environment"]["Variables"];
    variables["BUS_ENDPOINT_ID"] = endpoint::id();
    let regions = by_name::physical(global_table::REGIONS);
    variables[names::table_variable("regions")] = substitute(regions);
}

/// Returns the resource with `condition`, which holds only in the primary region's stack.
fn of_primary(resource: Resource, condition: &str) -> Resource {
    Resource { condition: Some(condition.to_owned()), ..resource }
}
