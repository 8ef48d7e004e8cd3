//! The history of an order: its events by time and by cause, its state machines, money and parcel.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, Query};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chorus_events::{Money, Tracking};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::api::{ApiAs, ApiRequest, AskError, find, permitted, read};
use crate::flow::{role, titled};
use crate::page::{Done, ErrorPage, Frame, render};
use crate::{Console, show};

/// How many events of an order a page shows at most.
const MOST: usize = 200;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Line {
    sku: String,
    quantity: u32,
    unit_price: Money,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Order {
    order_id: String,
    customer_id: String,
    status: String,
    lines: Vec<Line>,
    total: Money,
    #[serde(default)]
    currency: String,
    reason: Option<String>,
    placed_at: Timestamp,
    #[serde(default)]
    delivery: Progress,
}

/// The field `delivery` of an order.
#[derive(Debug, Default, Deserialize)]
struct Progress {
    tracking: Option<Tracking>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Payment {
    status: String,
    #[serde(default)]
    charged: Money,
    #[serde(default)]
    refunded: Money,
    reason: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Delivery {
    status: String,
    deliver_by: Option<Timestamp>,
}

impl Delivery {
    /// Whether the parcel is still expected.
    fn is_under_way(&self) -> bool {
        !matches!(self.status.as_str(), "delivered" | "canceled")
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Metadata {
    event_id: String,
    causation_id: Option<String>,
    occurred_at: Timestamp,
}

/// An event in the event log.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Logged {
    detail_type: String,
    metadata: Metadata,
    data: Value,
}

#[derive(Debug, Deserialize)]
struct Log {
    events: Vec<Logged>,
    next: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Wait {
    since: Timestamp,
    next: Timestamp,
    until: Timestamp,
}

/// How often an action has failed to handle an event, and whether a further attempt follows.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Attempt {
    event_id: String,
    rule: String,
    failures: u32,
    error: String,
    waits: Option<Wait>,
}

#[derive(Debug, Deserialize)]
struct Moment {
    at: Timestamp,
    kind: String,
    state: Option<String>,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Execution {
    machine: String,
    status: String,
    #[serde(default)]
    current: Vec<String>,
    until: Option<Timestamp>,
    moments: Vec<Moment>,
}

impl Execution {
    /// When the execution entered its current state.
    fn since(&self) -> Option<Timestamp> {
        let state = self.current.first()?;
        let entered = self.moments.iter().rev().find(|moment| {
            moment.kind.ends_with("StateEntered") && moment.state.as_ref() == Some(state)
        });
        entered.map(|moment| moment.at)
    }

    /// The number of states that the execution has entered. Step Functions charges for each state
    /// entered.
    fn transitions(&self) -> usize {
        self.moments.iter().filter(|moment| moment.kind.ends_with("StateEntered")).count()
    }
}

/// An event, as the page shows it.
struct Entry {
    name: String,
    role: &'static str,
    who: String,
    after: String,
    at: String,
    /// The detail type of the event that caused this event, or `a request`.
    because: String,
    reason: Option<String>,
    attempts: Vec<Attempt>,
}

/// An event in the tree of causes.
struct Branch {
    /// The event's depth in the tree.
    depth: usize,
    /// The event's index among the page's events.
    event: usize,
}

/// An execution of a state machine, as the page shows it.
struct Drawn {
    machine: String,
    status: String,
    /// The path of the machine's diagram.
    picture: Option<String>,
    current: String,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    moments: Vec<Moment>,
}

#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage {
    frame: Frame,
    order: Order,
    payment: Option<Payment>,
    delivery: Option<Delivery>,
    waits: Vec<String>,
    /// The events in the order of the log.
    events: Vec<Entry>,
    /// The indices of the events, ordered by time.
    timeline: Vec<usize>,
    tree: Vec<Branch>,
    more: bool,
    /// The executions of state machines; `None` for a caller who may not see them.
    machines: Option<Vec<Drawn>>,
    transitions: usize,
    emails: Vec<Email>,
    cost: Option<Cost>,
}

struct Email {
    template: String,
    recipient: String,
    at: Timestamp,
    /// Why the email was not sent; `None` if it was sent.
    failed: Option<String>,
}

impl Email {
    fn of(event: &Logged) -> Option<Self> {
        let text = |name: &str| event.data[name].as_str().unwrap_or_default().to_owned();
        let failed = match event.detail_type.as_str() {
            "EmailSent" => None,
            "EmailFailed" => Some(text("reason")),
            _ => return None,
        };
        let (template, recipient, at) =
            (text("template"), text("recipient"), event.metadata.occurred_at);
        Some(Self { template, recipient, at, failed })
    }
}

/// The cost on AWS of a million orders with the same outcome and number of lines as the order that
/// the page shows.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cost {
    dollars_per_million: f64,
}

#[derive(Deserialize)]
struct MeasuredOrder {
    order: Cost,
}

impl Cost {
    fn dollars(&self) -> String {
        format!("${:.6}", self.dollars_per_million / 1e6)
    }
}

pub(crate) async fn order(
    console: Console,
    Path(id): Path<String>,
    Query(Done { done }): Query<Done>,
) -> Result<Response, ErrorPage> {
    page(&console, &id, done.as_deref()).await.map_err(ErrorPage::of(&console))
}

async fn page(console: &Console, id: &str, done: Option<&str>) -> Result<Response, AskError> {
    let (api, named) = (console.api(), show::in_path(id));
    let frame = Frame::of(console, "orders", &format!("order&order={named}")).with_done(done);
    let order: Order = read(api, ApiRequest::get(format!("/orders/{named}"))).await?;
    let payment = find(api, ApiRequest::get(format!("/payments/{named}"))).await?;
    let delivery = find(api, ApiRequest::get(format!("/deliveries/{named}"))).await?;
    let log: Log =
        read(api, ApiRequest::get(format!("/events?order-id={named}&limit={MOST}"))).await?;
    let ids: Vec<&str> = log.events.iter().map(|it| it.metadata.event_id.as_str()).collect();
    let attempts: Vec<Attempt> = match ids.is_empty() {
        true => Vec::new(),
        false => {
            let ask = ApiRequest::get(format!("/operator/attempts?event-ids={}", ids.join(",")));
            permitted(api, ask).await?.flatten().unwrap_or_default()
        }
    };
    let ask = ApiRequest::get(format!("/operator/executions?order-id={named}"));
    let executions: Option<Vec<Execution>> =
        permitted(api, ask).await?.map(Option::unwrap_or_default);
    let start = order.placed_at;
    let journey = Journey { console, events: &log.events, attempts: &attempts, start };
    let page = OrderPage {
        frame,
        cost: cost(api, &order, &log.events).await?,
        payment,
        delivery,
        waits: waits(&attempts, executions.as_deref().unwrap_or_default()),
        events: log.events.iter().map(|event| journey.entry(event)).collect(),
        timeline: journey.timeline(),
        tree: journey.tree(),
        more: log.next.is_some(),
        transitions: executions.iter().flatten().map(Execution::transitions).sum(),
        emails: log.events.iter().filter_map(Email::of).collect(),
        machines: executions.map(|all| all.into_iter().map(|it| drawn(console, it)).collect()),
        order,
    };
    Ok(render(&page))
}

/// Reads the cost of orders that ended like `order`, and have as many lines. Returns `None` if
/// `order` has not ended, or if the caller may not see the cost.
async fn cost(api: ApiAs<'_>, order: &Order, events: &[Logged]) -> Result<Option<Cost>, AskError> {
    let was_reviewed = events.iter().any(|event| event.detail_type == "OrderApproved");
    let story = match order.status.as_str() {
        "Canceled" => "canceled",
        "Delivered" if was_reviewed => "reviewed",
        "Delivered" => "delivered",
        _ => return Ok(None),
    };
    let ask = ApiRequest::get(format!("/operator/cost?story={story}&lines={}", order.lines.len()));
    Ok(permitted::<MeasuredOrder>(api, ask).await?.flatten().map(|measured| measured.order))
}

/// Returns one sentence for each retry, and one for each execution, that the order waits for.
fn waits(attempts: &[Attempt], executions: &[Execution]) -> Vec<String> {
    let tried = attempts.iter().filter_map(|attempt| {
        let Wait { since, next, until } = attempt.waits.as_ref()?;
        let (rule, since, next) = (&attempt.rule, show::time(since), show::time(next));
        Some(format!(
            "{rule} has failed since {since}; the next attempt is at {next}, the last by {}.",
            show::time(until)
        ))
    });
    let waiting = executions.iter().filter_map(|execution| {
        let (state, since) = (execution.current.first()?, execution.since()?);
        let until = execution.until.map(|at| format!(", until {} at the longest", show::time(&at)));
        let (machine, since, until) =
            (&execution.machine, show::time(&since), until.unwrap_or_default());
        Some(format!("{machine} waits in {state} since {since}{until}."))
    });
    tried.chain(waiting).collect()
}

/// An order's events, and the failed attempts to handle the events. The design table in `console`
/// has each event's owner and role.
struct Journey<'a> {
    console: &'a Console,
    events: &'a [Logged],
    attempts: &'a [Attempt],
    start: Timestamp,
}

impl Journey<'_> {
    fn timeline(&self) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.events.len()).collect();
        places.sort_by_key(|place| self.events[*place].metadata.occurred_at);
        places
    }

    /// The events as a tree, in depth-first order. Each event is below the event that caused it.
    fn tree(&self) -> Vec<Branch> {
        let mut children: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut left: Vec<(usize, usize)> = Vec::new();
        for (place, event) in self.events.iter().enumerate() {
            match self.cause(event) {
                Some(cause) => children.entry(cause).or_default().push(place),
                None => left.push((0, place)),
            }
        }
        left.reverse();
        let mut tree = Vec::new();
        while let Some((depth, event)) = left.pop() {
            tree.push(Branch { depth: depth.min(12), event });
            // Removes the children, so that this loop ends even if events name each other as
            // causes.
            let below = children.remove(&event).unwrap_or_default();
            left.extend(below.into_iter().rev().map(|child| (depth + 1, child)));
        }
        tree
    }

    /// The index of the event that caused `event`.
    fn cause(&self, event: &Logged) -> Option<usize> {
        let id = event.metadata.causation_id.as_ref()?;
        self.events.iter().position(|other| other.metadata.event_id == *id)
    }

    fn entry(&self, event: &Logged) -> Entry {
        let spec = self.console.table().message(&event.detail_type).map(|message| message.spec);
        let cause = self.cause(event).map(|place| self.events[place].detail_type.clone());
        let of_event = |attempt: &&Attempt| attempt.event_id == event.metadata.event_id;
        Entry {
            name: event.detail_type.clone(),
            role: spec.as_ref().map_or("step", role),
            who: spec.map(|spec| titled(spec.owner).to_owned()).unwrap_or_default(),
            after: show::after(self.start, event.metadata.occurred_at),
            at: event.metadata.occurred_at.to_string(),
            because: cause.unwrap_or_else(|| "a request".to_owned()),
            reason: event.data["reason"].as_str().map(ToOwned::to_owned),
            attempts: self.attempts.iter().filter(of_event).cloned().collect(),
        }
    }
}

