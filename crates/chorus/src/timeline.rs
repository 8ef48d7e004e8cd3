//! Prints an order's events, each with its publisher, cause and time.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context;
use chorus_event_log::LoggedEvent;
use chorus_events::table::TABLE;
use chorus_shop::{Attempt, ExecutionStory, Wait};
use chorus_table::{Owner, Role};
use jiff::Timestamp;
use serde::Deserialize;

use crate::client::{ApiRequest, Client};
use crate::machine_steps;
use crate::screen::{BAD, BOLD, DIM, GOOD, called, line, plain};

/// The width of an event's name in a list, in characters.
const NAME_COLUMN: usize = 26;

/// The width of the tree, in characters: a branch and the name of the event on it.
const TREE_COLUMN: usize = 54;

#[derive(Debug, Clone)]
pub(crate) struct Timeline {
    pub(crate) order_id: String,
    pub(crate) events: Vec<LoggedEvent>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) executions: Vec<ExecutionStory>,
}

#[derive(Deserialize)]
struct Answer {
    events: Vec<LoggedEvent>,
    next: Option<String>,
}

/// Reads the events of an order from the shop's event log.
pub(crate) async fn events_of(client: &Client, order_id: &str) -> anyhow::Result<Vec<LoggedEvent>> {
    let mut events = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/events?order-id={order_id}&limit=1000{cursor}");
        let answer: Answer = client.ask(ApiRequest::get(&path)).await?;
        events.extend(answer.events);
        match answer.next {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(events),
        }
    }
}

impl Timeline {
    /// Reads the timeline of an order from a shop.
    pub(crate) async fn read(client: &Client, order_id: &str) -> anyhow::Result<Self> {
        let events = events_of(client, order_id).await?;
        let ids: Vec<String> =
            events.iter().map(|event| event.metadata.event_id.to_string()).collect();
        let path = format!("/operator/attempts?event-ids={}", ids.join(","));
        // Only the embedded engine has the routes for an order's attempts and executions. For a
        // deployed shop, both lists are empty.
        let attempts = client.ask(ApiRequest::get(&path)).await.unwrap_or_default();
        let path = format!("/operator/executions?order-id={order_id}");
        let executions = client.ask(ApiRequest::get(&path)).await.unwrap_or_default();
        Ok(Self { order_id: order_id.to_owned(), events, attempts, executions })
    }

    /// Prints one line for each event. An event comes after the event that caused it.
    pub(crate) fn print_lines(&self) -> anyhow::Result<()> {
        let names = self.names();
        let start = self.start()?;
        for event in &self.events {
            let cause = event.metadata.causation_id.and_then(|id| names.get(&id.to_string()));
            let because = cause.map_or_else(|| outside(event), |cause| (*cause).to_owned());
            let after = milliseconds(start, event.metadata.occurred_at);
            let (who, what, why) = (publisher(event), styled(event, NAME_COLUMN), reason(event));
            line!(
                "  {DIM}{after:>7} ms{DIM:#}  {who:<14}{what}  {DIM}because of {because}{DIM:#}{why}"
            );
            for attempt in self.attempts_at(event) {
                line!("  {:>10}  {BAD}{attempt}{BAD:#}", "");
            }
        }
        Ok(())
    }

    pub(crate) fn print_tree(&self) -> anyhow::Result<()> {
        let start = self.start()?;
        let names = self.names();
        let mut children: BTreeMap<String, Vec<&LoggedEvent>> = BTreeMap::new();
        let mut roots = Vec::new();
        for event in &self.events {
            let cause = event.metadata.causation_id.map(|id| id.to_string());
            match cause.filter(|id| names.contains_key(id)) {
                Some(cause) => children.entry(cause).or_default().push(event),
                None => roots.push(event),
            }
        }
        line!("{BOLD}{}{BOLD:#}  {} events", self.order_id, self.events.len());
        let tree = Tree { timeline: self, children: &children, start };
        for (place, root) in roots.iter().enumerate() {
            tree.print(root, "", place + 1 == roots.len());
        }
        Ok(())
    }

    fn names(&self) -> HashMap<String, &str> {
        let name = |event: &LoggedEvent| event.metadata.event_id.to_string();
        self.events.iter().map(|event| (name(event), event.detail_type.as_str())).collect()
    }

