//! The holder of a role (a function or a state machine), with every AWS action that it needs
//! according to the design table and the definitions of the state machines.

use std::collections::{BTreeMap, BTreeSet};

use chorus_http::HttpFunction;
use chorus_kernel::{IDEMPOTENCY_TABLE, PERSON_KEYS_TABLE};
use chorus_table::{EventSpec, KeyUse, RowSpec};
use serde_json::Value;

use super::view::{View, either_way, items, resource_of, texts};
use crate::constructs::Statement;
use crate::machine::Machine;
use crate::stack::topology::Topology;
use crate::stack::{grants, machines};
use crate::two_regions::{ByName, reads_active_region};
use crate::{Finding, names};

/// A function or a state machine, with the tables it uses and the events it publishes.
pub(super) struct Holder<'a> {
    name: &'a str,
    tables: BTreeSet<String>,
    publishes: Vec<EventSpec>,
    /// The actions that the holder uses, each with its resource.
    does: BTreeSet<(&'static str, String)>,
    /// Whether the template refers to tables by their names, as a template for two regions does.
    by_name: bool,
}

impl<'a> Holder<'a> {
    /// The function or state machine with the logical id `id`. An unknown id gives a holder without
    /// tables, events and AWS actions.
    pub(super) fn of(view: View<'a>, id: &'a str) -> Self {
        let unknown = Self {
            name: id,
            tables: BTreeSet::new(),
            publishes: Vec::new(),
            does: BTreeSet::new(),
            by_name: view.by_name.is_some(),
        };
        let topology = Topology::of(view.stack);
        let records = names::table(IDEMPOTENCY_TABLE.name);
        if id == names::function(names::SWEEPER) {
            let publishes = by_functions(&topology, |_| true);
            let does = allowed_actions(&grants::of_sweeper(&topology), view.by_name);
            return Self { tables: [records].into(), publishes, does, ..unknown };
        }
        let is_it = |machine: &&Machine| names::machine(machine.spec.name) == id;
        if let Some(machine) = topology.machines.iter().find(is_it) {
            let rows = machine.publishing_rows(topology.rows);
            let publishes = rows.flat_map(|row| row.emits).copied().collect();
            let does = allowed_actions(&machines::statements(machine, &topology), None);
            return Self { publishes, does, ..unknown };
        }
        let is_it = |one: &&HttpFunction| names::function(one.function.service.name) == id;
        let Some(function) = view.stack.functions.iter().find(is_it) else { return unknown };
        let function = &function.function;
        let own = function.tables.iter().map(|table| names::table(table.name));
        let publishes = by_functions(&topology, |row| row.service == function.service);
        let statements = grants::of_service(&topology, function, &view.stack.application);
        let does = allowed_actions(&statements, view.by_name);
        let uses_keys = topology.key_use(function.service) != KeyUse::None;
        let keys = uses_keys.then(|| names::table(PERSON_KEYS_TABLE.name));
        let tables = own.chain([records]).chain(keys).collect();
        Self { tables, publishes, does, ..unknown }
    }

    /// Reports what a statement allows but the holder never needs: tables, events and actions.
    pub(super) fn too_much(&self, at: &str, statement: &Value) -> Vec<Finding> {
        let allows = |prefix: &str| texts(&statement["Action"]).any(|one| one.starts_with(prefix));
        let mut findings = Vec::new();
        if allows("dynamodb:") {
            let tables = items(&statement["Resource"]).iter().filter_map(resource_of);
            for table in tables.filter(|table| !self.tables.contains(*table)) {
                let problem = format!("is granted {table}, which {} does not own", self.name);
                findings.push(Finding::new(
                    at,
                    problem,
                    "Remove the table from the policy; get the data from its owner's events",
                ));
            }
        }
        if allows("events:PutEvents") {
            findings.extend(self.wrong_events(at, statement));
        }
        findings.extend(self.never_done(at, statement));
        findings
    }

    /// Reports each granted action that the holder never uses, and each granted resource on which
    /// the holder does not use the action. Leaves out wildcards and, in a template for one region,
    /// tables: [`Holder::too_much`] reports tables that the holder does not own.
    fn never_done(&self, at: &str, statement: &Value) -> Vec<Finding> {
        let mut findings = Vec::new();
        let known = !self.does.is_empty();
        for action in texts(&statement["Action"]).filter(|one| known && !one.contains('*')) {
            if !self.does.iter().any(|(does, _)| *does == action) {
                let problem = format!("is granted {action}, which {} never uses", self.name);
                findings.push(Finding::new(at, problem, "Remove the action from the policy"));
                continue;
            }
            let elsewhere = |resource: &&str| {
                !self.does.iter().any(|(does, with)| *does == action && with == resource)
            };
            let resources = items(&statement["Resource"]).iter().map(logical_id);
            let resources = resources.filter(|_| self.by_name || !action.starts_with("dynamodb:"));
            for resource in resources.filter(|resource| *resource != "*").filter(elsewhere) {
                let problem =
                    format!("is granted {action} on {resource}, where {} never uses it", self.name);
                findings.push(Finding::new(at, problem, "Remove the resource from the policy"));
            }
        }
        findings
    }

