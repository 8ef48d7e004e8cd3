//! The design table as a map: publishers on the left, events in the middle, and the rows that
//! consume them on the right.

use std::collections::BTreeMap;

use chorus_table::{Category, EventSpec, Owner, RowSpec, Table};

const WIDTH: u32 = 1_120;
const TOP: u32 = 34;
const EVENT_STEP: u32 = 26;
const ROW_STEP: u32 = 26;
const GROUP_GAP: u32 = 22;
/// Where the column of publishers ends, from the left.
const SPEAKER_RIGHT: u32 = 170;
/// Where the column of events begins.
const EVENT_LEFT: u32 = 330;
/// Where the column of events ends.
const EVENT_RIGHT: u32 = 620;
/// Where the column of consuming rows begins.
const ROW_LEFT: u32 = 800;

/// A service or a partner that publishes events, on the map.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) name: &'static str,
    pub(crate) y: u32,
}

/// An event on the map.
#[derive(Debug)]
pub(crate) struct EventNode {
    pub(crate) name: &'static str,
    /// `step`, `failure`, `terminal` or `end`.
    pub(crate) role: &'static str,
    pub(crate) speaker: &'static str,
    pub(crate) consumers: Vec<&'static str>,
    pub(crate) y: u32,
}

/// A row that consumes events, on the map.
#[derive(Debug)]
pub(crate) struct Consumer {
    pub(crate) action: &'static str,
    pub(crate) service: &'static str,
    pub(crate) meaning: &'static str,
    /// Whether the row is the first of its service. The service's name is shown above its first
    /// row.
    pub(crate) first: bool,
    pub(crate) y: u32,
}

/// A line from a publisher to an event, or from an event to a row.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) id: String,
    pub(crate) event: &'static str,
    /// The line as SVG path data.
    pub(crate) path: String,
}

/// The elements of the map with their positions.
#[derive(Debug)]
pub(crate) struct Map {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) publishers: Vec<Publisher>,
    pub(crate) events: Vec<EventNode>,
    pub(crate) consumers: Vec<Consumer>,
    pub(crate) lines: Vec<Line>,
}

impl Map {
    /// The map of a table. A row that consumes every event is left out, because its lines would
    /// cover all other lines.
    pub(crate) fn of(table: &Table) -> Self {
        let specs = specs(table);
        let events: Vec<EventNode> =
            (0..).zip(&specs).map(|(n, spec)| event_node(table, spec, n)).collect();
        let consumers = consumers(table);
        let below =
            consumers.last().map_or(TOP, |row| row.y).max(TOP + EVENT_STEP * events.len() as u32);
        let height = below + 30;
        let publishers = publishers(&events, height);
        let lines = lines(&publishers, &events, &consumers);
        Self { width: WIDTH, height, publishers, events, consumers, lines }
    }
}

/// Returns every event of the table, in the sequence of the rows that emit the events. The table
/// lists the rows roughly in the sequence in which a customer's order reaches them.
fn specs(table: &Table) -> Vec<EventSpec> {
    let emitted = table.rows.iter().flat_map(|row| row.emits).copied();
    let mentioned = table.messages().into_iter().map(|message| message.spec);
    let mut specs: Vec<EventSpec> = Vec::new();
    for spec in emitted.chain(mentioned) {
        if spec.category() == Category::Event && !specs.contains(&spec) {
            specs.push(spec);
        }
    }
    specs
}

/// The events that a row gets: from a rule or, if the row is a task, from its state machine.
fn consumed(row: &RowSpec) -> impl Iterator<Item = &EventSpec> {
    row.on.iter().chain(row.tasks)
}

/// The name of the service or partner that owns an event, as pages show the name.
pub(crate) const fn titled(owner: Owner) -> &'static str {
    match owner {
        Owner::Service(service) => service.title,
        Owner::Partner(partner) => partner.name,
    }
}

fn event_node(table: &Table, spec: &EventSpec, place: u32) -> EventNode {
    let consumes = |row: &&RowSpec| consumed(row).any(|event| event == spec);
    EventNode {
        name: spec.detail_type,
        role: role(spec),
        speaker: titled(spec.owner),
        consumers: table.rows.iter().filter(consumes).map(|row| row.action).collect(),
        y: TOP + EVENT_STEP * place,
    }
}

