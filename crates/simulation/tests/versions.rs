//! Two releases of one application under the simulator, each with its own types. The older release
//! publishes and reads version 1 of an event, the newer one version 2. Each service is rolled out
//! and back at random instants, under every kind of fault; nevertheless, every seat gets exactly
//! one ticket. The simulator finds a planted bug: a consumer that treats the two versions of an
//! event as two events.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chorus_http::{Endpoint, HttpFunction, Method, Problem, Request, Response, Route, command};
use chorus_kernel::{
    Action, ActionError, Context, Decided, Decision, Found, Function, Handled, Handler, Input,
    Kernel, Message, TableSpec, save,
};
use chorus_simulation::{
    Application, Campaign, Client, Draw, Draws, Environment, Faults, Observed, Opened, Scenario,
    Script, Setting, Simulator,
};
use chorus_table::{RowSpec, Table};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

mod services {
    chorus_table::services! {
        /// Sells seats.
        OFFICE: "office", "Office", "com.office";
        /// Writes tickets.
        TICKETS: "tickets", "Tickets", "com.tickets";
    }
}

mod commands {
    chorus_table::event! {
        /// Sell this seat.
        SellSeat: chorus_table::Owner::Service(super::services::OFFICE), Command, about seat, {
            seat: String = "seat-1".to_owned(),
        }
    }
}

/// The price of every seat.
const CENTS: u32 = 1_500;

/// Writes a ticket for a seat that was sold, and counts how many times the ticket was written.
fn write_ticket(
    found: Option<&chorus_kernel::Versioned<Ticket>>,
    seat: &str,
    cents: u32,
) -> chorus_kernel::Write {
    let written = found.map_or(0, |ticket| ticket.written) + 1;
    save(found, &Ticket { seat: seat.to_owned(), cents, written })
}

/// The earlier release: prices are whole euros.
mod before {
    use super::*;

    pub(super) mod facts {
        use super::super::services;

        chorus_table::event! {
            /// A seat is sold.
            SeatSold: chorus_table::Owner::Service(services::OFFICE), Step, about seat, {
                seat: String = "seat-1".to_owned(),
                euros: u32 = 15,
            }
        }
        chorus_table::event! {
            /// The ticket of a seat is written.
            TicketWritten: chorus_table::Owner::Service(services::TICKETS), End, about seat, {
                seat: String = "seat-1".to_owned(),
            }
        }
    }

    chorus_table::design_table! {
        /// Sells a seat.
        SellSeat: OFFICE api [SellSeat] => [SeatSold]
            .records().callers(chorus_table::Callers::Anyone);

        /// Writes the ticket of a sold seat.
        WriteTicket: TICKETS on [SeatSold] => [TicketWritten]
            .records();
    }

    pub(super) struct SellSeat;

    impl Action for SellSeat {
        type Row = rows::SellSeat;
        type State = ();

        fn keys(&self, _: &Input<Self>) {}

        fn decide(&self, input: &Input<Self>, (): &(), _: &Context<'_>) -> Decided<Self> {
            let rows::SellSeatInput::SellSeat(it) = input;
            Ok(Decision::emit(facts::SeatSold { seat: it.seat.clone(), euros: CENTS / 100 }))
        }
    }

    pub(super) struct WriteTicket;

    impl Action for WriteTicket {
        type Row = rows::WriteTicket;
        type State = Found<Ticket>;

        fn keys(&self, rows::WriteTicketInput::SeatSold(it): &Input<Self>) -> String {
            it.seat.clone()
        }

        fn decide(
            &self,
            input: &Input<Self>,
            found: &Found<Ticket>,
            _: &Context<'_>,
        ) -> Decided<Self> {
            let rows::WriteTicketInput::SeatSold(it) = input;
            let written = facts::TicketWritten { seat: it.seat.clone() };
            let ticket = write_ticket(found.as_ref(), &it.seat, it.euros * 100);
            Ok(Decision::emit(written).with(ticket))
        }
    }
}

