//! What an order costs on AWS. The embedded engine runs an order, and counts what each row of the
//! design table consumes; `prices` lists the prices.
//!
//! Requests to the tables of the simulated payment provider and mailer are not counted, because
//! real partners keep their own data.

mod batched;
mod measured;
mod prices;
mod recorder;
mod story;

use std::ops::AddAssign;

use chorus_events::table::{TABLE, rows};
use chorus_http::HttpFunction;
use chorus_kernel::{Failure, StoreError};
use chorus_table::{Budget, Row};
use serde::{Deserialize, Serialize, Serializer};

use measured::MeasuredShop;
use recorder::RowRecord;

pub use batched::BatchedLog;
pub use prices::PRICES_AS_OF;

/// The row that writes every event to the event log.
const RECORD_EVENT: &str = rows::RecordEvent::SPEC.action;

/// How a measured order ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Story {
    /// The order is charged without a review, picked up and delivered.
    Delivered,
    /// The customer cancels the order while the carrier has the parcel.
    Canceled,
    /// The order has a high value: a reviewer approves it, and it is delivered.
    Reviewed,
}

/// The order to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasuredOrder {
    pub story: Story,
    pub lines: u32,
}

#[derive(Debug, thiserror::Error)]
pub enum CostError {
    #[error("the embedded engine cannot be opened")]
    Engine(#[from] chorus_local::Error),
    #[error("the store of the simulated partners cannot be opened")]
    Partners(#[from] StoreError),
    #[error("the state machines' histories cannot be read")]
    Histories(#[from] Failure),
    #[error("a request to the shop's API cannot be built")]
    Request(#[from] axum::http::Error),
    #[error("the request {0} was refused: {1}")]
    Refused(String, String),
    #[error("the response to {0} cannot be read: {1}")]
    Unreadable(String, String),
    #[error("the order must end as {expected}, but it is: {order}")]
    Unfinished { expected: &'static str, order: String },
}

/// The billed resources that an order consumed, or that one row of the design table consumed for
/// the order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Consumption {
    /// Requests to DynamoDB.
    pub requests: u64,
    pub read_units: f64,
    pub write_units: f64,
    pub invocations: u64,
    /// Events put on the bus.
    pub events: u64,
    /// The number of states that Standard state machines entered.
    pub transitions: u64,
    /// Requests to the HTTP API.
    #[serde(skip)]
    pub http_requests: u64,
    /// Requests to SQS.
    #[serde(skip)]
    pub queue_requests: u64,
    /// Requests to API destinations.
    #[serde(skip)]
    pub partner_calls: u64,
}

impl Consumption {
    const NOTHING: Self = Self {
        requests: 0,
        read_units: 0.0,
        write_units: 0.0,
        invocations: 0,
        events: 0,
        transitions: 0,
        http_requests: 0,
        queue_requests: 0,
        partner_calls: 0,
    };
    const INVOCATION: Self = Self { invocations: 1, ..Self::NOTHING };
}

impl AddAssign for Consumption {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.read_units += other.read_units;
        self.write_units += other.write_units;
        self.invocations += other.invocations;
        self.events += other.events;
        self.transitions += other.transitions;
        self.http_requests += other.http_requests;
        self.queue_requests += other.queue_requests;
        self.partner_calls += other.partner_calls;
    }
}

/// What an order or a row consumed, and what a million times this consumption costs.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cost {
    /// In US dollars, rounded to the cent.
    pub dollars_per_million: f64,
    #[serde(flatten)]
    pub used: Consumption,
}

impl From<Consumption> for Cost {
    fn from(used: Consumption) -> Self {
        let dollars = prices::dollars_per_million(&used);
        Self { dollars_per_million: (dollars * 100.0).round() / 100.0, used }
    }
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RowCost {
    pub action: String,
    #[serde(flatten)]
    pub cost: Cost,
    /// The largest number of requests that the row made for one message. The budget limits this
    /// number.
    pub most_requests: u64,
    pub most_write_units: f64,
    /// The row's budget in the design table, for one message of an order with one line.
    #[serde(serialize_with = "write_budget")]
    pub budget: Option<Budget>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CostOfOrder {
    pub order: Cost,
    /// What the order would cost under load if its events were logged in batches.
    pub batched_log: Option<BatchedLog>,
    /// The costs of the rows, in the order of the design table.
    pub rows: Vec<RowCost>,
}

impl CostOfOrder {
    /// Returns the rows above their budget, and the rows without a budget. Budgets are for an order
    /// with one line, so the result is meaningful only for such an order.
    #[must_use]
    pub fn over_budget(&self) -> Vec<&RowCost> {
        let within = |row: &RowCost| {
            row.budget.is_some_and(|budget| {
                row.most_requests <= u64::from(budget.requests)
                    && row.most_write_units <= f64::from(budget.write_units)
            })
        };
        self.rows.iter().filter(|row| !within(row)).collect()
    }
}

fn write_budget<S: Serializer>(budget: &Option<Budget>, out: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "kebab-case")]
    struct Written {
        requests: u32,
        write_units: u32,
    }
    let written = |it: Budget| Written { requests: it.requests, write_units: it.write_units };
    budget.map(written).serialize(out)
}

/// Runs the order on a shop in memory, and returns the price of what the order consumed.
///
/// # Errors
/// If the shop cannot be opened, or the order does not end as its story says.
pub async fn measure(order: MeasuredOrder) -> Result<CostOfOrder, CostError> {
    measure_with(order, |functions| functions).await
}

/// Does the same as [`measure`], on a shop with the services that `change` returns.
///
/// # Errors
/// See [`measure`].
pub async fn measure_with(
    order: MeasuredOrder,
    change: impl FnOnce(Vec<HttpFunction>) -> Vec<HttpFunction>,
) -> Result<CostOfOrder, CostError> {
    let shop = MeasuredShop::open(change)?;
    story::seed(&shop, order).await?;
    shop.recorder.take();
    let order_id = story::play(&shop, order).await?;
    shop.add_transitions(&order_id).await?;
    let mut recorded = shop.recorder.take();
    let mut total = Consumption::default();
    let mut rows = Vec::new();
    for row in TABLE.rows {
        let Some(RowRecord { total: used, most_requests, most_write_units }) =
            recorded.remove(row.action)
        else {
            continue;
        };
        total += used;
        rows.push(RowCost {
            action: row.action.to_owned(),
            cost: used.into(),
            most_requests,
            most_write_units,
            budget: row.budget,
        });
    }
    let order = Cost::from(total);
    let log = rows.iter().find(|row| row.action == RECORD_EVENT);
    let batched_log = log.map(|log| BatchedLog::of(&order, &log.cost));
    Ok(CostOfOrder { order, batched_log, rows })
}
