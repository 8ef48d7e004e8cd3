//! The table as a graph of rows that are connected by events.

use std::collections::BTreeSet;

use chorus_table::{EventSpec, Role, RowSpec};

/// The rows of a design table, connected by the events that they emit and consume.
#[derive(Debug, Clone, Copy)]
pub struct Flow<'a> {
    pub rows: &'a [RowSpec],
}

impl<'a> Flow<'a> {
    /// The row whose action is `action`.
    #[must_use]
    pub fn row(&self, action: &str) -> Option<&'a RowSpec> {
        self.rows.iter().find(|row| row.action == action)
    }

    /// The rows that consume this event by name. A catch-all row does not count.
    pub fn consumers(&self, event: &str) -> impl Iterator<Item = &'a RowSpec> {
        let consumes = move |row: &&RowSpec| {
            !row.is_catch_all() && row.consumes().any(|spec| spec.detail_type == event)
        };
        self.rows.iter().filter(consumes)
    }

    /// The rows that publish this event, as an output or as an event of their circuit breaker.
    pub fn producers(&self, event: &str) -> impl Iterator<Item = &'a RowSpec> {
        let publishes = move |row: &&RowSpec| row.publishes().any(|spec| spec.detail_type == event);
        self.rows.iter().filter(publishes)
    }

    /// The events that rows consume or emit, each once, in the table's order, without commands.
    #[must_use]
    pub fn events(&self) -> Vec<EventSpec> {
        let mut once: Vec<EventSpec> = Vec::new();
        for spec in self.rows.iter().flat_map(|row| row.consumes().chain(row.emits)) {
            if spec.role != Role::Command && !once.contains(spec) {
                once.push(*spec);
            }
        }
        once
    }

    /// The events in `first`, and all events to which they can lead: each event leads to the events
    /// that its consumers emit, and to the events that the consumers' partners may publish. A row
    /// that consumes the dead letters of a consumer counts as a consumer, too.
    #[must_use]
    pub fn following(&self, first: &[EventSpec]) -> BTreeSet<&'static str> {
        let mut reached = BTreeSet::new();
        let mut waiting: Vec<&'static str> = first.iter().map(|event| event.detail_type).collect();
        while let Some(event) = waiting.pop() {
            if !reached.insert(event) {
                continue;
            }
            for row in self.consumers(event).flat_map(|row| self.with_dead_letters(row)) {
                waiting.extend(row.emits.iter().map(|spec| spec.detail_type));
                waiting.extend(self.answers(row));
            }
        }
        reached
    }

    /// A row, and the rows that consume its dead letters.
    pub(crate) fn with_dead_letters(&self, row: &'a RowSpec) -> impl Iterator<Item = &'a RowSpec> {
        let takes_over = |other: &&RowSpec| other.dead_letters_of == Some(row.action);
        std::iter::once(row).chain(self.rows.iter().filter(takes_over))
    }

    /// The events that a partner may publish after this row has called the partner: all of the
    /// partner's events.
    fn answers(&self, row: &RowSpec) -> Vec<&'static str> {
        if row.partner().is_none() {
            return Vec::new();
        }
        let partners = row.emits.iter().map(|event| event.owner).collect::<Vec<_>>();
        let theirs = |event: &EventSpec| partners.contains(&event.owner);
        self.events().into_iter().filter(theirs).map(|event| event.detail_type).collect()
    }
}
