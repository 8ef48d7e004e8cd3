//! The carrier's work: it accepts parcels and recalls, moves parcels to their next status when they
//! are due, and sends callbacks.

use std::sync::Arc;
use std::time::Duration;

use chorus_events::OrderId;
use chorus_events::delivery::DeliveryMarkedAsStarted;
use chorus_kernel::{Clock, Failure, Store, Versioned};
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::behaviour::Behaviour;
use crate::parcels::ParcelStore;
use crate::{CarrierConfig, NotAccepted, Parcel, Webhook};

/// How many requests with the same idempotency key a flaky carrier answers with 503.
const FLAKY_FOR: i64 = 2;

/// How many times the carrier attempts to change a parcel if concurrent writes prevent the change.
const ATTEMPTS: usize = 8;

/// How long the carrier waits after its store failed.
const PAUSE: Duration = Duration::from_secs(1);

/// The outcome of a recall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recall {
    /// The parcel returns to the shop.
    Done,
    /// The carrier has already delivered, given up or recalled the parcel.
    TooLate,
    Refused,
}

/// The carrier's answer to a parcel that the shop hands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    Accepted,
    /// The parcel was accepted or recalled before.
    Known,
    /// The carrier cannot accept the parcel now.
    Unavailable,
}

pub struct Carrier {
    parcels: ParcelStore,
    clock: Arc<dyn Clock>,
    webhook: Arc<dyn Webhook>,
    config: CarrierConfig,
    woken: Notify,
}

