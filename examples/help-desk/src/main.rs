//! `help-desk`: runs the help desk, checks its flow, prints its template, simulates it.

use chorus_cli::Program;
use help_desk::simulation::HelpDesk;

/// Three tickets: one that is solved, a severe one that stays open, and one that no agent takes.
const DEMO: &[(&str, &str)] = &[
    ("POST /tickets", r#"{ "ticket-id": "printer", "severity": 1 }"#),
    ("POST /tickets", r#"{ "ticket-id": "network", "severity": 5 }"#),
    ("POST /tickets", r#"{ "ticket-id": "mouse", "severity": 1 }"#),
    ("POST /tickets/printer/resolution", ""),
];

fn main() -> std::process::ExitCode {
    let (title, stack) = ("Help desk", help_desk::stack as fn() -> _);
    chorus_cli::run::<HelpDesk>(&Program { title, stack, demo: DEMO })
}
