//! The map of the flow with live counts, and the page of one event.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use chorus_table::RowSpec;

use crate::Console;
use crate::flow::{Map, role, titled};
use crate::live::Work;
use crate::page::{ErrorPage, Frame, render};

#[derive(Template)]
#[template(path = "flow.html")]
struct FlowPage {
    frame: Frame,
    map: Map,
    /// How many times the bus accepted each event, in the order of the map's events.
    counts: Vec<u64>,
    works: Vec<Work>,
}

pub(crate) async fn flow(console: Console) -> Response {
    let frame = Frame::of(&console, "flow", "map");
    let (map, live) = (Map::of(console.table()), console.live());
    let (events, rows) = (live.events(), live.rows());
    let count = |name: &str| events.get(name).copied().unwrap_or_default();
    let counts = map.events.iter().map(|event| count(event.name)).collect();
    let work = |action: &str| rows.get(action).copied().unwrap_or_default();
    let works = map.consumers.iter().map(|row| work(row.action)).collect();
    render(&FlowPage { frame, map, counts, works })
}

/// A row that publishes or consumes an event.
struct Mentioned {
    action: &'static str,
    service: &'static str,
    meaning: &'static str,
    /// The event pattern of the row's rule; `None` if no rule brings the event to the row.
    pattern: Option<String>,
}

#[derive(Template)]
#[template(path = "event.html")]
struct EventPage {
    frame: Frame,
    name: &'static str,
    role: &'static str,
    meaning: &'static str,
    owner: &'static str,
    source: &'static str,
    version: u32,
    earlier: Vec<u32>,
    published_by: Vec<Mentioned>,
    consumed_by: Vec<Mentioned>,
    schema: String,
    sample: String,
}

pub(crate) async fn event(
    console: Console,
    Path(event): Path<String>,
) -> Result<Response, ErrorPage> {
    let table = console.table();
    let unknown = || {
        let detail = format!("no event of the design table is called {event}");
        ErrorPage::new(&console, StatusCode::NOT_FOUND, "Not found", detail)
    };
    let unwritable = |error: serde_json::Error| {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        ErrorPage::new(&console, status, "This event cannot be shown", error.to_string())
    };
    let message = table.message(&event).ok_or_else(unknown)?;
    let spec = message.spec;
    let rules = table.rules();
    let mentioned = |row: &RowSpec| {
        let rule = rules.iter().find(|rule| rule.row.action == row.action);
        let pattern = rule
            .filter(|rule| rule.row.on.contains(&spec))
            .map(|rule| serde_json::to_string_pretty(&rule.pattern).unwrap_or_default());
        let (action, service, meaning) = (row.action, row.service.title, row.meaning);
        Mentioned { action, service, meaning, pattern }
    };
    let of = |says: &dyn Fn(&RowSpec) -> bool| {
        table.rows.iter().filter(|row| says(row)).map(mentioned).collect()
    };
    let schema = serde_json::to_string_pretty(&(message.schema)()).map_err(unwritable)?;
    let samples = message.samples().map_err(unwritable)?;
    let sample = serde_json::to_string_pretty(&samples.first()).map_err(unwritable)?;
    Ok(render(&EventPage {
        frame: Frame::of(&console, "flow", ""),
        name: spec.detail_type,
        role: role(&spec),
        meaning: spec.meaning,
        owner: titled(spec.owner),
        source: spec.owner.source(),
        version: spec.version,
        earlier: (message.earlier)().iter().map(|it| it.version).collect(),
        published_by: of(&|row| row.emits.contains(&spec)),
        consumed_by: of(&|row| {
            row.on.contains(&spec) || row.tasks.contains(&spec) || row.api.contains(&spec)
        }),
        schema,
        sample,
    }))
}
