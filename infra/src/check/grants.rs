//! Nobody may do more than it does: own tables, own words, own failures.

use std::collections::BTreeSet;

use chorus_events::{EventSpec, Via};
use chorus_kernel::IDEMPOTENCY_TABLE;
use serde_json::Value;

use super::view::{View, items, resource_of, texts};
use crate::constructs::Statement;
use crate::stack::grants;
use crate::stack::topology::Topology;
use crate::{Finding, names};

/// A service whose actions know no resources.
const WITHOUT_RESOURCES: &str = "xray:";

pub(super) fn check(view: View<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, role) in view.of_kind("AWS::IAM::Role") {
        findings.extend(statements(role).into_iter().flat_map(|statement| too_wide(id, statement)));
    }
    for (id, function) in view.of_kind("AWS::Serverless::Function") {
        findings.extend(statements(function).into_iter().flat_map(|one| too_wide(id, one)));
        let role = resource_of(&function["Role"]);
        let of_role = role.map(|role| &view.document["Resources"][role]["Properties"]);
        let holder = Holder::of(view, id);
        let granted = statements(function).into_iter().map(|one| (id, one));
        let by_role = of_role.into_iter().flat_map(statements);
        let by_role = by_role.map(|one| (role.unwrap_or(id), one));
        let all: Vec<_> = granted.chain(by_role).collect();
        findings.extend(all.iter().flat_map(|(at, one)| holder.too_much(at, one)));
        findings.extend(holder.too_little(role.unwrap_or(id), &all));
    }
    findings
}

/// The statements of a role's or a function's own policies.
pub(super) fn statements(properties: &Value) -> Vec<&Value> {
    let policies = items(&properties["Policies"]).iter();
    let documents = policies.flat_map(|policy| [&policy["PolicyDocument"], policy]);
    documents.flat_map(|document| items(&document["Statement"])).collect()
}

/// Actions or resources by wildcard.
fn too_wide(id: &str, statement: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    for action in texts(&statement["Action"]).filter(|action| action.contains('*')) {
        let problem = format!("is granted {action}: more than anybody needs");
        findings.push(Finding::new(id, problem, "Name the actions"));
    }
    let exempt = texts(&statement["Action"]).all(|action| action.starts_with(WITHOUT_RESOURCES));
    let everything = texts(&statement["Resource"]).any(|resource| resource == "*");
    if everything && !exempt {
        let actions: Vec<&str> = texts(&statement["Action"]).collect();
        let problem = format!("is granted {} on every resource", actions.join(", "));
        findings.push(Finding::new(id, problem, "Name the resources by their ARNs"));
    }
    findings
}

/// A function, with all that it may touch and say.
struct Holder<'a> {
    name: &'a str,
    tables: BTreeSet<String>,
    says: Vec<EventSpec>,
    /// What it does, and with which resource.
    does: BTreeSet<(&'static str, String)>,
}

impl<'a> Holder<'a> {
    /// The service of the function `id`, the sweeper, or somebody who may do nothing.
    fn of(view: View<'a>, id: &'a str) -> Self {
        let says = |of: &dyn Fn(&str) -> bool| {
            let rows = view.stack.rows.iter();
            let rows = rows.filter(|row| of(row.service.name()) && row.via != Via::ApiDestination);
            rows.flat_map(|row| row.emits).copied().collect()
        };
        let records = names::table(IDEMPOTENCY_TABLE.name);
        if id == names::function(names::SWEEPER) {
            let does = done(&grants::of_sweeper(view.stack));
            return Self { name: id, tables: [records].into(), says: says(&|_| true), does };
        }
        let function = view.stack.functions.iter();
        let function = function.into_iter().find(|one| names::function(one.service.name()) == id);
        let Some(function) = function else {
            let (tables, does) = (BTreeSet::new(), BTreeSet::new());
            return Self { name: id, tables, says: Vec::new(), does };
        };
        let topology = Topology::of(view.stack);
        let does = topology.map(|topology| done(&grants::of_service(&topology, function)));
        let own = function.tables.iter().map(|table| names::table(table.name));
        let says = says(&|service| service == function.service.name());
        let tables = own.chain([records]).collect();
        Self { name: id, tables, says, does: does.unwrap_or_default() }
    }

