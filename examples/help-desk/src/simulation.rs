//! The help desk under a virtual clock and faults: what people do, and what must hold.

use std::sync::Arc;
use std::time::Duration;

use chorus_kernel::{Item, number, text};
use chorus_simulation::{
    Application, Campaign, Client, Draws, Environment, Faults, Observed, Opened, Poison, Scenario,
    Script, Unreadable,
};
use chorus_table::{Event, Row, Table};
use serde_json::json;

use crate::table::{TABLE, facts, rows};
use crate::{agents, desk};

/// Every kind of fault, on four tickets in each run.
#[must_use]
pub fn campaign(seeds: u64) -> Campaign<()> {
    Campaign::Seeds { seeds: 0..seeds, faults: Faults::all(&[]), size: 4 }
}

/// Tickets: when each is opened, when resolved, and how severe it is.
#[derive(Debug, Clone)]
pub struct Calls(Vec<(String, Duration, Duration, i64)>);

impl Script for Calls {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn remove(&mut self, place: usize) {
        self.0.remove(place);
    }

    fn tell(&self) -> Vec<String> {
        self.0.iter().map(|call| format!("{call:?}")).collect()
    }
}

/// The help desk of one run.
pub struct HelpDesk(Calls);

fn resolve(ticket: &str, round: u32) -> Client {
    let name = format!("resolve-{ticket}-{round}");
    let client = Client::new(&name, "POST /tickets/{ticket-id}/resolution", &json!({}));
    client.key(name).path("ticket-id", ticket).repeats()
}

fn of_status<'a>(items: &'a [Item], status: &str) -> impl Iterator<Item = &'a str> {
    let found = items.iter().filter(move |item| text(item, "status") == Some(status));
    found.filter_map(|item| text(item, "ticket_id"))
}

const EVENTS: [&str; 6] = [
    facts::TicketOpened::SPEC.detail_type,
    facts::TicketResolved::SPEC.detail_type,
    facts::TicketWithdrawn::SPEC.detail_type,
    facts::AgentAssigned::SPEC.detail_type,
    facts::AgentReleased::SPEC.detail_type,
    facts::OnCallPaged::SPEC.detail_type,
];

impl Application for HelpDesk {
    type Script = Calls;
    type Story = ();
    /// Tickets withdrawn.
    type Ends = usize;

    const TABLE: Table = TABLE;
    const LONGEST_WAIT: Duration = Duration::from_secs(900);
    const ENDS_WITHIN: Duration = Duration::from_secs(2 * 86_400);
    const POISON: &'static [Poison] = &[Poison {
        event: <facts::TicketOpened as Event>::SPEC,
        unreadable: Unreadable::Envelope,
        buried_by: &[<rows::AssignAgent as Row>::SPEC],
    }];

    fn draw(size: u32, draws: &mut Draws) -> Calls {
        let call = |number| {
            let name = format!("t-{number}");
            let mut draw = draws.of(&name);
            let (opened, resolved) = (draw.moment(), draw.moment());
            (name, opened, opened + resolved, draw.one_of(&[1, 2, 3, 4, 5]))
        };
        Calls((1..=size).map(call).collect())
    }

    fn fixed((): ()) -> Calls {
        Self::draw(3, &mut Draws::plain())
    }

    fn open(_: &Arc<Environment>, scenario: &Scenario<Calls>) -> Opened<Self> {
        let (application, functions) = (Self(scenario.script.clone()), crate::functions());
        Opened { application, functions, partner: None, watches: Vec::new() }
    }

    fn callers(&self) -> Vec<(Duration, Client)> {
        let calls = |(ticket, opened, resolved, severity): &(String, Duration, Duration, i64)| {
            let body = json!({ "ticket-id": ticket, "severity": severity });
            let open = Client::new(format!("open-{ticket}"), "POST /tickets", &body).key(ticket);
            [(*opened, open.repeats()), (*resolved, resolve(ticket, 0))]
        };
        self.0.0.iter().flat_map(calls).collect()
    }

    fn is_over(&self, observed: &Observed) -> bool {
        let tickets = observed.items(desk::TABLE.name);
        of_status(&tickets, "Open").chain(of_status(&tickets, "Paged")).next().is_none()
    }

    fn help(&self, round: u32, observed: &Observed) -> Vec<Client> {
        let tickets = observed.items(desk::TABLE.name);
        let open = of_status(&tickets, "Open").chain(of_status(&tickets, "Paged"));
        open.map(|ticket| resolve(ticket, round + 1)).collect()
    }

    /// Every ticket has ended, once and for the right reason, and every agent is free again.
    fn check(&self, observed: &Observed) -> Vec<String> {
        let mut wrong = Vec::new();
        for (ticket, .., severity) in &self.0.0 {
            let sightings = observed.sightings();
            let about = || sightings.events.values().filter(|event| event.about == *ticket);
            let count = |kind| about().filter(|event| event.detail_type == kind).count();
            let [opened, resolved, withdrawn, assigned, released, paged] = EVENTS.map(count);
            let ends = opened <= 1 && opened == resolved + withdrawn;
            let pages = paged <= usize::from(*severity >= 3);
            if !ends || !pages || assigned > 1 || assigned != released {
                let events: Vec<_> = about().map(|event| &event.detail_type).collect();
                wrong.push(format!("tickets: {ticket} of severity {severity} had {events:?}"));
            }
        }
        let items = observed.items(agents::TABLE.name);
        let free = items.iter().find_map(|item| number(item, "free")).unwrap_or(agents::HIRED);
        if free != agents::HIRED {
            wrong.push(format!("agents: {free} of {} are free in the end", agents::HIRED));
        }
        wrong
    }

    fn ends(&self, observed: &Observed) -> usize {
        of_status(&observed.items(desk::TABLE.name), "Withdrawn").count()
    }
}