    fn start(&self) -> anyhow::Result<Timestamp> {
        let first = self.events.iter().map(|event| event.metadata.occurred_at).min();
        first.with_context(|| {
            let list = format!("`{} events` lists the newest events of all orders", called());
            format!("the event log has no events of order {}; {list}", self.order_id)
        })
    }

    fn attempts_at(&self, event: &LoggedEvent) -> Vec<String> {
        let id = event.metadata.event_id.to_string();
        let of_event = self.attempts.iter().filter(|attempt| attempt.event_id == id);
        let line_of = |attempt: &Attempt| {
            let times = if attempt.failures == 1 { "time" } else { "times" };
            let (failures, rule, error) = (attempt.failures, &attempt.rule, plain(&attempt.error));
            let waits = attempt.waits.map(|Wait { since, next, until }| {
                format!(
                    "; waiting since {since:.0}; the next attempt is at {next:.0}, the last by {until:.0}"
                )
            });
            format!("{rule} failed {failures} {times}: {error}{}", waits.unwrap_or_default())
        };
        of_event.map(line_of).collect()
    }
}

struct Tree<'a> {
    timeline: &'a Timeline,
    children: &'a BTreeMap<String, Vec<&'a LoggedEvent>>,
    start: Timestamp,
}

impl Tree<'_> {
    fn print(&self, event: &LoggedEvent, indent: &str, last: bool) {
        let branch = if last { "└─ " } else { "├─ " };
        let after = milliseconds(self.start, event.metadata.occurred_at);
        let taken = indent.chars().count() + branch.chars().count();
        let name = styled(event, TREE_COLUMN.saturating_sub(taken));
        let (who, id, why) = (publisher(event), short_id(event), reason(event));
        line!("{DIM}{indent}{branch}{DIM:#}{name} {who:<13}{DIM}{after:>7} ms  {id}{DIM:#}{why}");
        let below = format!("{indent}{}", if last { "   " } else { "│  " });
        for attempt in self.timeline.attempts_at(event) {
            line!("{DIM}{below}{DIM:#}{BAD}{attempt}{BAD:#}");
        }
        let id = event.metadata.event_id.to_string();
        for step in machine_steps::lines(&self.timeline.executions, &id, self.start) {
            line!("{DIM}{below}{DIM:#}{step}");
        }
        let children = self.children.get(&id).map_or(&[][..], Vec::as_slice);
        for (place, child) in children.iter().enumerate() {
            self.print(child, &below, place + 1 == children.len());
        }
    }
}

/// Returns the origin of an event that no other event caused.
fn outside(event: &LoggedEvent) -> String {
    match TABLE.message(&event.detail_type).map(|message| message.spec.owner) {
        Some(Owner::Partner(partner)) => format!("the {}'s webhook", partner.name),
        _ => "a request".to_owned(),
    }
}

/// Returns the reason in a failure event, in parentheses.
fn reason(event: &LoggedEvent) -> String {
    let reason = event.data["reason"].as_str();
    reason.map(|reason| format!("  ({})", plain(reason))).unwrap_or_default()
}

fn publisher(event: &LoggedEvent) -> String {
    match TABLE.message(&event.detail_type).map(|message| message.spec.owner) {
        Some(Owner::Service(service)) => service.title.to_owned(),
        Some(Owner::Partner(partner)) => format!("the {}", partner.name),
        None => event.source.clone().unwrap_or_default(),
    }
}

/// Returns the event's name: red for a failure, green for an event that ends the order.
fn styled(event: &LoggedEvent, width: usize) -> String {
    let role = TABLE.message(&event.detail_type).map(|message| message.spec.role);
    let name = format!("{:<width$}", event.detail_type);
    match role {
        Some(Role::Failure) => format!("{BAD}{name}{BAD:#}"),
        Some(Role::End) => format!("{GOOD}{name}{GOOD:#}"),
        _ => format!("{BOLD}{name}{BOLD:#}"),
    }
}

fn milliseconds(from: Timestamp, to: Timestamp) -> i128 {
    to.duration_since(from).as_millis()
}

/// Returns the first eight characters of an event's id, which are enough to compare by eye.
fn short_id(event: &LoggedEvent) -> String {
    event.metadata.event_id.to_string().chars().take(8).collect()
}