    /// Reports granted sources and detail types that the holder never publishes, and a grant of
    /// `events:PutEvents` without a condition on the source or on the detail type.
    fn wrong_events(&self, at: &str, statement: &Value) -> Vec<Finding> {
        let mut findings = Vec::new();
        for key in ["events:source", "events:detail-type"] {
            let granted = granted(statement, key);
            if granted.is_empty() {
                let problem =
                    format!("may publish anything on the bus: PutEvents has no condition on {key}");
                findings.push(Finding::new(
                    at,
                    problem,
                    format!("Add a condition on {key} that lists what {} publishes", self.name),
                ));
            }
            let publishes = |text: &str| {
                let is_named = |event: &EventSpec| match key {
                    "events:source" => event.owner.source() == text,
                    _ => event.detail_type == text,
                };
                self.publishes.iter().any(is_named)
            };
            for text in granted.into_iter().filter(|text| !publishes(text)) {
                let problem = format!("may publish {text}, which {} never publishes", self.name);
                findings.push(Finding::new(at, problem, format!("Remove {text} from {key}")));
            }
        }
        findings
    }

    /// Reports actions that the holder uses, but that no statement allows.
    pub(super) fn too_little(&self, at: &str, statements: &[(&str, &Value)]) -> Vec<Finding> {
        let mut findings = self.unpublishable(at, statements);
        let granted: BTreeSet<(&str, &str)> =
            statements.iter().flat_map(|(_, statement)| allowed(statement)).collect();
        let may = |action: &str, with: &str| {
            let every = action.split_once(':').map(|(service, _)| format!("{service}:*"));
            let actions = [Some(action), every.as_deref()].into_iter().flatten();
            actions
                .into_iter()
                .any(|one| granted.contains(&(one, with)) || granted.contains(&(one, "*")))
        };
        let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (action, with) in self.does.iter().filter(|(action, with)| !may(action, with)) {
            missing.entry(with).or_default().push(action);
        }
        for (with, actions) in missing {
            let actions = actions.join(", ");
            let problem = format!("is not granted {actions} on {with}, which {} needs", self.name);
            findings.push(Finding::new(at, problem, "Add the missing actions to the policy"));
        }
        findings
    }

    fn unpublishable(&self, at: &str, statements: &[(&str, &Value)]) -> Vec<Finding> {
        let may = |event: &EventSpec| {
            statements.iter().any(|(_, statement)| {
                texts(&statement["Action"]).any(|action| action == "events:PutEvents")
                    && granted(statement, "events:source").contains(&event.owner.source())
                    && granted(statement, "events:detail-type").contains(&event.detail_type)
            })
        };
        let unheard: BTreeSet<&str> = self
            .publishes
            .iter()
            .filter(|event| !may(event))
            .map(|event| event.detail_type)
            .collect();
        let finding = |name: &&str| {
            let problem =
                format!("is not allowed to publish {name}, which {} has to publish", self.name);
            Finding::new(
                at,
                problem,
                "Add the event to events:detail-type, and its source to events:source",
            )
        };
        unheard.iter().map(finding).collect()
    }
}

/// The actions that these statements allow, each with its resource's logical id. In a template for
/// two regions, tables and secrets have their ARNs instead of their logical ids.
fn allowed_actions(
    statements: &[Statement],
    by_name: Option<&ByName>,
) -> BTreeSet<(&'static str, String)> {
    let everyones = by_name.map(|_| reads_active_region());
    let allowed = statements.iter().chain(&everyones).flat_map(Statement::allows);
    let named = |(action, resource): (&'static str, &Value)| match by_name {
        None => vec![(action, logical_id(resource).to_owned())],
        Some(by_name) => {
            let granted = by_name.granted(action, resource).into_iter();
            granted.map(|resource| (action, logical_id(&resource).to_owned())).collect()
        }
    };
    allowed.flat_map(named).collect()
}

/// The actions that a statement of the template allows, each with its resource's logical id.
fn allowed(statement: &Value) -> impl Iterator<Item = (&str, &str)> {
    let resources = items(&statement["Resource"]).iter().map(logical_id);
    resources.flat_map(|place| texts(&statement["Action"]).map(move |action| (action, place)))
}

/// The logical id to which an ARN refers, or the ARN's text. For an `Fn::If`, the value of the
/// first branch counts.
fn logical_id(arn: &Value) -> &str {
    let arn = either_way(arn).first().unwrap_or(arn);
    let text = || arn["Fn::Sub"].as_str().or_else(|| arn.as_str());
    resource_of(arn).or_else(text).unwrap_or_default()
}

/// The events that functions publish for the rows that `of` selects.
fn by_functions(topology: &Topology, of: impl Fn(&RowSpec) -> bool) -> Vec<EventSpec> {
    grants::published_by_functions(topology, of).copied().collect()
}

/// The values that a statement's condition allows for `key`.
fn granted<'a>(statement: &'a Value, key: &str) -> Vec<&'a str> {
    let operators = ["ForAllValues:StringEquals", "StringEquals"];
    operators.iter().flat_map(|one| texts(&statement["Condition"][one][key])).collect()
}
