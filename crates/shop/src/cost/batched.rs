//! What an order would cost if the event log were written in batches. The cost is calculated from
//! the measured order. No queue for such batches is deployed; docs/DEPLOY.md explains why.

use serde::Serialize;

use super::Cost;
use super::prices::{QUEUE_REQUEST, WRITE_UNIT, dollars_of_an_invocation};

/// The assumed number of orders per second. At a lower rate, an invocation gets fewer events.
const ORDERS_PER_SECOND: u32 = 100;

/// The maximum number of events in one invocation.
const BATCH: f64 = 100.0;

/// How long Lambda waits for a batch to fill: batches of more than ten messages require a window of
/// at least a second.
const WINDOW_SECONDS: f64 = 1.0;

/// The number of pollers with which Lambda starts to read a queue. Each poller fills its own batch.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html>.
const POLLERS: f64 = 5.0;

/// The maximum number of messages in one ReceiveMessage or DeleteMessageBatch request.
const MESSAGES: f64 = 10.0;

/// The maximum number of items in one BatchWriteItem request.
const ITEMS: f64 = 25.0;

/// The cost of an order whose events reach the event log through a queue.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct BatchedLog {
    pub orders_per_second: u32,
    /// The number of events in one invocation of the event log's function.
    pub events_per_invocation: f64,
    /// The cost of a million orders in US dollars, rounded to the cent.
    pub dollars_per_million: f64,
    /// Invocations of all functions for one order.
    pub invocations: f64,
    /// Requests of all functions to DynamoDB for one order.
    pub requests: f64,
    /// Requests to SQS to log the events of one order.
    pub queue_requests: f64,
    /// The longest time, in seconds, that an event waits for its batch. During this time, the event
    /// may be missing from the output of `chorus trace`.
    pub seconds_behind: f64,
}

impl BatchedLog {
    /// Returns the cost of `order` if its events are logged in batches. `log` is the measured cost
    /// of the action that logs events.
    #[allow(clippy::cast_precision_loss, reason = "counts of one order are small")]
    pub(super) fn of(order: &Cost, log: &Cost) -> Self {
        let events = log.used.invocations as f64;
        let events_per_second = events * f64::from(ORDERS_PER_SECOND);
        let events_per_invocation = (events_per_second / POLLERS * WINDOW_SECONDS).min(BATCH);
        let invocations = events / events_per_invocation;
        let requests = events / ITEMS.min(events_per_invocation);
        let each_way = events / MESSAGES;
        let queue_requests = events + 2.0 * each_way;
        let dollars = log.used.write_units * WRITE_UNIT
            + queue_requests * QUEUE_REQUEST
            + invocations * dollars_of_an_invocation();
        let dollars = order.dollars_per_million - log.dollars_per_million + dollars;
        Self {
            orders_per_second: ORDERS_PER_SECOND,
            events_per_invocation,
            dollars_per_million: (dollars * 100.0).round() / 100.0,
            invocations: order.used.invocations as f64 - events + invocations,
            requests: order.used.requests as f64 - log.used.requests as f64 + requests,
            queue_requests,
            seconds_behind: events_per_invocation * POLLERS / events_per_second,
        }
    }
}
