//! The stack: the AWS resources that derive from the design table and from the services' tables and
//! routes.

mod api;
pub(crate) mod grants;
pub(crate) mod machines;
mod messaging;
mod monitoring;
mod outputs;
pub(crate) mod outside;
pub(crate) mod parameters;
mod partners;
mod services;
pub(crate) mod topology;

use std::path::PathBuf;

use chorus_http::HttpFunction;
use chorus_kernel::{IDEMPOTENCY_TABLE, PERSON_KEYS_TABLE};
use chorus_table::{KeyUse, Table as DesignTable};
use serde_json::json;

use crate::constructs::{KeyChoice, NestedStack, Table};
use crate::intrinsics::reference;
use crate::schema_registry::REGISTRY_NAME;
use crate::{Application, Template, names};
use topology::Topology;

/// The input from which a template is made.
#[derive(Debug, Clone)]
pub struct Stack {
    pub table: DesignTable,
    /// The services, with their tables and routes.
    pub functions: Vec<HttpFunction>,
    /// The parts of the application that do not derive from `table` and `functions`.
    pub application: Application,
    /// The template's folder, to which the paths in the template are relative.
    pub root: PathBuf,
}

impl Stack {
    /// The functions that have HTTP routes.
    pub(crate) fn with_routes(&self) -> impl Iterator<Item = &HttpFunction> {
        self.functions.iter().filter(|function| !function.routes.is_empty())
    }

    pub(crate) fn has_api(&self) -> bool {
        self.with_routes().next().is_some()
    }

    /// Whether the stack has a table of people's encryption keys, because a row uses such keys.
    pub(crate) fn keeps_keys(&self) -> bool {
        self.table.rows.iter().any(|row| row.keys != KeyUse::None)
    }
}

/// Makes the template of `stack`.
#[must_use]
pub fn synthesize(stack: &Stack) -> Template {
    let topology = Topology::of(stack);
    let mut template = Template {
        preamble: stack.application.preamble,
        sam: true,
        description: stack.application.description,
        parameters: parameters::all(stack, &topology),
        rules: parameters::rules(stack),
        conditions: parameters::conditions(stack, &topology),
        globals: parameters::globals(),
        ..Template::default()
    };
    messaging::add(&mut template, stack, &topology);
    tables(&mut template, stack);
    for function in &stack.functions {
        services::add(&mut template, stack, &topology, function);
    }
    services::add_sweeper(&mut template, stack, &topology);
    machines::add(&mut template, stack, &topology);
    for partner in &stack.application.partners {
        partners::add(&mut template, &topology, partner);
    }
    for bus in topology.outside_buses() {
        outside::add(&mut template, &topology, bus);
    }
    if !stack.application.resources.is_empty() {
        template.section("Resources of the application that belong to no service.");
    }
    for (id, resource) in &stack.application.resources {
        template.add_resource(*id, resource);
    }
    if let Some(path) = stack.application.schema_registry {
        schemas(&mut template, path);
    }
    api::add(&mut template, stack);
    monitoring::add(&mut template, stack, &topology);
    outputs::add(&mut template, stack, &topology);
    template
}

fn schemas(template: &mut Template, path: &'static str) {
    template.section(
        "The events' schemas in EventBridge's registry: developers of consumers read them in the console,\n\
         and generate code from them.",
    );
    let parameters = json!({ REGISTRY_NAME: reference("AWS::StackName") });
    let nested =
        NestedStack { template: path, parameters, condition: parameters::HAS_SCHEMA_REGISTRY };
    template.add("SchemaRegistry", &nested);
}

fn tables(template: &mut Template, stack: &Stack) {
    template.section(
        "Tables. Each belongs to one service, except for the idempotency table, in which all actions\n\
         record their answers. In prod they are protected from deletion.",
    );
    let own = stack.functions.iter().flat_map(|function| function.function.tables.iter().copied());
    for spec in std::iter::once(IDEMPOTENCY_TABLE).chain(own) {
        let table = Table { spec, protected: parameters::IS_PROD, recovery_days: None, key: None };
        template.add(names::table(spec.name), &table);
    }
    if stack.keeps_keys() {
        template.section(
            "People's keys. A forgotten person's data is unreadable once no backup has their key any more.",
        );
        let key = KeyChoice { parameter: parameters::KEYS_KMS_KEY, given: parameters::OWN_KMS_KEY };
        let (spec, protected) = (PERSON_KEYS_TABLE, parameters::IS_PROD);
        let table = Table { spec, protected, recovery_days: Some(1), key: Some(key) };
        template.add(names::table(spec.name), &table);
    }
}