/// The role of an event, as a CSS class.
pub(crate) const fn role(spec: &EventSpec) -> &'static str {
    match spec.role {
        chorus_table::Role::Step => "step",
        chorus_table::Role::Failure => "failure",
        chorus_table::Role::Terminal => "terminal",
        chorus_table::Role::End => "end",
        chorus_table::Role::Command => "command",
    }
}

fn consumers(table: &Table) -> Vec<Consumer> {
    let mut y = TOP;
    let mut all = Vec::new();
    for service in table.services {
        let rows = table.rows.iter().filter(|row| row.service == *service);
        let mut first = true;
        for row in rows.filter(|row| consumed(row).next().is_some()) {
            y += if first && !all.is_empty() { GROUP_GAP } else { 0 };
            all.push(Consumer {
                action: row.action,
                service: service.title,
                meaning: row.meaning,
                first,
                y,
            });
            y += ROW_STEP;
            first = false;
        }
    }
    all
}

/// Puts each publisher beside the middle of its events; publishers do not overlap.
fn publishers(events: &[EventNode], height: u32) -> Vec<Publisher> {
    let mut heights: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for event in events {
        heights.entry(event.speaker).or_default().push(event.y);
    }
    let mut publishers: Vec<Publisher> = heights
        .into_iter()
        .map(|(name, heights)| {
            let middle = heights.iter().sum::<u32>() / heights.len().max(1) as u32;
            Publisher { name, y: middle }
        })
        .collect();
    publishers.sort_by_key(|speaker| speaker.y);
    let step = (height / (publishers.len().max(1) as u32)).min(64);
    let mut next = TOP;
    for speaker in &mut publishers {
        speaker.y = speaker.y.max(next);
        next = speaker.y + step;
    }
    // Moves up the publishers that the loop above has put below the end of the map.
    let mut last = height.saturating_sub(40);
    for speaker in publishers.iter_mut().rev() {
        speaker.y = speaker.y.min(last);
        last = speaker.y.saturating_sub(step);
    }
    publishers
}

fn lines(publishers: &[Publisher], events: &[EventNode], consumers: &[Consumer]) -> Vec<Line> {
    let mut lines = Vec::new();
    for event in events {
        if let Some(speaker) = publishers.iter().find(|it| it.name == event.speaker) {
            let path = curve((SPEAKER_RIGHT, speaker.y), (EVENT_LEFT, event.y));
            lines.push(Line { id: format!("published-{}", event.name), event: event.name, path });
        }
        for consumer in consumers.iter().filter(|it| event.consumers.contains(&it.action)) {
            let path = curve((EVENT_RIGHT, event.y), (ROW_LEFT, consumer.y));
            let id = format!("consumed-{}-{}", event.name, consumer.action);
            lines.push(Line { id, event: event.name, path });
        }
    }
    lines
}

/// The SVG path data of a curve to a point on the right. The curve is horizontal at both ends.
fn curve((x, y): (u32, u32), (to_x, to_y): (u32, u32)) -> String {
    let middle = u32::midpoint(x, to_x);
    format!("M{x} {y}C{middle} {y} {middle} {to_y} {to_x} {to_y}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::table::TABLE;

    #[test]
    fn every_event_is_on_the_map_with_its_publisher_and_its_consumers() {
        let map = Map::of(&TABLE);
        let created = map.events.iter().find(|event| event.name == "OrderCreated").unwrap();
        assert_eq!(created.speaker, "Order");
        assert!(created.consumers.contains(&"ReserveItem"), "{created:?}");
        for event in &map.events {
            assert!(map.publishers.iter().any(|it| it.name == event.speaker), "{event:?}");
            for action in &event.consumers {
                let id = format!("consumed-{}-{action}", event.name);
                assert!(map.lines.iter().any(|line| line.id == id), "{id}");
            }
        }
    }

    #[test]
    fn nothing_on_the_map_lies_on_anything_else() {
        let map = Map::of(&TABLE);
        let apart = |mut heights: Vec<u32>, least: u32| {
            heights.sort_unstable();
            assert!(heights.windows(2).all(|pair| pair[1] - pair[0] >= least), "{heights:?}");
            assert!(heights.iter().all(|y| *y < map.height), "{heights:?}");
        };
        apart(map.publishers.iter().map(|it| it.y).collect(), 24);
        apart(map.events.iter().map(|it| it.y).collect(), 24);
        apart(map.consumers.iter().map(|it| it.y).collect(), 24);
    }
}