mod facts {
    use super::services;

    chorus_table::event! {
        /// A seat is sold.
        SeatSold: chorus_table::Owner::Service(services::OFFICE), Step, about seat, version 2, {
            seat: String = "seat-1".to_owned(),
            cents: u32 = 1_500,
        }
        before {
            /// Prices were whole euros.
            1 as SeatSoldV1 published {
                seat: String = "seat-1".to_owned(),
                euros: u32 = 15,
            }
            upcast |old| SeatSold { seat: old.seat, cents: old.euros * 100 };
            downcast |new| Some(SeatSoldV1 { seat: new.seat.clone(), euros: new.cents / 100 });
        }
    }
    pub(super) use super::before::facts::TicketWritten;
}

chorus_table::design_table! {
    /// Sells a seat.
    SellSeat: OFFICE api [SellSeat] => [SeatSold]
        .records().callers(chorus_table::Callers::Anyone);

    /// Writes the ticket of a sold seat.
    WriteTicket: TICKETS on [SeatSold] => [TicketWritten]
        .records();
}

struct SellSeat;

impl Action for SellSeat {
    type Row = rows::SellSeat;
    type State = ();

    fn keys(&self, _: &Input<Self>) {}

    fn decide(&self, input: &Input<Self>, (): &(), _: &Context<'_>) -> Decided<Self> {
        let rows::SellSeatInput::SellSeat(it) = input;
        Ok(Decision::emit(facts::SeatSold { seat: it.seat.clone(), cents: CENTS }))
    }
}

struct WriteTicket;

impl Action for WriteTicket {
    type Row = rows::WriteTicket;
    type State = Found<Ticket>;

    fn keys(&self, rows::WriteTicketInput::SeatSold(it): &Input<Self>) -> String {
        it.seat.clone()
    }

    fn decide(&self, input: &Input<Self>, found: &Found<Ticket>, _: &Context<'_>) -> Decided<Self> {
        let rows::WriteTicketInput::SeatSold(it) = input;
        let written = facts::TicketWritten { seat: it.seat.clone() };
        Ok(Decision::emit(written).with(write_ticket(found.as_ref(), &it.seat, it.cents)))
    }
}

const TICKETS: TableSpec = TableSpec { name: "tickets", indexes: &[], ttl: None };

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Ticket {
    seat: String,
    cents: u32,
    written: u32,
}

chorus_kernel::entity!(Ticket: "ticket" in TICKETS, by seat: String);

/// The upper limit of each instant in a [`Rollout`], counted from the start of the run.
const LONGEST: Duration = Duration::from_secs(1_800);

/// When a service is rolled out, rolled back, and rolled out again, counted from the start of the
/// run.
#[derive(Debug, Clone)]
struct Rollout([Duration; 3]);

impl Rollout {
    fn drawn(mut draw: Draw) -> Self {
        let mut moments = [draw.moment(), draw.moment(), draw.moment()].map(|at| at.min(LONGEST));
        moments.sort_unstable();
        Self(moments)
    }
}

/// Determines by the time which of the two releases a service runs.
#[derive(Clone)]
struct Release {
    environment: Arc<Environment>,
    opened: Timestamp,
    rollout: Rollout,
}

impl Release {
    fn passed(&self) -> usize {
        let age = self.environment.now().duration_since(self.opened);
        let age = Duration::try_from(age).unwrap_or_default();
        self.rollout.0.iter().filter(|at| **at <= age).count()
    }

    fn is_new(&self) -> bool {
        self.passed() % 2 == 1
    }

    /// Whether the newer release runs from now on.
    fn is_out(&self) -> bool {
        self.passed() == self.rollout.0.len()
    }
}

/// How many times a consumer that runs the older release received an event that it cannot read.
static TOO_NEW: AtomicU64 = AtomicU64::new(0);

