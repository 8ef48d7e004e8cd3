//! The help desk in a simulation with a virtual clock and faults: the requests that arrive, and the
//! conditions that must hold.

use std::sync::Arc;
use std::time::Duration;

use chorus_http::Caller;
use chorus_kernel::{number, text};
use chorus_simulation::{Application, Client, Draws, Environment, Observed, Opened, Scenario};
use chorus_table::Table;
use serde_json::json;

use crate::table::{AGENT, TABLE, facts};
use crate::{agents, desk};

/// One ticket, and when requests open and resolve it.
#[derive(Debug, Clone)]
pub struct Call {
    ticket: String,
    opened: Duration,
    resolved: Duration,
    severity: i64,
}

/// The help desk in one run of the simulation.
pub struct HelpDesk(Vec<Call>);

fn resolve(ticket: &str, round: u32) -> Client {
    let name = format!("resolve-{ticket}-{round}");
    let client = Client::new(&name, "POST /tickets/{ticket-id}/resolution", &json!({}));
    client.caller(agent()).key(name).path("ticket-id", ticket).repeats()
}

/// The caller who opens and resolves tickets.
fn agent() -> Caller {
    Caller::with_roles("sam", [AGENT.name])
}

/// Returns the ids of the tickets with one of these statuses.
fn tickets(observed: &Observed, states: &[&str]) -> Vec<String> {
    let items = observed.items(desk::TABLE.name);
    let is_in = |item: &&_| text(item, "status").is_some_and(|status| states.contains(&status));
    let found = items.iter().filter(is_in);
    found.filter_map(|item| text(item, "ticket_id").map(ToOwned::to_owned)).collect()
}

impl Application for HelpDesk {
    type Script = Vec<Call>;
    type Story = ();
    /// The number of withdrawn tickets.
    type Ends = usize;

    const TABLE: Table = TABLE;
    const LONGEST_WAIT: Duration = Duration::from_secs(900);
    const ENDS_WITHIN: Duration = Duration::from_secs(2 * 86_400);

    fn draw(size: u32, draws: &mut Draws) -> Vec<Call> {
        let call = |number| {
            let ticket = format!("t-{number}");
            let mut draw = draws.of(&ticket);
            let (opened, after) = (draw.moment(), draw.moment());
            let severity = draw.one_of(&[1, 2, 3, 4, 5]);
            Call { ticket, opened, resolved: opened + after, severity }
        };
        (1..=size).map(call).collect()
    }

    fn open(_: &Arc<Environment>, scenario: &Scenario<Vec<Call>>) -> Opened<Self> {
        let (application, functions) = (Self(scenario.script.clone()), crate::stack().functions);
        Opened { application, functions, partner: None, watches: Vec::new() }
    }

    fn callers(&self) -> Vec<(Duration, Client)> {
        let calls = |Call { ticket, opened, resolved, severity }: &Call| {
            let body = json!({ "ticket-id": ticket, "severity": severity });
            let open = Client::new(format!("open-{ticket}"), "POST /tickets", &body).key(ticket);
            [(*opened, open.caller(agent()).repeats()), (*resolved, resolve(ticket, 0))]
        };
        self.0.iter().flat_map(calls).collect()
    }

    fn is_over(&self, observed: &Observed) -> bool {
        tickets(observed, &["Open", "Paged"]).is_empty()
    }

    fn help(&self, round: u32, observed: &Observed) -> Vec<Client> {
        let open = tickets(observed, &["Open", "Paged"]);
        open.iter().map(|ticket| resolve(ticket, round + 1)).collect()
    }

    /// Checks that every ticket has ended once, that no ticket was assigned or paged too often, and
    /// that every agent is free again.
    fn check(&self, observed: &Observed) -> Vec<String> {
        let mut wrong = Vec::new();
        for Call { ticket, severity, .. } in &self.0 {
            let opened = observed.times_published::<facts::TicketOpened>(ticket);
            let resolved = observed.times_published::<facts::TicketResolved>(ticket);
            let withdrawn = observed.times_published::<facts::TicketWithdrawn>(ticket);
            let assigned = observed.times_published::<facts::AgentAssigned>(ticket);
            let paged = observed.times_published::<facts::OnCallPaged>(ticket);
            let ends = opened <= 1 && opened == resolved + withdrawn;
            if !ends || assigned > 1 || paged > usize::from(*severity >= 3) {
                wrong.push(format!(
                    "tickets: {ticket} of severity {severity} must end once; it may be assigned \
                     once, and from severity 3 on paged once"
                ));
            }
        }
        let items = observed.items(agents::TABLE.name);
        let free = items.iter().find_map(|item| number(item, "free")).unwrap_or(agents::HIRED);
        if free != agents::HIRED {
            wrong.push(format!(
                "agents: all {} agents must be free in the end, but {free} are",
                agents::HIRED
            ));
        }
        wrong
    }

    fn ends(&self, observed: &Observed) -> usize {
        tickets(observed, &["Withdrawn"]).len()
    }
}
