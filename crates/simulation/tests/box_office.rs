//! A small application under the simulator: it sells seats over HTTP, and prints each ticket once.
//! The simulator finds a planted bug, in which each call to the printer has a new idempotency key.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chorus_http::{Endpoint, HttpFunction, Method, Problem, Request, Response, Route, command};
use chorus_kernel::{
    Action, ActionError, CallContext, Context, Decision, ExternalAction, Function, Kernel,
    OutcomeUnknown, People, Step,
};
use chorus_simulation::{
    Application, Backing, Campaign, Client, Draws, Effects, Environment, Faults, Observed, Opened,
    Poison, Port, Scenario, Script, Setting, Simulator, Unreadable,
};
use chorus_table::{Content, Event, Row, RowSpec, Table};
use serde_json::json;

mod services {
    chorus_table::services! {
        /// Sells seats.
        OFFICE: "office", "Office", "com.office";
        /// Prints tickets.
        PRINTING: "printing", "Printing", "com.printing";
    }
}

mod commands {
    use chorus_table::Owner;

    chorus_table::event! {
        /// Sell this seat.
        SellSeat: Owner::Service(super::services::OFFICE), Command, about seat, {
            seat: String = "seat-1".to_owned(),
        }
    }
}

mod facts {
    use chorus_table::Owner;

    chorus_table::event! {
        /// A seat is sold.
        SeatSold: Owner::Service(super::services::OFFICE), Step, about seat, {
            seat: String = "seat-1".to_owned(),
        }
    }

    chorus_table::event! {
        /// The ticket for a seat was printed.
        TicketPrinted: Owner::Service(super::services::PRINTING), End, about seat, {
            seat: String = "seat-1".to_owned(),
        }
    }
}

chorus_table::design_table! {
    /// Sells a seat.
    SellSeat: OFFICE api [SellSeat] => [SeatSold]
        .records().callers(chorus_table::Callers::Anyone);

    /// Prints the ticket of a sold seat.
    PrintTicket: PRINTING on [SeatSold] => [TicketPrinted]
        .records().outside();
}

struct SellSeat;

impl Action for SellSeat {
    type Row = rows::SellSeat;

    type State = ();

    fn keys(&self, _: &rows::SellSeatInput) {}

    fn decide(
        &self,
        rows::SellSeatInput::SellSeat(command): &rows::SellSeatInput,
        (): &(),
        _: &Context<'_>,
    ) -> Result<Decision<rows::SellSeatOutput>, ActionError> {
        Ok(Decision::emit(facts::SeatSold { seat: command.seat.clone() }))
    }
}

#[async_trait]
impl Endpoint for SellSeat {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        let message = command(kernel, request, &request.json::<commands::SellSeat>()?)?;
        kernel.run(self, &message).await?;
        Ok(Response::json(201, json!({})))
    }
}

/// A printer that prints one ticket for each key.
struct Printer {
    environment: Arc<Environment>,
    tickets: Arc<Mutex<BTreeMap<String, String>>>,
}

const PRINTER: Port = Port::external(0, "Printer");

/// How many times the clock of the hall strikes in a run. It strikes once a second, so that between
/// most strikes no recurring job is due.
const STRIKES: u32 = 50;

/// Makes the hall's clock strike: counts the strike, and plans the next one.
fn strike(environment: &Arc<Environment>, strikes: &Arc<AtomicU32>) {
    if strikes.fetch_add(1, Ordering::Relaxed) + 1 < STRIKES {
        let (next, strikes) = (Arc::clone(environment), Arc::clone(strikes));
        environment.later(Duration::from_secs(1), move || {
            strike(&next, &strikes);
            Vec::new()
        });
    }
}

struct PrintTicket {
    printer: Arc<Printer>,
    /// The planted bug: each attempt has a new key, so the printer prints one more ticket.
    forgets_its_key: bool,
}

#[async_trait]
impl ExternalAction for PrintTicket {
    type Row = rows::PrintTicket;
    type State = ();
    type Request = String;
    type Response = ();

    fn keys(&self, _: &rows::PrintTicketInput) {}

    fn decide(
        &self,
        rows::PrintTicketInput::SeatSold(facts::SeatSold { seat }): &rows::PrintTicketInput,
        (): &(),
        context: &CallContext<'_, ()>,
    ) -> Result<Step<String, rows::PrintTicketOutput>, ActionError> {
        let seat = seat.clone();
        Ok(match context.response {
            None => Step::Call { request: seat, claim: Vec::new() },
            Some(()) => Step::Done(Decision::emit(facts::TicketPrinted { seat })),
        })
    }

