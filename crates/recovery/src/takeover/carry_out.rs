//! Carries out a takeover step by step, both for a deployed stack and for a data directory.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use chorus_events::OrderId;
use chorus_http::{Caller, Problem, Request};
use chorus_kernel::{
    Clock, Failure, IDEMPOTENCY_TABLE, Item, Kernel, Key, MemoryStore, PERSON_KEYS_TABLE,
    RECORD_LIFETIME, Region, SignalOutcome, Store, TableSpec, Write, publish_all,
};
use chorus_payment::{ListedIntent, PaymentProvider, ProviderError, Refund, RefundAnswer};
use chorus_table::Entry;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{ActiveItems, Plan, TakeoverInput, Unmatched, count_again};

/// Events that occurred at most this long before the takeover are published again.
const EVENTS: SignedDuration = SignedDuration::from_hours(48);

/// Events that occurred longer ago than this are not published again. Idempotency records expire a
/// day later than this, and whoever handled an event whose record has expired would handle the
/// event a second time.
const RECORDS: SignedDuration = SignedDuration::from_secs(RECORD_LIFETIME - 24 * 3_600);

/// The takeover asks the partners to list the charges and parcels that are at most this old. No
/// order stays open for longer than this.
const PARTNERS: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How many times a refund or a cancellation is attempted.
const ATTEMPTS: u32 = 4;

/// The path of the command that cancels an order.
const CANCEL: &str = "/orders/{id}/cancel";

/// The pause before a refund or a cancellation is attempted again.
const PAUSE: Duration = Duration::from_secs(1);

/// The region that takes over.
#[async_trait]
pub trait Standby: Sync {
    /// The region's kernel, which contains the region's name.
    fn kernel(&self) -> &Kernel;

    /// Checks that no other run of the takeover has begun since this one.
    ///
    /// # Errors
    /// If another run has begun, or the store fails.
    async fn check_current(&self) -> Result<(), Failure>;

    /// All items of a table.
    ///
    /// # Errors
    /// If the table cannot be read.
    async fn items(&self, table: &'static str) -> Result<Vec<Item>, Failure>;

    /// The events that arrived in this region.
    ///
    /// # Errors
    /// If the events cannot be read.
    async fn events(&self) -> Result<Vec<Entry>, Failure>;
}

/// What a takeover asks of the carrier.
#[async_trait]
pub trait ParcelCarrier: Sync {
    /// Returns the orders whose parcels the carrier accepted at `since` or later, and possibly
    /// other orders.
    ///
    /// # Errors
    /// If the carrier does not answer, or does not list parcels.
    async fn orders(&self, since: Timestamp) -> Result<BTreeSet<OrderId>, Failure>;

    /// Asks the carrier to return a parcel. Succeeds also if the parcel can no longer be returned.
    ///
    /// # Errors
    /// If the carrier refuses, or does not answer.
    async fn recall(&self, order_id: &OrderId) -> Result<(), Failure>;

    /// Asks the carrier to repeat its latest report about each parcel that it accepted at `since`
    /// or later.
    ///
    /// # Errors
    /// If the carrier refuses, or does not answer.
    async fn report_again(&self, since: Timestamp) -> Result<(), Failure>;
}

/// The region that takes over, and the partners, which the two regions share.
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
    /// The number of the shop's items whose stock counts were corrected.
    pub corrected: usize,
    /// The orders that [`Takeover::resume`] cancels.
    pub cancels: BTreeSet<OrderId>,
    /// The steps that a person has to do, because a partner refused or did not answer.
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
    /// The steps that failed, and that a person has to do.
    pub by_hand: Vec<String>,
}