fn drawn(console: &Console, execution: Execution) -> Drawn {
    let since = execution.since();
    let Execution { machine, status, current, until, moments } = execution;
    let picture = console.machine(&machine).map(|_| {
        let at: Vec<String> = current.iter().map(|state| show::in_path(state)).collect();
        format!("/console/machines/{}?at={}", show::in_path(&machine), at.join(","))
    });
    let current = current.join(", ");
    let status = status.to_lowercase().replace('_', " ");
    Drawn { machine, status, picture, current, since, until, moments }
}

#[derive(Deserialize)]
pub(crate) struct Marked {
    /// The states to mark, separated by commas.
    #[serde(default)]
    at: String,
}

/// The diagram of a state machine, in which the states that the query names are marked.
pub(crate) async fn machine(
    console: Console,
    Path(machine): Path<String>,
    Query(Marked { at }): Query<Marked>,
) -> Result<Response, ErrorPage> {
    let unknown = || {
        let detail = format!("no state machine of this shop is called {machine}");
        ErrorPage::new(&console, StatusCode::NOT_FOUND, "Not found", detail)
    };
    let drawn = console.machine(&machine).ok_or_else(unknown)?;
    let current: Vec<&str> = at.split(',').filter(|state| !state.is_empty()).collect();
    let picture = states::draw_svg_at(drawn, &current);
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], picture).into_response())
}
