//! A help desk: a second, small application on the engine. `docs/START-YOUR-OWN.md` grows one.
#![allow(missing_docs, missing_debug_implementations)]

pub mod agents;
pub mod desk;
pub mod simulation;
pub mod table;

use chorus_http::HttpFunction;
use chorus_kernel::{Action, ActionError, Decision};
use chorus_table::Row;
use chorus_template::{Application, Finding, Stack};

type Input<A> = <<A as Action>::Row as Row>::Input;
type Decided<A> = Result<Decision<<<A as Action>::Row as Row>::Output>, ActionError>;

/// The functions of all services.
#[must_use]
pub fn functions() -> Vec<HttpFunction> {
    vec![desk::function(), agents::function().into()]
}

/// What its template is made of.
#[must_use]
pub fn stack() -> Stack {
    let application = Application {
        preamble: "Printed by `cargo run -p help-desk -- synth --write`; never edited by hand.",
        folder: |_| ".".to_owned(),
        sweeper: "../../crates/aws",
        subject: "a ticket",
        api: "Where tickets are opened and resolved",
        ..Application::new("A help desk whose services answer events with events.")
    };
    let root = env!("CARGO_MANIFEST_DIR").into();
    Stack { table: table::TABLE, functions: functions(), application, root }
}

/// All that keeps the flow from closing, and all in which the code differs from the table.
#[must_use]
pub fn flaws() -> Vec<Finding> {
    let mut flaws = chorus_design::check(table::TABLE.rows, &table::TABLE.messages());
    flaws.extend(chorus_design::wiring(&table::TABLE, &HttpFunction::split(functions()).0));
    flaws
}