/// A handler with the actions of both releases, which calls the action of the release that the
/// service runs.
struct Released {
    release: Release,
    before: Arc<dyn Handler>,
    now: Arc<dyn Handler>,
    /// Whether this handler has the planted bug. If so, it handles the two versions of an event as
    /// two events.
    tells_apart: bool,
}

#[async_trait]
impl Handler for Released {
    fn row(&self) -> RowSpec {
        self.now.row()
    }

    fn reads(&self, detail_type: &str) -> bool {
        self.now.reads(detail_type)
    }

    async fn handle(&self, kernel: &Kernel, message: &Message) -> Result<Handled, ActionError> {
        let mut message = message.clone();
        if self.tells_apart && message.metadata.copy_of.is_some() {
            message.metadata.idempotency_key.push_str("-copy");
        }
        if self.release.is_new() {
            return self.now.handle(kernel, &message).await;
        }
        let handled = self.before.handle(kernel, &message).await;
        if handled.is_err() && message.metadata.version > 1 && !self.tells_apart {
            TOO_NEW.fetch_add(1, Ordering::Relaxed);
        }
        handled
    }
}

struct Sells(Release);

#[async_trait]
impl Endpoint for Sells {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        let message = command(kernel, request, &request.json::<commands::SellSeat>()?)?;
        match self.0.is_new() {
            true => kernel.run(&SellSeat, &message).await?,
            false => kernel.run(&before::SellSeat, &message).await?,
        };
        Ok(Response::json(201, json!({})))
    }
}

#[derive(Debug, Clone)]
struct Sales {
    buyers: Vec<(Duration, String)>,
    office: Rollout,
    tickets: Rollout,
}

impl Script for Sales {
    fn len(&self) -> usize {
        self.buyers.len()
    }

    fn remove(&mut self, place: usize) {
        self.buyers.remove(place);
    }

    fn describe(&self) -> Vec<String> {
        let bought = |(at, seat): &(Duration, String)| format!("{seat} is bought after {at:?}");
        let mut lines: Vec<String> = self.buyers.iter().map(bought).collect();
        lines.push(format!("the office is rolled out, back and out at {:?}", self.office.0));
        lines.push(format!("the tickets are rolled out, back and out at {:?}", self.tickets.0));
        lines
    }
}

struct TwoReleases<const TELLS_APART: bool> {
    sales: Sales,
    releases: [Release; 2],
}

impl<const TELLS_APART: bool> Application for TwoReleases<TELLS_APART> {
    type Script = Sales;
    type Story = ();
    type Ends = usize;

    const TABLE: Table = TABLE;
    const ENDS_WITHIN: Duration = Duration::from_secs(2 * 86_400);

    fn draw(size: u32, draws: &mut Draws) -> Sales {
        let buyer = |number| {
            let seat = format!("seat-{number}");
            (draws.of(&seat).moment(), seat)
        };
        Sales {
            buyers: (1..=size).map(buyer).collect(),
            office: Rollout::drawn(draws.of("office")),
            tickets: Rollout::drawn(draws.of("tickets")),
        }
    }

    fn open(environment: &Arc<Environment>, scenario: &Scenario<Sales>) -> Opened<Self> {
        let sales = scenario.script.clone();
        let release = |rollout: &Rollout| Release {
            environment: Arc::clone(environment),
            opened: environment.now(),
            rollout: rollout.clone(),
        };
        let both = |rollout, before, now| {
            let release = release(rollout);
            Arc::new(Released { release, before, now, tells_apart: TELLS_APART })
                as Arc<dyn Handler>
        };
        let mut office = Function::of(services::OFFICE);
        let sells = without_calls::<before::SellSeat, SellSeat>(before::SellSeat, SellSeat);
        office.handlers.push(both(&sales.office, sells.0, sells.1));
        let mut tickets = Function::of(services::TICKETS).table(TICKETS);
        let writes =
            without_calls::<before::WriteTicket, WriteTicket>(before::WriteTicket, WriteTicket);
        tickets.handlers.push(both(&sales.tickets, writes.0, writes.1));
        let sold =
            Route::of::<rows::SellSeat>(Method::POST, "/seats", Sells(release(&sales.office)));
        Opened {
            application: Self {
                releases: [release(&sales.office), release(&sales.tickets)],
                sales,
            },
            functions: vec![HttpFunction::new(office, [sold]), tickets.into()],
            partner: None,
            watches: Vec::new(),
        }
    }

