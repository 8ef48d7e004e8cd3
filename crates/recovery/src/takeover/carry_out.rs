//! Carries a takeover out, step by step, on whatever the region runs: a deployed stack, or a data
//! directory.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use chorus_events::OrderId;
use chorus_http::{Caller, Problem, Request};
use chorus_kernel::{
    Clock, Failure, IDEMPOTENCY_TABLE, Item, Kernel, Region, SignalOutcome, publish_all,
};
use chorus_payment::{PaymentProvider, ProviderError, Refund, RefundAnswer};
use chorus_table::Entry;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{Plan, TakeoverInput, count_again};

/// Events that occurred at most this long before the takeover are published again.
const EVENTS: SignedDuration = SignedDuration::from_hours(48);

/// Partners are asked for charges and parcels that are at most this old at the takeover: no order
/// waits for longer.
const PARTNERS: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How often a partner that does not answer is asked.
const ATTEMPTS: u32 = 4;

/// The path of the command that cancels an order.
const CANCEL: &str = "/orders/{id}/cancel";

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// The region that takes over.
#[async_trait]
pub trait Standby: Sync {
    /// The region's kernel, which contains the region's name.
    fn kernel(&self) -> &Kernel;

    /// All items of a table.
    ///
    /// # Errors
    /// If the table cannot be read.
    async fn items(&self, table: &'static str) -> Result<Vec<Item>, Failure>;

    /// The events that arrived in this region.
    ///
    /// # Errors
    /// If they cannot be read.
    async fn events(&self) -> Result<Vec<Entry>, Failure>;
}

/// What a takeover asks of the carrier.
#[async_trait]
pub trait ParcelCarrier: Sync {
    /// The orders of the parcels that the carrier accepted at `since` or later. Other orders may be
    /// among them.
    ///
    /// # Errors
    /// If the carrier does not answer, or has no such list.
    async fn orders(&self, since: Timestamp) -> Result<BTreeSet<OrderId>, Failure>;

    /// Asks the carrier to return a parcel. That the parcel can no longer be returned is no error.
    ///
    /// # Errors
    /// If the carrier refuses, or does not answer.
    async fn recall(&self, order_id: &OrderId) -> Result<(), Failure>;

    /// Has the carrier repeat its latest report about each parcel that it accepted at `since` or
    /// later.
    ///
    /// # Errors
    /// If the carrier refuses, or does not answer.
    async fn report_again(&self, since: Timestamp) -> Result<(), Failure>;
}

/// A takeover by one region: that region, and the partners, which are the same for both regions.
#[derive(Clone, Copy)]
pub struct Takeover<'a> {
    pub standby: &'a dyn Standby,
    pub provider: &'a dyn PaymentProvider,
    pub carrier: &'a dyn ParcelCarrier,
}

impl std::fmt::Debug for Takeover<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Takeover").finish_non_exhaustive()
    }
}

/// What [`Takeover::repair`] did.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Repaired {
    /// The items whose counts were corrected.
    pub corrected: usize,
    /// The orders that [`Takeover::resume`] cancels.
    pub cancels: BTreeSet<OrderId>,
    /// What a person has to do, because a partner refused or did not answer.
    pub by_hand: Vec<String>,
}

/// What [`Takeover::resume`] did.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Resumed {
    /// How many events were published.
    pub published: usize,
    /// How many state machines were started.
    pub started: usize,
    /// What a person has to do.
    pub by_hand: Vec<String>,
}

