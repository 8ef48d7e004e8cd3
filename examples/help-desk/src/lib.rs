//! A help desk: a second, small application on the engine. `docs/START-YOUR-OWN.md` builds a
//! smaller application step by step.
#![allow(missing_docs, missing_debug_implementations)]

pub mod agents;
pub mod desk;
pub mod simulation;
pub mod table;

use chorus_template::{Application, Stack};

/// Returns the stack from which the CloudFormation template is made.
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
    let functions = vec![desk::function(), agents::function().into()];
    Stack { table: table::TABLE, functions, application, root: env!("CARGO_MANIFEST_DIR").into() }
}
