//! What an order costs where the event log is written in batches. It is arithmetic on the measured order:
//! no such queue is deployed, and docs/DEPLOY.md says why.

use serde::Serialize;

use super::Cost;
use super::prices::{QUEUE_REQUEST, WRITE_UNIT, dollars_of_an_invocation};

/// At how many orders a second the log is batched. With fewer, an invocation takes fewer events.
const ORDERS_PER_SECOND: u32 = 100;

/// How many events an invocation takes at most.
const BATCH: f64 = 100.0;

/// How long Lambda waits for a batch to fill: more than ten messages need a window of a second.
const WINDOW_SECONDS: f64 = 1.0;

/// Lambda reads a queue by five pollers at first, and each fills a batch of its own.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html>.
const POLLERS: f64 = 5.0;

/// The most messages of one ReceiveMessage or DeleteMessageBatch.
const MESSAGES: f64 = 10.0;

/// The most items of one BatchWriteItem.
const ITEMS: f64 = 25.0;

/// An order whose events reach the log through a queue.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct BatchedLog {
    pub orders_per_second: u32,
    /// How many events an invocation takes.
    pub events_per_invocation: f64,
    /// What a million orders cost, in US dollars, to the cent.
    pub dollars_per_million: f64,
    /// Of the whole order.
    pub invocations: f64,
    /// Of the whole order, to DynamoDB.
    pub requests: f64,
    /// Of the log, to SQS: none without the queue.
    pub queue_requests: f64,
    /// How long an event waits for its batch, at most: `trace` shows it as much later.
    pub seconds_behind: f64,
}

impl BatchedLog {
    /// What `order` costs if what its row `log` does is done in batches.
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