    async fn call(&self, seat: &String, key: &str, _: &People) -> Result<(), OutcomeUnknown> {
        let (tickets, seat) = (Arc::clone(&self.printer.tickets), seat.clone());
        let key = (!self.forgets_its_key).then(|| key.to_owned());
        let print = move || {
            let mut tickets = tickets.lock().unwrap();
            let key = key.unwrap_or_else(|| format!("ticket {}", tickets.len()));
            tickets.entry(key).or_insert(seat);
        };
        let answer = self.printer.environment.external(PRINTER, print).await;
        answer.ok_or_else(|| OutcomeUnknown("no answer".to_owned()))
    }
}

#[derive(Debug, Clone)]
struct Buyers(Vec<(Duration, String)>);

impl Script for Buyers {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn remove(&mut self, place: usize) {
        self.0.remove(place);
    }

    fn describe(&self) -> Vec<String> {
        self.0.iter().map(|(at, seat)| format!("{seat} is bought after {at:?}")).collect()
    }
}

/// The `BUG` of a [`BoxOffice`] without a planted bug.
const NO_BUG: u8 = 0;
/// The `BUG` of a [`BoxOffice`] in which each attempt to print has a new key.
const FORGETS_ITS_KEY: u8 = 1;
/// The `BUG` of a [`BoxOffice`] with the table [`MISWIRED_TABLE`].
const MISWIRED: u8 = 2;

/// A table with a rule that can match no event. EventBridge rejects the rule.
const MISWIRED_TABLE: Table = Table {
    rows: &[RowSpec {
        when: Some(Content::OneOf { field: "seat", values: &[] }),
        ..<rows::PrintTicket as Row>::SPEC
    }],
    ..TABLE
};

struct BoxOffice<const BUG: u8> {
    printer: Arc<Printer>,
    strikes: Arc<AtomicU32>,
    buyers: Buyers,
}

impl<const BUG: u8> Application for BoxOffice<BUG> {
    type Script = Buyers;
    type Story = ();
    type Ends = usize;

    const TABLE: Table = if BUG == MISWIRED { MISWIRED_TABLE } else { TABLE };
    const PORTS: &'static [Port] = &[PRINTER];
    const ENDS_WITHIN: Duration = Duration::from_secs(2 * 86_400);
    const POISON: &'static [Poison] = &[Poison {
        event: <facts::SeatSold as Event>::SPEC,
        unreadable: Unreadable::Envelope,
        dead_lettered_by: &[<rows::PrintTicket as Row>::SPEC],
    }];

    fn draw(size: u32, draws: &mut Draws) -> Buyers {
        let buyer = |number| {
            let seat = format!("seat-{number}");
            (draws.of(&seat).moment(), seat)
        };
        Buyers((1..=size).map(buyer).collect())
    }

    fn fixed((): ()) -> Buyers {
        Buyers(vec![(Duration::ZERO, "seat-1".to_owned())])
    }

    fn open(environment: &Arc<Environment>, scenario: &Scenario<Buyers>) -> Opened<Self> {
        let (environment, strikes) = (Arc::clone(environment), Arc::default());
        strike(&environment, &strikes);
        let printer = Arc::new(Printer { environment, tickets: Arc::default() });
        let office = Function::of(services::OFFICE).action(SellSeat);
        let sells = Route::of::<rows::SellSeat>(Method::POST, "/seats", SellSeat);
        let prints =
            PrintTicket { printer: Arc::clone(&printer), forgets_its_key: BUG == FORGETS_ITS_KEY };
        let printing = Function::of(services::PRINTING).external_action(prints);
        Opened {
            application: Self { printer, strikes, buyers: scenario.script.clone() },
            functions: vec![HttpFunction::new(office, [sells]), printing.into()],
            partner: None,
            watches: Vec::new(),
        }
    }

    fn callers(&self) -> Vec<(Duration, Client)> {
        let buys = |(at, seat): &(Duration, String)| {
            let body = json!({ "seat": seat });
            (*at, Client::new(format!("{seat} bought"), "POST /seats", &body).key(seat))
        };
        self.buyers.0.iter().map(buys).collect()
    }

    fn is_over(&self, observed: &Observed) -> bool {
        self.buyers.0.iter().all(|(_, seat)| {
            !observed.was_published::<facts::SeatSold>(seat)
                || observed.was_published::<facts::TicketPrinted>(seat)
        })
    }

    fn name(&self, correlation_id: &str) -> Option<&str> {
        let mut seats = self.buyers.0.iter().map(|(_, seat)| seat.as_str());
        seats.find(|seat| *seat == correlation_id)
    }

    fn check(&self, observed: &Observed) -> Vec<String> {
        let tickets = self.printer.tickets.lock().unwrap();
        let mut wrong = Vec::new();
        let strikes = self.strikes.load(Ordering::Relaxed);
        if strikes != STRIKES {
            wrong.push(format!("clock: it has struck {strikes} times when the run ends"));
        }
        for (_, seat) in &self.buyers.0 {
            let printed = tickets.values().filter(|ticket| *ticket == seat).count();
            let sold = usize::from(observed.was_published::<facts::SeatSold>(seat));
            if printed != sold {
                wrong.push(format!("tickets: {seat} was sold {sold} times, printed {printed}"));
            }
        }
        wrong
    }

    fn effects(&self) -> Effects {
        Effects::from([("tickets", self.printer.tickets.lock().unwrap().len())])
    }

    fn ends(&self, _: &Observed) -> usize {
        self.printer.tickets.lock().unwrap().len()
    }
}