impl std::fmt::Debug for Carrier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Carrier").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Carrier {
    /// A carrier that stores its parcels in [`crate::CARRIER_TABLE`] of `store`.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        webhook: Arc<dyn Webhook>,
        config: CarrierConfig,
    ) -> Arc<Self> {
        let (parcels, woken) = (ParcelStore { store }, Notify::new());
        Arc::new(Self { parcels, clock, webhook, config, woken })
    }

    /// Whether `key` is the carrier's API key.
    pub(crate) fn admits(&self, key: &str) -> bool {
        self.config.api_key.admits(key)
    }

    /// Accepts a parcel; repeated requests have one effect. `key` is the request's idempotency key.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn accept(
        &self,
        parcel: &DeliveryMarkedAsStarted,
        key: &str,
    ) -> Result<Acceptance, Failure> {
        let behaviour = Behaviour::of(&parcel.customer_id);
        if behaviour.slow {
            self.clock.sleep(self.config.slow_answer).await;
        }
        let unwell = behaviour.flaky && self.parcels.count(key).await? <= FLAKY_FOR;
        if behaviour.down || unwell {
            return Ok(Acceptance::Unavailable);
        }
        if self.parcels.find(&parcel.order_id).await?.is_some() {
            return Ok(Acceptance::Known);
        }
        let accepted = Parcel::accepted(parcel, self.clock.now(), &self.config);
        if !self.parcels.put(None, &accepted).await? {
            return Ok(Acceptance::Known);
        }
        self.woken.notify_one();
        Ok(Acceptance::Accepted)
    }

    /// Recalls a parcel. If the shop hands in the parcel only after its recall,
    /// [`accept`](Self::accept) answers [`Acceptance::Known`], and the carrier never picks up the
    /// parcel.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn recall(&self, order_id: &OrderId) -> Result<Recall, Failure> {
        for _ in 0..ATTEMPTS {
            let read = self.parcels.find(order_id).await?;
            let refuses = read.as_ref().is_some_and(|parcel| parcel.behaviour().refuses_recall);
            if refuses && self.parcels.count(&format!("recall-{order_id}")).await? == 1 {
                return Ok(Recall::Refused);
            }
            let recalled = match &read {
                Some(parcel) => parcel.recalled(),
                None => Some(Parcel::recalled_before_arrival(order_id.clone())),
            };
            let Some(recalled) = recalled else {
                return Ok(Recall::TooLate);
            };
            if self.parcels.put(read.as_ref(), &recalled).await? {
                return Ok(Recall::Done);
            }
        }
        Err(Failure::later(
            "Contended",
            format!("other requests changed the parcel of {order_id} at the same time: try again"),
        ))
    }

    /// A page of the parcels that were accepted at `since` or later, and the cursor of the next
    /// page. The page begins after the cursor `after`.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn accepted(
        &self,
        since: Timestamp,
        after: Option<&str>,
    ) -> Result<(Vec<Parcel>, Option<String>), Failure> {
        let (orders, next) = self.parcels.accepted(since, after).await?;
        let mut parcels = Vec::with_capacity(orders.len());
        for order_id in &orders {
            parcels.extend(self.parcels.find(order_id).await?.map(|read| read.value));
        }
        Ok((parcels, next))
    }

    /// Schedules the latest callback about each parcel that was accepted at `since` or later, so
    /// that the callback is sent once more.
    ///
    /// # Errors
    /// If the store fails. Some of the callbacks may have been scheduled.
    pub async fn report_again(&self, since: Timestamp) -> Result<(), Failure> {
        let mut after = None;
        loop {
            let (orders, next) = self.parcels.accepted(since, after.as_deref()).await?;
            for order_id in &orders {
                let Some(read) = self.parcels.find(order_id).await? else { continue };
                let Some(again) = read.to_report_again(self.clock.now()) else { continue };
                // This writes nothing if the parcel has changed since it was read. The carrier
                // reports the change anyway.
                self.parcels.put(Some(&read), &again).await?;
            }
            self.woken.notify_one();
            if next.is_none() {
                return Ok(());
            }
            after = next;
        }
    }

    /// Runs until the future is dropped. Begins with the parcels and callbacks that became due
    /// while no process ran.
    pub async fn run(self: Arc<Self>) {
        loop {
            match self.work_off().await {
                Ok(None) => self.woken.notified().await,
                Ok(Some(next)) => {
                    let wait = next.duration_since(self.clock.now());
                    let wait = Duration::try_from(wait).unwrap_or(Duration::ZERO);
                    tokio::select! {
                        () = self.woken.notified() => {}
                        () = self.clock.sleep(wait) => {}
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "the store of the simulated carrier failed");
                    self.clock.sleep(PAUSE).await;
                }
            }
        }
    }

    /// Moves every due parcel to its next status, and sends every due callback. Returns the time at
    /// which the next parcel is due.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn work_off(self: &Arc<Self>) -> Result<Option<Timestamp>, Failure> {
        loop {
            let due = self.parcels.due(self.clock.now()).await?;
            if due.is_empty() {
                return self.parcels.next_due().await;
            }
            let mut working = JoinSet::new();
            for order_id in due {
                let carrier = Arc::clone(self);
                working.spawn(async move { carrier.work_on(&order_id).await });
            }
            while let Some(worked) = working.join_next().await {
                let broken = |error| {
                    Failure::later("CarrierFailed", format!("work on a parcel failed: {error}"))
                };
                worked.map_err(broken)??;
            }
        }
    }

    /// Moves one parcel to its next status, reports the status to the shop by a callback, and
    /// records whether the shop accepted the callback. No write replaces a parcel that was changed
    /// in the meantime, for example by a recall.
    async fn work_on(&self, order_id: &OrderId) -> Result<(), Failure> {
        let Some(read) = self.parcels.find(order_id).await? else {
            return Ok(());
        };
        if read.due.is_none_or(|due| due > self.clock.now()) {
            return Ok(());
        }
        let Some(next) = self.next(&read).await? else { return Ok(()) };
        let moved = Versioned { version: read.version + 1, value: next };
        // The move is stored before the callback is sent, so that a concurrent recall sees the new
        // status.
        if !self.parcels.put(Some(&read), &moved).await? {
            return Ok(());
        }
        let after = match self.post(&moved).await {
            Ok(()) => moved.after_callback_accepted(self.clock.now(), &self.config),
            Err(error) => {
                let after = moved.after_callback_failed(self.clock.now(), &self.config);
                tracing::warn!(order = %order_id, attempts = after.attempts, %error, "the shop did not accept a callback of the carrier");
                after
            }
        };
        self.parcels.put(Some(&moved), &after).await?;
        Ok(())
    }

    /// Returns the parcel after its next step; `None` if its address could not be fetched yet.
    async fn next(&self, read: &Versioned<Parcel>) -> Result<Option<Parcel>, Failure> {
        let Some(handle) = read.handle.as_ref().filter(|_| read.needs_address()) else {
            return Ok(Some(read.after_next_step()));
        };
        match self.webhook.fetch_address(&read.order_id, handle).await {
            Ok(true) => Ok(Some(read.after_next_step())),
            Ok(false) => Ok(Some(read.undeliverable())),
            Err(error) => {
                let later = read.after_callback_failed(self.clock.now(), &self.config);
                tracing::warn!(order = %read.order_id, %error, "the carrier could not fetch the parcel's address from the shop");
                self.parcels.put(Some(read), &later).await?;
                Ok(None)
            }
        }
    }

    async fn post(&self, parcel: &Parcel) -> Result<(), NotAccepted> {
        let Some(callback) = parcel.callback() else {
            return Ok(());
        };
        if parcel.behaviour().twice {
            self.webhook.post(&callback).await?;
        }
        self.webhook.post(&callback).await
    }
}
