//! The help desk's design table: its services, its events, and one row for each action.

use chorus_table::{CallerRole, Callers};

pub mod services {
    chorus_table::services! {
        /// Takes tickets, and follows them to their end.
        DESK: "desk", "Desk", "org.desk";
        /// Counts the free agents, and assigns them to tickets.
        AGENTS: "agents", "Agents", "org.agents";
    }
}

chorus_table::identifier! {
    /// The id of a ticket.
    TicketId
}

fn ticket() -> TicketId {
    "t-1".parse().expect("the sample id is valid")
}

pub mod commands {
    use super::{TicketId, ticket};
    use chorus_table::{Owner, event};

    const DESK: Owner = Owner::Service(super::services::DESK);
    event! {
        /// Open a ticket.
        OpenTicket: DESK, Command, about ticket_id, {
            ticket_id: TicketId = ticket(),
            severity: i64 = 3,
        }
    }
    event! {
        /// Close a ticket whose problem is solved.
        ResolveTicket: DESK, Command, about ticket_id, { ticket_id: TicketId = ticket(), }
    }
}

pub mod facts {
    use super::{TicketId, ticket};
    use chorus_table::{Owner, event};

    const DESK: Owner = Owner::Service(super::services::DESK);
    const AGENTS: Owner = Owner::Service(super::services::AGENTS);
    event! {
        /// A ticket was opened.
        TicketOpened: DESK, Step, about ticket_id, {
            ticket_id: TicketId = ticket(),
            severity: i64 = 3,
        } also [{ severity: 1 }]
    }
    event! {
        /// A free agent has taken the ticket.
        AgentAssigned: AGENTS, Terminal, about ticket_id, { ticket_id: TicketId = ticket(), }
    }
    event! {
        /// No agent is free to take the ticket.
        NoAgentFree: AGENTS, Failure, about ticket_id, { ticket_id: TicketId = ticket(), }
    }
    event! {
        /// The person on call was paged about a severe ticket that stayed open.
        OnCallPaged: DESK, Terminal, about ticket_id, { ticket_id: TicketId = ticket(), }
    }
    event! {
        /// The ticket's problem is solved.
        TicketResolved: DESK, Step, about ticket_id, { ticket_id: TicketId = ticket(), }
    }
    event! {
        /// The ticket was closed, because no agent was free to take it.
        TicketWithdrawn: DESK, End, about ticket_id, { ticket_id: TicketId = ticket(), }
    }
}

/// The role of the people who solve tickets.
pub(crate) const AGENT: CallerRole = CallerRole::new("agent");

chorus_table::design_table! {
    /// Opens a ticket.
    OpenTicket: DESK api [OpenTicket] => [TicketOpened]
        .undone_by(&CloseTicket).callers(Callers::customers_or(&[AGENT]));
    /// Assigns a free agent to the ticket.
    AssignAgent: AGENTS on [TicketOpened] => [AgentAssigned, NoAgentFree]
        .undone_by(&ReleaseAgent);
    /// Starts the state machine that gives the agent of a severe ticket some time, and then pages
    /// the person on call.
    EscalateTicket: DESK on [TicketOpened] => []
        .read_only().starts_machine()
        .when(chorus_table::Content::AtLeast { field: "severity", units: 3 });
    /// Pages the person on call, if the ticket is still open.
    PageOnCall: DESK task_of EscalateTicket [TicketOpened] => [OnCallPaged]
        .records().outside();
    /// Closes a ticket whose problem is solved, or that no agent is free to take.
    CloseTicket: DESK api [ResolveTicket] on [NoAgentFree] => [TicketResolved, TicketWithdrawn]
        .final_step().callers(Callers::with(&[AGENT]));
    /// Frees the agent of a solved ticket.
    ReleaseAgent: AGENTS on [TicketResolved] => []
        .final_step();
}