    fn too_much(&self, at: &str, statement: &Value) -> Vec<Finding> {
        let allows = |prefix: &str| texts(&statement["Action"]).any(|one| one.starts_with(prefix));
        let mut findings = Vec::new();
        if allows("dynamodb:") {
            let tables = items(&statement["Resource"]).iter().filter_map(resource_of);
            for table in tables.filter(|table| !self.tables.contains(*table)) {
                let problem = format!("is granted {table}, which {} does not own", self.name);
                findings.push(Finding::new(at, problem, "Take it out; ask the owner by an event"));
            }
        }
        if allows("events:PutEvents") {
            findings.extend(self.wrong_words(at, statement));
        }
        findings.extend(self.never_done(at, statement));
        findings
    }

    /// Actions that the holder never takes, or takes elsewhere. Wildcards are named already, and
    /// so are other services' tables.
    fn never_done(&self, at: &str, statement: &Value) -> Vec<Finding> {
        let mut findings = Vec::new();
        let known = !self.does.is_empty();
        for action in texts(&statement["Action"]).filter(|one| known && !one.contains('*')) {
            if !self.does.iter().any(|(does, _)| *does == action) {
                let problem = format!("is granted {action}, which {} never does", self.name);
                findings.push(Finding::new(at, problem, "Take the action out"));
                continue;
            }
            let elsewhere = |resource: &&str| {
                !self.does.iter().any(|(does, with)| *does == action && with == resource)
            };
            let resources = items(&statement["Resource"]).iter().filter_map(resource_of);
            for resource in resources.filter(elsewhere).filter(|_| !action.starts_with("dynamodb:"))
            {
                let problem =
                    format!("is granted {action} on {resource}, where {} does not", self.name);
                findings.push(Finding::new(at, problem, "Take the resource out"));
            }
        }
        findings
    }

    /// Sources and detail types that the holder never says, and a grant that is not bound to any.
    fn wrong_words(&self, at: &str, statement: &Value) -> Vec<Finding> {
        let mut findings = Vec::new();
        for key in ["events:source", "events:detail-type"] {
            let granted = granted(statement, key);
            if granted.is_empty() {
                let problem =
                    format!("may say anything on the bus: PutEvents is not bound by {key}");
                findings.push(Finding::new(at, problem, format!("Bind it to {}'s own", self.name)));
            }
            let says = |text: &str| {
                let said = |event: &EventSpec| match key {
                    "events:source" => event.owner.source() == text,
                    _ => event.detail_type == text,
                };
                self.says.iter().any(said)
            };
            for text in granted.into_iter().filter(|text| !says(text)) {
                let problem = format!("may say {text}, which {} never does", self.name);
                findings.push(Finding::new(at, problem, format!("Take it out of {key}")));
            }
        }
        findings
    }

    /// What the holder says by the table, and may not.
    fn too_little(&self, at: &str, statements: &[(&str, &Value)]) -> Vec<Finding> {
        let may = |event: &EventSpec| {
            statements.iter().any(|(_, statement)| {
                texts(&statement["Action"]).any(|action| action == "events:PutEvents")
                    && granted(statement, "events:source").contains(&event.owner.source())
                    && granted(statement, "events:detail-type").contains(&event.detail_type)
            })
        };
        let unheard: BTreeSet<&str> =
            self.says.iter().filter(|event| !may(event)).map(|event| event.detail_type).collect();
        let finding = |name: &&str| {
            let problem = format!("may not say {name}, which {} does by the table", self.name);
            Finding::new(at, problem, "Add it to events:detail-type, with its source")
        };
        unheard.iter().map(finding).collect()
    }
}

/// What these statements allow, by the resource's name in the template.
fn done(statements: &[Statement]) -> BTreeSet<(&'static str, String)> {
    let named = |(action, resource)| (action, resource_of(resource).unwrap_or("*").to_owned());
    statements.iter().flat_map(Statement::allows).map(named).collect()
}

/// The values that a statement's condition binds `key` to.
fn granted<'a>(statement: &'a Value, key: &str) -> Vec<&'a str> {
    let operators = ["ForAllValues:StringEquals", "StringEquals"];
    operators.iter().flat_map(|one| texts(&statement["Condition"][one][key])).collect()
}