impl Takeover<'_> {
    /// Decides what the takeover does. Nothing is changed.
    ///
    /// # Errors
    /// If something cannot be read, or a partner does not answer.
    pub async fn plan(&self) -> Result<Plan, Failure> {
        let (standby, kernel) = (self.standby, self.standby.kernel());
        let now = kernel.clock.now();
        let intents = self.provider.list(now - PARTNERS).await;
        let region = kernel.region.as_ref().ok_or_else(no_region)?;
        let input = TakeoverInput {
            store: &*kernel.store,
            records: standby.items(IDEMPOTENCY_TABLE.name).await?,
            orders: standby.items(chorus_order::TABLE.name).await?,
            inventory: standby.items(chorus_inventory::TABLE.name).await?,
            archived: standby.events().await?,
            intents: intents.map_err(|error| unanswered(&error))?,
            parcels: self.carrier.orders(now - PARTNERS).await?,
            region: region.name().to_owned(),
            since: now - EVENTS,
        };
        Plan::of(&input).await
    }

    /// Makes the region's tables consistent, refunds what was charged for lost orders, and recalls
    /// their parcels. No region may act meanwhile. If this was interrupted, plan and repair again.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn repair(&self, plan: &Plan) -> Result<Repaired, Failure> {
        let store = &*self.standby.kernel().store;
        plan.apply(store).await?;
        let mut by_hand = Vec::new();
        for refund in &plan.refunds {
            by_hand.extend(self.refund(refund).await);
        }
        for order_id in &plan.recalls {
            if let Err(failure) = self.carrier.recall(order_id).await {
                by_hand.push(format!("recall the parcel of {order_id}: {failure}"));
            }
        }
        let inventory = async || self.standby.items(chorus_inventory::TABLE.name).await;
        let counted = count_again(store, inventory).await?;
        let rebuilt = chorus_order::rebuild(store).await;
        rebuilt.map_err(|error| Failure::later("Rebuild", error.to_string()))?;
        let cancels = plan.cancels.union(&counted.released).cloned().collect();
        Ok(Repaired { corrected: counted.corrected.len(), cancels, by_hand })
    }

    /// Returns what a person has to do if the refund was not made.
    async fn refund(&self, refund: &Refund) -> Option<String> {
        let by_hand = |why: &str| {
            let Refund { order_id, intent, .. } = refund;
            Some(format!("refund the intent {} of {order_id}: {why}", intent.0))
        };
        let clock = &*self.standby.kernel().clock;
        let mut why = String::new();
        for attempt in 0..ATTEMPTS {
            pause(clock, attempt).await;
            match self.provider.refund(refund).await {
                Ok(RefundAnswer::Refunded { .. } | RefundAnswer::NothingCharged) => return None,
                Ok(RefundAnswer::Refused { reason }) => return by_hand(&reason),
                Err(error @ ProviderError::Refused(_)) => return by_hand(&error.to_string()),
                Err(error) => why = error.to_string(),
            }
        }
        by_hand(&why)
    }

    /// Has the region go on: publishes the events, starts the state machines, cancels the orders
    /// that cannot go on, and asks the carrier for its latest reports. Call this once the region
    /// acts.
    ///
    /// # Errors
    /// If the bus or the state machines fail: some of the events are published then, and all may be
    /// published again.
    pub async fn resume(
        &self,
        plan: &Plan,
        cancels: &BTreeSet<OrderId>,
    ) -> Result<Resumed, Failure> {
        let kernel = self.standby.kernel();
        publish_all(&*kernel.bus, &*kernel.clock, &plan.events).await?;
        let (mut started, mut by_hand) = (0, Vec::new());
        for machine in &plan.machines {
            let outcome = kernel.machines.signal(machine).await?;
            started += usize::from(outcome == SignalOutcome::Delivered);
        }
        for order_id in cancels {
            if let Err(problem) = cancel(kernel, order_id).await {
                let why = problem.detail.unwrap_or(problem.title);
                by_hand.push(format!("cancel the order {order_id}: {why}"));
            }
        }
        let since = kernel.clock.now() - EVENTS;
        if let Err(failure) = self.carrier.report_again(since).await {
            by_hand.push(format!("ask the carrier to report again since {since}: {failure}"));
        }
        Ok(Resumed { published: plan.events.len(), started, by_hand })
    }
}

/// Cancels an order by the command with which a customer cancels an order, too.
async fn cancel(kernel: &Kernel, order_id: &OrderId) -> Result<(), Problem> {
    let region = kernel.region.as_ref().map(Region::name).unwrap_or_default();
    let routes = chorus_services::described().into_iter().flat_map(|service| service.routes);
    let mut routes = routes.filter(|route| route.path == CANCEL);
    let route = routes.next().ok_or_else(|| Problem::new(404, "not-found", "no such route"))?;
    let headers = [("idempotency-key".to_owned(), format!("takeover-{region}-{order_id}"))];
    let reason = r#"{"reason":"the order could not be continued in another region"}"#;
    let request = Request {
        path: [("id".to_owned(), order_id.to_string())].into(),
        headers: headers.into(),
        body: reason.as_bytes().to_vec(),
        caller: Caller::trusted("failover", std::slice::from_ref(&route)),
        ..Request::default()
    };
    let mut attempt = 0;
    loop {
        pause(&*kernel.clock, attempt).await;
        attempt += 1;
        match route.answer(kernel, request.clone()).await {
            Ok(_) => return Ok(()),
            // The order has ended by itself, so that there is nothing to cancel.
            Err(problem) if problem.status == 409 => return Ok(()),
            Err(problem) if problem.status < 500 || attempt == ATTEMPTS => return Err(problem),
            Err(_) => {}
        }
    }
}

/// Waits before an attempt that is not the first one.
async fn pause(clock: &dyn Clock, attempt: u32) {
    if attempt > 0 {
        clock.sleep(PAUSE).await;
    }
}

fn unanswered(error: &ProviderError) -> Failure {
    Failure::later("PaymentProvider", error.to_string())
}

fn no_region() -> Failure {
    let message = "the shop that takes over has no region".to_owned();
    Failure::Terminal { code: "NoRegion", message }
}
