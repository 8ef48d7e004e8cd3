//! The route of the Event log.

use async_trait::async_trait;
use chorus_events::OrderId;
use chorus_events::callers::SHOP;
use chorus_http::{Endpoint, Parameter, Problem, Request, Response, Route, Values};
use chorus_kernel::{Failure, Kernel, Query, Store};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::logged_event::read;
use crate::{LoggedEvent, TABLE, causal_order};

/// How many events a page lists by default.
const PAGE: u32 = 100;

/// The maximum number of events on a page.
const MAX_PAGE: u32 = 1_000;

/// The maximum number of events that are read of one order. An order has far fewer.
const MAX_EVENTS: usize = 1_000;

/// One page of an order's events.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "EventPage")]
struct Events {
    /// The events, sorted by time, except that every cause precedes its effects.
    events: Vec<LoggedEvent>,
    /// Where the next page starts: the value for `cursor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// Whether the order has more events than this route returns on all pages together.
    truncated: bool,
}

/// `GET /events`.
pub(crate) fn list_events() -> Route {
    Route::read("/events", SHOP, List)
        .summary("The events of an order, causes before their effects", 200)
        .answers::<Events>()
        .parameters(&[Parameter::query(
            "order-id",
            Values::Identifier,
            "The order whose events are listed",
        )
        .required()])
        .pages(MAX_PAGE, Values::Like("^[0-9a-f]{32}$"))
}

struct List;

#[async_trait]
impl Endpoint for List {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        let order_id = order_id(request)?;
        let (limit, after) = (request.limit(PAGE, MAX_PAGE)?, cursor(request)?);
        let (events, truncated) = story(&*kernel.store, order_id.as_str()).await?;
        let (events, next) = page(causal_order(events), after, limit as usize)?;
        Ok(Response::json(200, serde_json::json!(Events { events, next, truncated })))
    }
}

/// Returns at most 1,000 events of an order, and whether the order has more events. The table sorts
/// events by id, so a caller needs all events of the order to sort them by time.
///
/// # Errors
/// If the store fails, or an event cannot be read.
pub async fn story(store: &dyn Store, order_id: &str) -> Result<(Vec<LoggedEvent>, bool), Failure> {
    let mut query = Query::partition(TABLE.name, order_id);
    let mut events = Vec::new();
    loop {
        let page = store.query(&query).await?;
        for item in &page.items {
            events.push(read(item)?);
        }
        let full = events.len() >= MAX_EVENTS;
        match page.next {
            Some(next) if !full => query.start = Some(next),
            next => {
                let truncated = next.is_some() || events.len() > MAX_EVENTS;
                events.truncate(MAX_EVENTS);
                events.retain(|event| event.is_about_order(order_id));
                return Ok((events, truncated));
            }
        }
    }
}

/// Returns at most `limit` events after the event with the id `after`, and the cursor of the next
/// page.
fn page(
    mut events: Vec<LoggedEvent>,
    after: Option<Uuid>,
    limit: usize,
) -> Result<(Vec<LoggedEvent>, Option<String>), Problem> {
    let id = |event: &LoggedEvent| event.metadata.event_id;
    if let Some(after) = after {
        let last = events.iter().position(|event| id(event) == after);
        events.drain(..=last.ok_or_else(unknown_cursor)?);
    }
    let more = events.len() > limit;
    events.truncate(limit);
    let next = events.last().map(|last| id(last).simple().to_string());
    Ok((events, next.filter(|_| more)))
}

fn order_id(request: &Request) -> Result<OrderId, Problem> {
    let missing = || Problem::field(400, "order-id", "must be given");
    let order_id = request.query.get("order-id").ok_or_else(missing)?.parse();
    order_id.map_err(|rule| Problem::field(400, "order-id", format!("{rule}")))
}

fn cursor(request: &Request) -> Result<Option<Uuid>, Problem> {
    let read = |text: &String| text.parse().map_err(|_| unknown_cursor());
    request.query.get("cursor").map(read).transpose()
}

fn unknown_cursor() -> Problem {
    Problem::field(400, "cursor", "must be the `next` of an earlier page")
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_kernel::testing::metadata;
    use chorus_table::Metadata;

    fn events(ids: std::ops::Range<u128>) -> Vec<LoggedEvent> {
        let event = |id| LoggedEvent {
            detail_type: String::new(),
            source: None,
            metadata: Metadata { event_id: Uuid::from_u128(id), ..metadata() },
            data: serde_json::Value::Null,
        };
        ids.map(event).collect()
    }

    #[test]
    fn pages_list_every_event_once_and_the_last_has_no_next() {
        let (mut after, mut listed) = (None, Vec::new());
        loop {
            let (page, next) = page(events(1..8), after, 3).unwrap();
            listed.extend(page);
            match next {
                Some(next) => after = Some(next.parse().unwrap()),
                None => break,
            }
        }
        assert_eq!(listed, events(1..8));
    }

    #[test]
    fn a_cursor_of_another_order_is_refused_rather_than_starting_anew() {
        let problem = page(events(1..8), Some(Uuid::from_u128(99)), 3).unwrap_err();
        assert_eq!((problem.status, problem.errors[0].field.as_str()), (400, "cursor"));
    }

    #[test]
    fn a_request_without_an_order_is_refused_as_such() {
        let problem = order_id(&Request::default()).unwrap_err();
        assert_eq!((problem.status, problem.errors[0].field.as_str()), (400, "order-id"));
    }
}
