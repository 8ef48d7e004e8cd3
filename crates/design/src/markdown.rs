//! The tables of actions and events as Markdown, for `docs/DESIGN-TABLE.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chorus_table::{Breaker, RowSpec, Table};

use crate::print::{action_cells, event_cells};
use crate::{Flow, mermaid};

/// The whole document. `source` is the file that declares the table.
#[must_use]
pub fn markdown(table: &Table, source: &str) -> String {
    let rows = table.rows;
    let flow = Flow { rows };
    let mut text = format!(
        "# The design table\n\nGenerated from `{source}` by `design --write`; a test fails if \
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
        let [name, source, version, part, producers, consumers] = event_cells(flow, &event);
        line(&mut text, &[&name, &source, &version, &part, &producers, &consumers, event.meaning]);
    }
    breakers(&mut text, rows);
    let picture = mermaid(table.services, rows);
    text.push_str("\n## The flow\n\n```mermaid\n");
    text.push_str(&picture);
    text.push_str("```\n");
    text
}

/// Appends the table of partners with a circuit breaker.
fn breakers(text: &mut String, rows: &[RowSpec]) {
    let mut callers: BTreeMap<&str, (&Breaker, Vec<&str>)> = BTreeMap::new();
    for row in rows {
        let Some(breaker) = row.breaker else { continue };
        let (_, of) = callers.entry(breaker.partner.name).or_insert((breaker, Vec::new()));
        of.push(row.title);
    }
    if callers.is_empty() {
        return;
    }
    text.push_str("\n## Circuit breakers\n\n");
    line(
        text,
        &[
            "Partner",
            "Called by",
            "Calls stop after",
            "Test calls, until one is answered",
            "Events",
        ],
    );
    line(text, &["---"; 5]);
    for (partner, (breaker, rows)) in callers {
        let Breaker { failures, within_seconds, pause_seconds, probes, .. } = breaker;
        let opens = format!(
            "{failures} calls in a row without an answer, each at most {within_seconds} s after the one before"
        );
        let probes = format!("{probes} every {pause_seconds} s");
        let says =
            format!("{}, {}", breaker.unavailable.detail_type, breaker.recovered.detail_type);
        line(text, &[partner, &rows.join(", "), &opens, &probes, &says]);
    }
}

fn line(text: &mut String, cells: &[&str]) {
    let escaped: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    // Writing to a string cannot fail.
    writeln!(text, "| {} |", escaped.join(" | ")).unwrap_or_default();
}