impl Takeover<'_> {
    /// Plans the takeover, and changes nothing.
    ///
    /// # Errors
    /// If the stored data cannot be read, a partner does not answer, or the kernel has no region.
    pub async fn plan(&self) -> Result<Plan, Failure> {
        let (standby, kernel) = (self.standby, self.standby.kernel());
        let now = kernel.clock.now();
        let (intents, parcels) = self.partners_lists(now - PARTNERS).await?;
        let region = kernel.region.as_ref().ok_or_else(no_region)?;
        let copy = self.copy().await?;
        let input = TakeoverInput {
            records: copy.all(IDEMPOTENCY_TABLE.name),
            orders: copy.all(chorus_order::TABLE.name),
            inventory: copy.all(chorus_inventory::TABLE.name),
            deliveries: copy.all(chorus_delivery::TABLE.name),
            store: &copy,
            archived: standby.events().await?,
            intents,
            parcels,
            region: region.name().to_owned(),
            since: now - EVENTS,
            recorded_since: now - RECORDS,
        };
        Plan::of(&input).await
    }

    /// Copies the region's tables into memory, except the event log. A plan reads several items of
    /// each order, which would take hours if each read were a request.
    async fn copy(&self) -> Result<MemoryStore, Failure> {
        let services = chorus_services::described();
        let own = services.iter().flat_map(|service| service.function.tables.iter().copied());
        let own = own.filter(|table| table.name != chorus_event_log::TABLE.name);
        let tables: Vec<TableSpec> = own.chain([IDEMPOTENCY_TABLE, PERSON_KEYS_TABLE]).collect();
        let copy = MemoryStore::new(&tables);
        for table in tables {
            for item in self.standby.items(table.name).await? {
                if let Some(key) = Key::of(table.name, &item) {
                    copy.write(&[Write::Put { key, item, condition: None }]).await?;
                }
            }
        }
        Ok(copy)
    }

    /// Returns the intents that the payment provider prepared at `since` or later, and the orders
    /// whose parcels the carrier accepted at `since` or later. Each list may contain more intents
    /// or orders than these.
    async fn partners_lists(
        &self,
        since: Timestamp,
    ) -> Result<(Vec<ListedIntent>, BTreeSet<OrderId>), Failure> {
        let intents = self.provider.list(since).await.map_err(|error| unanswered(&error))?;
        Ok((intents, self.carrier.orders(since).await?))
    }

    /// Finds the charges and parcels that do not fit this region's orders. Can be called again when
    /// this region is active: a failed region that comes back after the takeover may still hand in
    /// parcels to the carrier.
    ///
    /// # Errors
    /// If a partner does not answer, or a table cannot be read.
    pub async fn unmatched(&self) -> Result<Unmatched, Failure> {
        let standby = self.standby;
        let since = standby.kernel().clock.now() - PARTNERS;
        let (intents, parcels) = self.partners_lists(since).await?;
        let active = ActiveItems {
            orders: standby.items(chorus_order::TABLE.name).await?,
            deliveries: standby.items(chorus_delivery::TABLE.name).await?,
            callbacks: standby.items(chorus_delivery::CARRIER_WAIT_TABLE.name).await?,
        };
        Unmatched::among(&intents, &parcels, &active)
    }

    /// Makes the refunds, cancels the orders, and recalls the parcels. Returns the steps that a
    /// person has to do, because a partner or the shop refused or did not answer.
    pub async fn undo(&self, unmatched: &Unmatched) -> Vec<String> {
        let mut by_hand = self.cancel(&unmatched.cancels).await;
        by_hand.extend(self.ask_partners(&unmatched.refunds, &unmatched.recalls).await);
        by_hand
    }

    async fn cancel(&self, orders: &BTreeSet<OrderId>) -> Vec<String> {
        let mut by_hand = Vec::new();
        for order_id in orders {
            if let Err(problem) = cancel(self.standby.kernel(), order_id).await {
                let why = problem.detail.unwrap_or(problem.title);
                by_hand.push(format!("cancel the order {order_id}: {why}"));
            }
        }
        by_hand
    }

    async fn ask_partners(&self, refunds: &[Refund], recalls: &BTreeSet<OrderId>) -> Vec<String> {
        let mut by_hand = Vec::new();
        for refund in refunds {
            by_hand.extend(self.refund(refund).await);
        }
        for order_id in recalls {
            if let Err(failure) = self.carrier.recall(order_id).await {
                by_hand.push(format!("recall the parcel of {order_id}: {failure}"));
            }
        }
        by_hand
    }

    /// Makes the region's tables consistent, refunds the charges for lost orders, and recalls the
    /// parcels of lost orders. No region may be active meanwhile. After an interruption, make a new
    /// plan, and repair with it.
    ///
    /// # Errors
    /// If the store fails, or a stored item cannot be read.
    pub async fn repair(&self, plan: &Plan) -> Result<Repaired, Failure> {
        let store = &*self.standby.kernel().store;
        plan.apply(store, async || self.standby.check_current().await).await?;
        let by_hand = self.ask_partners(&plan.refunds, &plan.recalls).await;
        self.standby.check_current().await?;
        let inventory = async || self.standby.items(chorus_inventory::TABLE.name).await;
        let counted = count_again(store, inventory).await?;
        let cancels = plan.cancels.union(&counted.released).cloned().collect();
        Ok(Repaired { corrected: counted.corrected.len(), cancels, by_hand })
    }

    /// Requests a refund. If the provider does not make the refund, returns the step that a person
    /// has to do.
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

    /// Continues the open orders in this region: publishes their events and starts their state
    /// machines, cancels the orders in `cancels`, and asks the carrier to repeat its latest
    /// reports. Call this after the region has become the active region.
    ///
    /// # Errors
    /// If the bus or the state machines fail. Some events may have been published before the
    /// failure. It is safe to publish them again.
    pub async fn resume(
        &self,
        plan: &Plan,
        cancels: &BTreeSet<OrderId>,
    ) -> Result<Resumed, Failure> {
        let kernel = self.standby.kernel();
        publish_all(&*kernel.bus, &*kernel.clock, &plan.events).await?;
        let mut started = 0;
        for machine in &plan.machines {
            let outcome = kernel.signal(machine).await?;
            started += usize::from(outcome == SignalOutcome::Delivered);
        }
        let mut by_hand = self.cancel(cancels).await;
        // This takes a while, because it writes every order's line of the list of orders.
        let rebuilt = chorus_order::rebuild(&*kernel.store).await;
        rebuilt.map_err(|error| Failure::later("Rebuild", error.to_string()))?;
        let since = kernel.clock.now() - EVENTS;
        if let Err(failure) = self.carrier.report_again(since).await {
            by_hand.push(format!("ask the carrier to report again since {since}: {failure}"));
        }
        Ok(Resumed { published: plan.events.len(), started, by_hand })
    }
}

/// Cancels an order with the command that a customer sends to cancel an order.
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
            // The order has already ended, so there is nothing to cancel.
            Err(problem) if problem.status == 409 => return Ok(()),
            Err(problem) if problem.status < 500 || attempt == ATTEMPTS => return Err(problem),
            Err(_) => {}
        }
    }
}

/// Pauses before an attempt, unless it is the first one, which has the number 0.
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
