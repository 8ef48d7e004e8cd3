//! The Agents service: how many agents are free, and which tickets have an agent.

use chorus_kernel::{
    Action, Context, Counter, Decided, Decision, Found, Function, Input, TableSpec, add, create,
    entity, replace, state,
};
use serde::{Deserialize, Serialize};

use crate::table::{TicketId, facts, rows, services};

pub(crate) const TABLE: TableSpec = TableSpec { name: "agents", indexes: &[], ttl: None };

/// The number of agents.
pub(crate) const HIRED: i64 = 2;

const TEAM: &str = "support";

#[must_use]
pub fn function() -> Function {
    Function::of(services::AGENTS).table(TABLE).action(AssignAgent).action(ReleaseAgent)
}

/// The number of agents without a ticket. The number is stored when the first agent is assigned;
/// until then, all agents are free.
#[derive(Clone, Serialize, Deserialize)]
struct Team {
    name: String,
    free: i64,
}

entity!(Team: "team" in TABLE, by name: String);

const FREE: Counter<Team> = Counter::of("free");

/// An agent's work on a ticket; `released` is set once the work has ended. If a ticket was closed
/// before this service assigned an agent, `released` is set from the start, so that no agent is
/// assigned later.
#[derive(Clone, Serialize, Deserialize)]
struct Assignment {
    ticket_id: TicketId,
    released: bool,
}

entity!(Assignment: "assignment" in TABLE, by ticket_id: TicketId);

state! {
    struct Known read by KnownKeys { assignment: Found<Assignment>, team: Found<Team> }
}

struct AssignAgent;

impl Action for AssignAgent {
    type Row = rows::AssignAgent;
    type State = Known;

    fn keys(&self, rows::AssignAgentInput::TicketOpened(it): &Input<Self>) -> KnownKeys {
        KnownKeys { assignment: it.ticket_id.clone(), team: TEAM.to_owned() }
    }

    fn decide(&self, input: &Input<Self>, known: &Known, _: &Context<'_>) -> Decided<Self> {
        let ticket_id = self.keys(input).assignment;
        if known.assignment.is_some() {
            return Ok(Decision::nothing("the ticket has its agent, or is closed"));
        }
        // If two tickets compete for the last free agent, the counter's lower bound rejects one of
        // the decrements.
        let taken = match &known.team {
            None => create(&Team { name: TEAM.to_owned(), free: HIRED - 1 }),
            Some(team) if team.free > 0 => add(&TEAM.to_owned(), &[(FREE, -1)]),
            Some(_) => return Ok(Decision::emit(facts::NoAgentFree { ticket_id })),
        };
        let assignment = create(&Assignment { ticket_id: ticket_id.clone(), released: false });
        Ok(Decision::emit(facts::AgentAssigned { ticket_id }).with(assignment).with(taken))
    }
}

struct ReleaseAgent;

impl Action for ReleaseAgent {
    type Row = rows::ReleaseAgent;
    type State = Found<Assignment>;

    fn keys(&self, rows::ReleaseAgentInput::TicketResolved(it): &Input<Self>) -> TicketId {
        it.ticket_id.clone()
    }

    fn decide(&self, it: &Input<Self>, known: &Self::State, _: &Context<'_>) -> Decided<Self> {
        let released = Assignment { ticket_id: self.keys(it), released: true };
        Ok(match known {
            None => Decision::nothing("the ticket has no agent, and will get none")
                .with(create(&released)),
            Some(known) if known.released => Decision::nothing("the agent is free already"),
            Some(known) => Decision::nothing("the agent is free")
                .with(replace(known, &released))
                .with(add(&TEAM.to_owned(), &[(FREE, 1)])),
        })
    }
}
