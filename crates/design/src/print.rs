//! The tables of actions and events for a terminal, aligned and wrapped to its width.

use chorus_table::{Effect, EventSpec, Owner, Role, RowSpec, Via};
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};

use crate::Flow;

/// The table of actions, one row per action.
#[must_use]
pub fn action_table(rows: &[RowSpec], width: Option<u16>) -> String {
    let mut table = table(width);
    table.set_header(["API (sync)", "Input events", "Service", "Action", "Output events"]);
    for row in rows {
        table.add_row(action_cells(Flow { rows }, row).map(|cell| listed(&cell)));
    }
    table.to_string()
}

#[must_use]
pub fn event_table(rows: &[RowSpec], width: Option<u16>) -> String {
    let flow = Flow { rows };
    let mut table = table(width);
    table.set_header(["Event", "Source", "Version", "Part", "Published by", "Consumed by"]);
    for event in flow.events() {
        table.add_row(event_cells(flow, &event).map(|cell| listed(&cell)));
    }
    table.to_string()
}

/// Puts every name of a cell on a separate line, so that a narrow terminal does not break a line
/// inside a name.
fn listed(cell: &str) -> String {
    cell.replace(", ", ",\n")
}

fn table(width: Option<u16>) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = width {
        table.set_width(width);
    }
    table
}

/// The cells of an action's row, for the terminal and for Markdown.
pub(crate) fn action_cells(flow: Flow<'_>, row: &RowSpec) -> [String; 5] {
    let api: Vec<&str> = row.api.iter().map(|command| command.detail_type).collect();
    let service = match row.via {
        Via::ApiDestination(partner) => {
            format!("{} (API destination: {})", row.service.title, partner.name)
        }
        Via::Bus(bus) => format!("{} (forwarded to the bus {})", row.service.title, bus.name),
        Via::Queue => match row.gives_up_to {
            Some(action) => format!("{} (queue; after a day, {action})", row.service.title),
            None => format!("{} (queue)", row.service.title),
        },
        Via::Function if row.starts_machine => {
            format!("{} (state machine)", row.service.title)
        }
        Via::Function => row.service.title.to_owned(),
    };
    let emits: Vec<String> = row.emits.iter().map(|event| output(flow, event)).collect();
    let emits = match emits.is_empty() {
        true if row.starts_machine => "(what its tasks emit)".to_owned(),
        true => "(a terminal row: none)".to_owned(),
        false => emits.join(", "),
    };
    [api.join(", "), inputs(row), service, row.title.to_owned(), emits]
}

fn inputs(row: &RowSpec) -> String {
    if row.is_catch_all() {
        return "every event (catch-all rule)".to_owned();
    }
    let name = |event: &EventSpec| match event.owner {
        Owner::Partner(partner) => format!("{} (from the {})", event.detail_type, partner.name),
        Owner::Service(_) => event.detail_type.to_owned(),
    };
    let mut inputs: Vec<String> = row.on.iter().map(name).collect();
    if let Some(sender) = row.commands_from {
        let sent = |it: &EventSpec| {
            format!("{} (from the account of the {})", it.detail_type, sender.partner.name)
        };
        inputs.extend(row.api.iter().map(sent));
    }
    if let Some(machine) = row.task_of {
        let by_task = |event: &EventSpec| format!("{} (by {machine})", name(event));
        inputs.extend(row.tasks.iter().map(by_task));
    }
    if let Some(action) = row.dead_letters_of {
        inputs.push(format!("the dead letters of {action}"));
    }
    let inputs = inputs.join(", ");
    row.when
        .map_or_else(|| inputs.clone(), |content| format!("{inputs} where {}", content.pattern()))
}

/// The event's name, followed by `END` if the event ends the flow and only rows that keep records
/// consume it.
fn output(flow: Flow<'_>, event: &EventSpec) -> String {
    let only_recorded =
        || flow.consumers(event.detail_type).all(|row| row.effect == Effect::Records);
    if event.role == Role::End && only_recorded() {
        return format!("{} END", event.detail_type);
    }
    event.detail_type.to_owned()
}

/// The cells of an event's row, for the terminal and for Markdown.
pub(crate) fn event_cells(flow: Flow<'_>, event: &EventSpec) -> [String; 6] {
    let names =
        |rows: Vec<&RowSpec>| rows.iter().map(|row| row.title).collect::<Vec<_>>().join(", ");
    let producers = names(flow.producers(event.detail_type).collect());
    let consumers = names(flow.consumers(event.detail_type).collect());
    let public = flow.consumers(event.detail_type).any(|row| row.outside_bus().is_some());
    let part = match event.role {
        _ if public => "public",
        Role::Step => "step",
        Role::Failure => "failure",
        Role::Terminal => "terminal",
        Role::End => "end",
        Role::Command => "command",
    };
    let source = event.owner.source().to_owned();
    [
        event.detail_type.to_owned(),
        source,
        event.version.to_string(),
        part.to_owned(),
        producers,
        consumers,
    ]
}