const SEEDS: u64 = 200;

fn everything(seeds: u64) -> Campaign<()> {
    Campaign::Seeds { seeds: 0..seeds, faults: Faults::all(&[]), size: 3 }
}

#[test]
fn every_seat_sold_has_one_ticket_whatever_goes_wrong() {
    let simulator = Simulator::<BoxOffice<NO_BUG>>::new();
    let report = simulator.campaign(&everything(SEEDS), &Setting::default(), &|_| {}).unwrap();
    assert_eq!(report.failed, 0, "{:#?}", report.failures);
    assert_eq!(report.runs, SEEDS);
    assert!(report.ends as u64 > 2 * SEEDS, "{} tickets", report.ends);
    let struck = |name: &str| report.injected.contains_key(name);
    assert!(report.dead_letters > 0, "no unreadable message became a dead letter");
    assert!(struck("Printer: Lost") && struck("Write: CrashAfter") && struck("Publish: Partial"));
}

#[test]
fn every_single_fault_at_every_call_of_a_sale_is_tried() {
    let simulator = Simulator::<BoxOffice<NO_BUG>>::new();
    let campaign = Campaign::Single { story: () };
    let report = simulator.campaign(&campaign, &Setting::default(), &|_| {}).unwrap();
    assert_eq!(report.failed, 0, "{:#?}", report.failures);
    assert_eq!(report.runs, simulator.single_faults(()).unwrap().len() as u64);
    assert!(report.runs > 20, "{}", report.runs);
    assert_eq!(report.ends as u64, report.runs);
}

#[test]
fn a_printer_asked_without_its_key_is_found_and_shrunk_to_one_fault_of_one_sale() {
    let simulator = Simulator::<BoxOffice<FORGETS_ITS_KEY>>::new();
    let setting = Setting { most_failures: 1, ..Setting::default() };
    let report = simulator.campaign(&everything(SEEDS), &setting, &|_| {}).unwrap();
    let failure = report.failures.first().expect("no seed has found it");
    let violation = failure.violations.first().unwrap();
    // An outage of the printer may cause several lost answers, so there may be more than two
    // tickets.
    let printed = violation.split_once("was sold 1 times, printed ").unwrap().1;
    assert!(printed.parse::<u32>().unwrap() > 1, "{violation}");
    let bought = failure.disorder.iter().filter(|what| what.contains("is bought after"));
    assert_eq!(bought.count(), 1, "{:?}", failure.disorder);
    assert!(failure.faults.len() <= 1, "{:?}", failure.faults);
    assert!(failure.story.iter().any(|event| event.contains(": SeatSold")), "{failure:#?}");
}

#[test]
fn the_planted_bug_needs_one_lost_answer_of_the_printer() {
    let simulator = Simulator::<BoxOffice<FORGETS_ITS_KEY>>::new();
    let faults = simulator.single_faults(()).unwrap();
    let lost = |it: &&chorus_simulation::Injection| it.to_string().starts_with("Lost at call");
    let of_printer = faults.iter().filter(lost).find(|it| it.port == PRINTER).unwrap();
    let struck = simulator.trace_story((), std::slice::from_ref(of_printer)).unwrap();
    assert_eq!(struck.violations.first().unwrap(), "tickets: seat-1 was sold 1 times, printed 2");
    assert!(simulator.trace_story((), &[]).unwrap().holds());
}

#[test]
fn a_seed_gives_the_same_trace_again_and_on_either_store() {
    let run = |backing, seed| {
        let simulator = Simulator::<BoxOffice<NO_BUG>>::on(backing);
        simulator.trace_seed(seed, &Faults::all(&[]), 3).unwrap().trace
    };
    for seed in 0..10 {
        let trace = run(Backing::Map, seed);
        assert_eq!(trace, run(Backing::Map, seed), "seed {seed}");
        assert_eq!(trace, run(Backing::Dynoxide, seed), "seed {seed}");
        assert!(trace.len() > 20, "{trace:?}");
    }
}

#[test]
fn a_wrong_pattern_is_an_error_of_the_set_up_and_no_violation() {
    let wrong = Simulator::<BoxOffice<MISWIRED>>::new().seed(0, &Faults::none(), 1);
    assert!(wrong.is_err());
}
