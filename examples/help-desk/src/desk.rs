//! The Desk service: tickets, from their opening to their end.

use async_trait::async_trait;
use chorus_http::{Endpoint, HttpFunction, Method, Problem, Request, Response, Route, command};
use chorus_kernel::{
    Action, ActionError, Context, Decision, Entity, Found, Function, Kernel, MachineSpec,
    TableSpec, Versioned, create, replace,
};
use serde::{Deserialize, Serialize};

use crate::table::{TicketId, commands, facts, rows, services};
use crate::{Decided, Input};

pub(crate) const TABLE: TableSpec = TableSpec { name: "desk", indexes: &[], ttl: None };

const ESCALATION: &str = include_str!("../state-machines/escalate-ticket.asl.json");

/// The service.
#[must_use]
pub fn function() -> HttpFunction {
    let function = Function::of(services::DESK)
        .table(TABLE)
        .machine(MachineSpec::new("EscalateTicket", ESCALATION))
        .starts::<rows::EscalateTicket>()
        .action(OpenTicket)
        .action(PageOnCall)
        .action(ResolveTicket)
        .action(WithdrawTicket);
    let open = Route::new(Method::POST, "/tickets", OpenTicket)
        .summary("Open a ticket", 201)
        .takes::<commands::OpenTicket>();
    let resolve = Route::new(Method::POST, "/tickets/{ticket-id}/resolution", ResolveTicket)
        .summary("Close a ticket whose problem is solved", 200);
    HttpFunction::new(function, [open, resolve])
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
enum Status {
    Open,
    /// Open, and whoever is on call knows.
    Paged,
    Resolved,
    Withdrawn,
}

#[derive(Clone, Serialize, Deserialize)]
struct Ticket {
    ticket_id: TicketId,
    status: Status,
}

impl Entity for Ticket {
    type Id = TicketId;
    const TABLE: &'static str = TABLE.name;
    const KIND: &'static str = "ticket";

    fn id(&self) -> &TicketId {
        &self.ticket_id
    }
}

/// The ticket, where it is not closed.
fn open(known: &Found<Ticket>) -> Option<&Versioned<Ticket>> {
    known.as_ref().filter(|ticket| matches!(ticket.status, Status::Open | Status::Paged))
}

fn becomes<O>(event: impl Into<O>, ticket: &Versioned<Ticket>, status: Status) -> Decision<O> {
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
            |ticket| becomes(facts::OnCallPaged { ticket_id }, ticket, Status::Paged),
        ))
    }
}

struct ResolveTicket;

impl Action for ResolveTicket {
    type Row = rows::ResolveTicket;
    type State = Found<Ticket>;

    fn keys(&self, rows::ResolveTicketInput::ResolveTicket(it): &Input<Self>) -> TicketId {
        it.ticket_id.clone()
    }

    fn decide(&self, input: &Input<Self>, known: &Found<Ticket>, _: &Context<'_>) -> Decided<Self> {
        let ticket_id = self.keys(input);
        match open(known) {
            Some(it) => Ok(becomes(facts::TicketResolved { ticket_id }, it, Status::Resolved)),
            None if known.is_some() => Err(ActionError::Conflict(format!("{ticket_id} is closed"))),
            None => Err(ActionError::NotFound(format!("there is no ticket {ticket_id}"))),
        }
    }
}

struct WithdrawTicket;

impl Action for WithdrawTicket {
    type Row = rows::WithdrawTicket;
    type State = Found<Ticket>;

    fn keys(&self, rows::WithdrawTicketInput::NoAgentFree(it): &Input<Self>) -> TicketId {
        it.ticket_id.clone()
    }

    fn decide(&self, input: &Input<Self>, known: &Found<Ticket>, _: &Context<'_>) -> Decided<Self> {
        let ticket_id = self.keys(input);
        Ok(open(known).map_or_else(
            || Decision::nothing("the ticket is closed already"),
            |ticket| becomes(facts::TicketWithdrawn { ticket_id }, ticket, Status::Withdrawn),
        ))
    }
}

#[async_trait]
impl Endpoint for OpenTicket {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        let it: commands::OpenTicket = request.json()?;
        kernel.run(self, &command(kernel, request, &it)?).await?;
        Ok(Response::json(201, serde_json::json!(it)))
    }
}

#[async_trait]
impl Endpoint for ResolveTicket {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        let it = commands::ResolveTicket { ticket_id: request.parameter("ticket-id")? };
        kernel.run(self, &command(kernel, request, &it)?).await?;
        Ok(Response::json(200, serde_json::json!(it)))
    }
}
