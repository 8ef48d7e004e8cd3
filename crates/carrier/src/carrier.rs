//! The carrier at work: takes parcels and recalls, moves what is due, and calls the shop back.

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

/// How many requests of one key a flaky carrier does not answer.
const FLAKY_FOR: i64 = 2;

/// How often a parcel is looked at anew, because something else happened to it in between.
const ATTEMPTS: usize = 8;

/// How long to wait after the store failed.
const PAUSE: Duration = Duration::from_secs(1);

/// The carrier's answer to the recall of a parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recall {
    /// It comes back.
    Done,
    /// It has been delivered, given up or called back before.
    TooLate,
    Refused,
}

/// The carrier's answer to a parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    Accepted,
    /// It had it before, or it was called back before.
    Known,
    /// It cannot take it now.
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
    /// A carrier that keeps its parcels in [`crate::CARRIER_TABLE`] of `store`.
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

    /// Whether `key` lets a caller in.
    pub(crate) fn admits(&self, key: &str) -> bool {
        self.config.api_key.admits(key)
    }

    /// Takes a parcel, once however often it is handed in. `key` names the request.
    ///
    /// # Errors
    /// Where the store fails.
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

    /// Calls a parcel back. One that was never handed in will not be taken any more.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn recall(&self, order_id: &OrderId) -> Result<Recall, Failure> {
        for _ in 0..ATTEMPTS {
            let read = self.parcels.find(order_id).await?;
            let refuses = read.as_ref().is_some_and(|parcel| parcel.behaviour().refuses_recall);
            if refuses && self.parcels.count(&format!("recall-{order_id}")).await? == 1 {
                return Ok(Recall::Refused);
            }
            let recalled = match &read {
                Some(parcel) => parcel.recalled(),
                None => Some(Parcel::never(order_id.clone())),
            };
            let Some(recalled) = recalled else {
                return Ok(Recall::TooLate);
            };
            if self.parcels.put(read.as_ref(), &recalled).await? {
                return Ok(Recall::Done);
            }
        }
        Err(Failure::later("Contended", format!("the parcel of {order_id} changes too fast")))
    }

    /// Works for good: what was left of an earlier run first. Stop it by dropping it.
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
                    tracing::warn!(%error, "the carrier cannot reach its parcels");
                    self.clock.sleep(PAUSE).await;
                }
            }
        }
    }

    /// Moves every parcel that is due and sends each callback once. Returns when something is due
    /// next.
    ///
    /// # Errors
    /// Where the store fails.
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
                let broken = |error| Failure::later("CarrierFailed", format!("{error}"));
                worked.map_err(broken)??;
            }
        }
    }

    /// Moves one parcel, sends the callback, and records whether the shop accepted it. Where
    /// something else happened to the parcel in between, that counts.
    async fn work_on(&self, order_id: &OrderId) -> Result<(), Failure> {
        let Some(read) = self.parcels.find(order_id).await? else {
            return Ok(());
        };
        if read.due.is_none_or(|due| due > self.clock.now()) {
            return Ok(());
        }
        let Some(next) = self.next(&read).await? else { return Ok(()) };
        let moved = Versioned { version: read.version + 1, value: next };
        // The parcel moves first, so that a recall knows where it is while the callback is sent.
        if !self.parcels.put(Some(&read), &moved).await? {
            return Ok(());
        }
        let after = match self.tell(&moved).await {
            Ok(()) => moved.told(self.clock.now(), &self.config),
            Err(error) => {
                let after = moved.unheard(self.clock.now(), &self.config);
                tracing::warn!(order = %order_id, attempts = after.attempts, %error, "not told");
                after
            }
        };
        self.parcels.put(Some(&moved), &after).await?;
        Ok(())
    }

    /// The parcel one step further; none where nobody says yet where it goes.
    async fn next(&self, read: &Versioned<Parcel>) -> Result<Option<Parcel>, Failure> {
        let Some(handle) = read.handle.as_ref().filter(|_| read.needs_address()) else {
            return Ok(Some(read.moved()));
        };
        match self.webhook.fetch_address(&read.order_id, handle).await {
            Ok(true) => Ok(Some(read.moved())),
            Ok(false) => Ok(Some(read.undeliverable())),
            Err(error) => {
                let later = read.unheard(self.clock.now(), &self.config);
                tracing::warn!(order = %read.order_id, %error, "nobody says where it goes");
                self.parcels.put(Some(read), &later).await?;
                Ok(None)
            }
        }
    }

    async fn tell(&self, parcel: &Parcel) -> Result<(), NotAccepted> {
        let Some(callback) = parcel.callback() else {
            return Ok(());
        };
        if parcel.behaviour().twice {
            self.webhook.tell(&callback).await?;
        }
        self.webhook.tell(&callback).await
    }
}
