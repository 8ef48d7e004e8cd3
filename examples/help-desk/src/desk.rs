//! The Desk service: tickets from opening to closing.

use chorus_http::{HttpFunction, Method, Route};
use chorus_kernel::{
    Action, ActionError, Context, Decided, Decision, Found, Function, Input, MachineSpec,
    TableSpec, Versioned, create, entity, replace,
};
use serde::{Deserialize, Serialize};

use crate::table::{TicketId, commands, facts, rows, services};

pub(crate) const TABLE: TableSpec = TableSpec { name: "desk", indexes: &[], ttl: None };

const RESOLUTION: &str = "/tickets/{ticket-id}/resolution";
const ESCALATION: &str = include_str!("../state-machines/escalate-ticket.asl.json");

#[must_use]
pub fn function() -> HttpFunction {
    let function = Function::of(services::DESK)
        .table(TABLE)
        .starts::<rows::EscalateTicket>(MachineSpec::new("EscalateTicket", ESCALATION))
        .action(OpenTicket)
        .action(PageOnCall)
        .action(CloseTicket);
    let routes = [
        Route::command::<commands::OpenTicket, _>(Method::POST, "/tickets", 201, OpenTicket),
        Route::command::<commands::ResolveTicket, _>(Method::POST, RESOLUTION, 200, CloseTicket),
    ];
    HttpFunction::new(function, routes)
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
enum Status {
    Open,
    /// The ticket is still open, and the person on call was paged.
    Paged,
    Resolved,
    Withdrawn,
}

#[derive(Clone, Serialize, Deserialize)]
struct Ticket {
    ticket_id: TicketId,
    status: Status,
}

entity!(Ticket: "ticket" in TABLE, by ticket_id: TicketId);

/// Returns the ticket if it is still open.
fn open(known: &Found<Ticket>) -> Option<&Versioned<Ticket>> {
    known.as_ref().filter(|ticket| matches!(ticket.status, Status::Open | Status::Paged))
}

fn emit_with_status<O>(
    event: impl Into<O>,
    ticket: &Versioned<Ticket>,
    status: Status,
) -> Decision<O> {
    let changed = Ticket { status, ..ticket.value.clone() };
    Decision::emit(event).with(replace(ticket, &changed))
}

struct OpenTicket;

impl Action for OpenTicket {
    type Row = rows::OpenTicket;
    type State = Found<Ticket>;

    fn keys(&self, rows::OpenTicketInput::OpenTicket(it): &Input<Self>) -> TicketId {
        it.ticket_id.clone()
    }

    fn decide(&self, input: &Input<Self>, known: &Found<Ticket>, _: &Context<'_>) -> Decided<Self> {
        let rows::OpenTicketInput::OpenTicket(it) = input;
        let (ticket_id, severity) = (it.ticket_id.clone(), it.severity);
        if !(1..=5).contains(&severity) {
            return Err(ActionError::invalid("/severity", "must be a whole number from 1 to 5"));
        }
        if known.is_some() {
            return Err(ActionError::Conflict(format!("there is a ticket {ticket_id} already")));
        }
        let ticket = Ticket { ticket_id: ticket_id.clone(), status: Status::Open };
        Ok(Decision::emit(facts::TicketOpened { ticket_id, severity }).with(create(&ticket)))
    }
}

struct PageOnCall;

impl Action for PageOnCall {
    type Row = rows::PageOnCall;
    type State = Found<Ticket>;

    fn keys(&self, rows::PageOnCallInput::TicketOpened(it): &Input<Self>) -> TicketId {
        it.ticket_id.clone()
    }

    fn decide(&self, input: &Input<Self>, known: &Found<Ticket>, _: &Context<'_>) -> Decided<Self> {
        let ticket_id = self.keys(input);
        Ok(open(known).map_or_else(
            || Decision::nothing("the ticket was closed in time"),
            |ticket| emit_with_status(facts::OnCallPaged { ticket_id }, ticket, Status::Paged),
        ))
    }
}

struct CloseTicket;

impl Action for CloseTicket {
    type Row = rows::CloseTicket;
    type State = Found<Ticket>;

    fn keys(&self, input: &Input<Self>) -> TicketId {
        match input {
            rows::CloseTicketInput::ResolveTicket(it) => it.ticket_id.clone(),
            rows::CloseTicketInput::NoAgentFree(it) => it.ticket_id.clone(),
        }
    }

    fn decide(&self, input: &Input<Self>, known: &Found<Ticket>, _: &Context<'_>) -> Decided<Self> {
        let ticket_id = self.keys(input);
        match (open(known), input) {
            (Some(it), rows::CloseTicketInput::ResolveTicket(_)) => {
                Ok(emit_with_status(facts::TicketResolved { ticket_id }, it, Status::Resolved))
            }
            (Some(it), rows::CloseTicketInput::NoAgentFree(_)) => {
                Ok(emit_with_status(facts::TicketWithdrawn { ticket_id }, it, Status::Withdrawn))
            }
            (None, rows::CloseTicketInput::NoAgentFree(_)) => {
                Ok(Decision::nothing("the ticket is closed"))
            }
            (None, _) if known.is_none() => {
                Err(ActionError::NotFound(format!("there is no ticket {ticket_id}")))
            }
            (None, _) => {
                Err(ActionError::Conflict(format!("the ticket {ticket_id} is closed already")))
            }
        }
    }
}