    fn callers(&self) -> Vec<(Duration, Client)> {
        let buys = |(at, seat): &(Duration, String)| {
            let body = json!({ "seat": seat });
            (*at, Client::new(format!("{seat} bought"), "POST /seats", &body).key(seat))
        };
        self.sales.buyers.iter().map(buys).collect()
    }

    fn is_over(&self, observed: &Observed) -> bool {
        let out = self.releases.iter().all(Release::is_out);
        out && self.sales.buyers.iter().all(|(_, seat)| {
            !observed.was_published::<facts::SeatSold>(seat)
                || observed.was_published::<facts::TicketWritten>(seat)
        })
    }

    fn check(&self, observed: &Observed) -> Vec<String> {
        let items = observed.items(TICKETS.name).into_iter();
        let tickets: Vec<Ticket> =
            items.map(|item| serde_dynamo::from_item(item).unwrap()).collect();
        let mut wrong = Vec::new();
        for (_, seat) in &self.sales.buyers {
            let sold = observed.was_published::<facts::SeatSold>(seat);
            let ticket = tickets.iter().find(|ticket| ticket.seat == *seat);
            let written = ticket.map(|ticket| (ticket.written, ticket.cents));
            if written != sold.then_some((1, CENTS)) {
                wrong.push(format!("tickets: {seat} was sold: {sold}, and has {ticket:?}"));
            }
        }
        wrong
    }

    fn ends(&self, observed: &Observed) -> usize {
        observed.items(TICKETS.name).len()
    }
}

/// The two handlers of an action: the older release's and the newer one's. The action makes no
/// external calls.
fn without_calls<B: Action + 'static, N: Action + 'static>(
    before: B,
    now: N,
) -> (Arc<dyn Handler>, Arc<dyn Handler>) {
    let of = |function: Function| Arc::clone(&function.handlers[0]);
    (
        of(Function::of(services::OFFICE).action(before)),
        of(Function::of(services::OFFICE).action(now)),
    )
}

/// The number of seeds; the variable `CHORUS_SEEDS` may set it.
fn seeds() -> u64 {
    std::env::var("CHORUS_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(500)
}

/// A campaign with every general kind of fault except `versions`: this test has its own releases.
fn campaign() -> Campaign<()> {
    let faults = Faults::read("all,-versions", &[]).unwrap();
    Campaign::Seeds { seeds: 0..seeds(), faults, size: 3 }
}

#[test]
fn every_seat_has_one_ticket_whichever_release_runs_where_and_when() {
    let simulator = Simulator::<TwoReleases<false>>::new();
    let report = simulator.campaign(&campaign(), &Setting::default(), &|_| {}).unwrap();
    assert_eq!(report.failed, 0, "{:#?}", report.failures);
    assert!(report.ends as u64 > 2 * seeds(), "{} tickets", report.ends);
    assert!(TOO_NEW.load(Ordering::Relaxed) > 0, "no consumer of the older release got version 2");
    assert_eq!(report.dead_letters, 0, "the newer release reads every event before retries end");
}

#[test]
fn a_consumer_that_tells_the_versions_apart_is_found() {
    let simulator = Simulator::<TwoReleases<true>>::new();
    let setting = Setting { most_failures: 1, ..Setting::default() };
    let report = simulator.campaign(&campaign(), &setting, &|_| {}).unwrap();
    let failure = report.failures.first().expect("no seed has found it");
    assert!(failure.violations[0].contains("written: 2"), "{:?}", failure.violations);
}
