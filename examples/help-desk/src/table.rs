//! The help desk's design table: its services, its events, and one row for each action.

use chorus_table::{CallerRole, Callers};

pub mod services {
    chorus_table::services! {
        /// Takes tickets, and follows them to their end.
        DESK: "desk", "Desk", "org.desk";
        /// Knows how many agents are free, and which tickets have one.
        AGENTS: "agents", "Agents", "org.agents";
    }
}

chorus_table::identifier! {
    /// Names a ticket.
    TicketId
}

fn ticket() -> TicketId {
    "t-1".parse().expect("it is short and plain")
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
        /// Every agent is busy.
        NoAgentFree: AGENTS, Failure, about ticket_id, { ticket_id: TicketId = ticket(), }
    }
    event! {
        /// Whoever is on call was alerted to a severe ticket that stayed open.
        OnCallPaged: DESK, Terminal, about ticket_id, { ticket_id: TicketId = ticket(), }
    }
    event! {
        /// The ticket's problem is solved.
        TicketResolved: DESK, Step, about ticket_id, { ticket_id: TicketId = ticket(), }
    }
    event! {
        /// The ticket was closed, because nobody could take it.
        TicketWithdrawn: DESK, End, about ticket_id, { ticket_id: TicketId = ticket(), }
    }
}

/// The role of the people who solve tickets.
pub(crate) const AGENT: CallerRole = CallerRole::new("agent");

chorus_table::design_table! {
    /// Opens a ticket.
    OpenTicket: DESK api [OpenTicket] => [TicketOpened]
        .undone_by(&CloseTicket).callers(Callers::customers_or(&[AGENT]));
    /// Has a free agent take the ticket.
    AssignAgent: AGENTS on [TicketOpened] => [AgentAssigned, NoAgentFree]
        .undone_by(&ReleaseAgent);
    /// Gives the agent of a severe ticket some time, and then calls for help.
    EscalateTicket: DESK on [TicketOpened] => []
        .read_only().starts_machine()
        .when(chorus_table::Content::AtLeast { field: "severity", units: 3 });
    /// Pages whoever is on call, if the ticket is still open.
    PageOnCall: DESK task_of EscalateTicket [TicketOpened] => [OnCallPaged]
        .records().outside();
    /// Closes a ticket whose problem is solved, or that nobody can take.
    CloseTicket: DESK api [ResolveTicket] on [NoAgentFree] => [TicketResolved, TicketWithdrawn]
        .final_step().callers(Callers::with(&[AGENT]));
    /// Sets the agent of a solved ticket free.
    ReleaseAgent: AGENTS on [TicketResolved] => []
        .final_step();
}
