//! Prints an execution's history as a table, with one line for each event.

use comfy_table::{Cell, Table, presets};
use states::{HistoryEvent, Json};

/// How many characters of an event's description are printed at most.
const SHOWN: usize = 90;

pub(super) fn of(history: &[HistoryEvent]) -> String {
    let started = history.first().map(|event| event.timestamp);
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["id", "after", "time", "event", "of", "what"]);
    for event in history {
        let elapsed = started.map(|started| event.timestamp.duration_since(started));
        let elapsed =
            elapsed.map_or(String::new(), |elapsed| format!("+{} s", elapsed.as_secs_f64()));
        table.add_row([
            Cell::new(event.id),
            Cell::new(event.previous_event_id),
            Cell::new(elapsed),
            Cell::new(&event.kind),
            Cell::new(of_whom(event)),
            Cell::new(describe(event)),
        ]);
    }
    // The table does not wrap cells, so each event is one line.
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// Returns the name of the event's state, with the iteration's number if there is one. For an event
/// about a call to a service, returns the service and the action.
fn of_whom(event: &HistoryEvent) -> String {
    let text = |name: &str| detail(event, name).map(plain);
    match (text("name"), text("index"), text("resourceType"), text("resource")) {
        (Some(name), Some(index), ..) => format!("{name}[{index}]"),
        (Some(name), ..) => name,
        (.., Some(service), Some(action)) => format!("{service}:{action}"),
        (.., Some(resource)) => resource.rsplit(':').next().unwrap_or_default().to_owned(),
        _ => String::new(),
    }
}

fn describe(event: &HistoryEvent) -> String {
    let mut text = Vec::new();
    for name in ["input", "parameters", "output", "error", "cause", "length", "workerName"] {
        if let Some(value) = detail(event, name) {
            text.push(format!("{name} {}", plain(value)));
        }
    }
    if let Some(assigned) = detail(event, "assignedVariables") {
        text.push(format!("assigned {assigned}"));
    }
    let text = text.join(", ");
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}… ({} characters)", &text[..end], text.chars().count()),
        None => text,
    }
}

fn detail<'e>(event: &'e HistoryEvent, name: &str) -> Option<&'e Json> {
    event.details.as_ref()?.1.get(name)
}

fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
