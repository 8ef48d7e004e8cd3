//! Both tables as Markdown: what `docs/DESIGN-TABLE.md` is generated from.

use std::fmt::Write as _;

use chorus_table::Table;

use crate::print::{action_cells, event_cells};
use crate::{Flow, mermaid};

/// The whole document about the table that is declared in the file `source`.
#[must_use]
pub fn markdown(table: &Table, source: &str) -> String {
    let rows = table.rows;
    let flow = Flow { rows };
    let mut text = format!(
        "# The design table\n\nGenerated from `{source}` by `design --write`; a test fails where \
         the two differ.\n\n## Actions\n\n",
    );
    line(
        &mut text,
        &["API (sync)", "Input events", "Service", "Action", "Output events", "What it does"],
    );
    line(&mut text, &["---"; 6]);
    for row in rows {
        let [api, inputs, service, action, outputs] = action_cells(flow, row);
        line(&mut text, &[&api, &inputs, &service, &action, &outputs, row.meaning]);
    }
    text.push_str("\n## Events\n\n");
    line(
        &mut text,
        &["Event", "Source", "Version", "Part", "Published by", "Consumed by", "What it means"],
    );
    line(&mut text, &["---"; 7]);
    for event in flow.events() {
        let [name, source, version, part, said, heard] = event_cells(flow, &event);
        line(&mut text, &[&name, &source, &version, &part, &said, &heard, event.meaning]);
    }
    let picture = mermaid(table.services, rows);
    text.push_str("\n## The flow\n\n```mermaid\n");
    text.push_str(&picture);
    text.push_str("```\n");
    text
}

fn line(text: &mut String, cells: &[&str]) {
    let escaped: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    // Writing to a string cannot fail.
    writeln!(text, "| {} |", escaped.join(" | ")).unwrap_or_default();
}
