//! The stack: what the design table, the tables and the routes come to on AWS.

mod api;
mod carrier;
pub(crate) mod grants;
pub(crate) mod machines;
mod messaging;
mod monitoring;
mod outputs;
mod parameters;
mod services;
pub(crate) mod topology;

use std::path::PathBuf;

use chorus_http::HttpFunction;
use chorus_kernel::IDEMPOTENCY_TABLE;
use chorus_table::{RowSpec, Table as DesignTable};

use crate::Template;
use crate::constructs::Table;
use crate::names;
use topology::Topology;

/// What a template is made of.
#[derive(Debug, Clone)]
pub struct Stack {
    /// The design table, for its services and messages.
    pub table: DesignTable,
    /// Its rows.
    pub rows: Vec<RowSpec>,
    /// The services, with their tables and routes.
    pub functions: Vec<HttpFunction>,
    /// Where the files are that the template names.
    pub root: PathBuf,
}

/// The template of `stack`.
#[must_use]
pub fn synthesize(stack: &Stack) -> Template {
    let topology = Topology::of(stack);
    let mut template = Template {
        description: "Chorus: an order backend whose services answer events with events.",
        parameters: parameters::all(&topology.machines),
        rules: parameters::rules(),
        conditions: parameters::conditions(),
        globals: parameters::globals(),
        ..Template::default()
    };
    messaging::add(&mut template, &topology);
    tables(&mut template, stack);
    for function in &stack.functions {
        services::add(&mut template, &topology, &function.function);
    }
    services::add_sweeper(&mut template, &topology);
    machines::add(&mut template, &topology);
    carrier::add(&mut template, &topology);
    api::add(&mut template, stack);
    monitoring::add(&mut template, &topology);
    outputs::add(&mut template, &topology);
    template
}

fn tables(template: &mut Template, stack: &Stack) {
    template.section(
        "Tables. Each is one service's own; in the idempotency table every action of all services\n\
         proves what it did. DeletionPolicy takes no condition, DeletionProtectionEnabled does.",
    );
    let own = stack.functions.iter().flat_map(|function| function.function.tables.iter().copied());
    for spec in std::iter::once(IDEMPOTENCY_TABLE).chain(own) {
        let table = Table { spec, protected: parameters::IS_PROD };
        template.add(names::table(spec.name), &table);
    }
}
