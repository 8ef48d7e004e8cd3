//! The flow as a Mermaid flowchart: services as groups, actions as boxes, events as arrows.

use std::fmt::Write as _;

use chorus_table::{Role, RowSpec, Service};

use crate::Flow;

/// Draws the flowchart without the catch-all row, because every event would lead to that row.
#[must_use]
pub fn mermaid(services: &[Service], rows: &[RowSpec]) -> String {
    let flow = Flow { rows };
    let mut text = String::from("flowchart LR\n");
    for service in services {
        let own: Vec<&RowSpec> = drawn(rows).filter(|row| row.service == *service).collect();
        if own.is_empty() {
            continue;
        }
        push(&mut text, format_args!("  subgraph {}[\"{}\"]", service.name, service.title));
        for row in own {
            push(&mut text, format_args!("    {}[\"{}\"]", row.action, row.title));
        }
        push(&mut text, format_args!("  end"));
    }
    for row in drawn(rows) {
        for event in row.emits {
            let arrow = if event.role == Role::Failure { "-.->" } else { "-->" };
            for consumer in flow.consumers(event.detail_type) {
                let (from, to, name) = (row.action, consumer.action, event.detail_type);
                push(&mut text, format_args!("  {from} {arrow}|{name}| {to}"));
            }
        }
    }
    text
}

fn drawn(rows: &[RowSpec]) -> impl Iterator<Item = &RowSpec> {
    rows.iter().filter(|row| !row.is_catch_all())
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    writeln!(text, "{line}").unwrap_or_default();
}
