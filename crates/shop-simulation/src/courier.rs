//! The simulated carrier. It accepts one parcel for each key, fetches the parcel's address, and
//! moves or cancels the parcel. Its callbacks to the shop's signed webhook come once, twice, late,
//! out of order or never.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use chorus_events::OrderId;
use chorus_events::commands::LogisticsStatus;
use chorus_events::table::rows::RecallDelivery;
use chorus_local::{Call, NoAnswer, Partner};
use chorus_simulation::{Client, Environment, Fault};
use chorus_table::{Handle, Row};
use serde::Deserialize;

use crate::callers;
use crate::orders::PlannedOrder;
use crate::shop::CARRIER_PORT;

/// How the carrier handles an order's parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BehaviorKind {
    Plain,
    /// Delivers the parcel, and makes each callback twice.
    Twice,
    Cancels,
    /// Accepts the parcel, and never calls back.
    Silent,
    /// Answers each request about the order with 503 as long as faults are injected.
    Down,
    /// Never accepts the parcel: answers each delivery request with 503, but accepts recalls.
    NeverTakes,
}

/// How, and how fast, the carrier handles one order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CarrierBehavior {
    pub(crate) kind: BehaviorKind,
    pub(crate) pickup: Duration,
    pub(crate) delivery: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParcelStatus {
    Accepted,
    PickedUp,
    Delivered,
    GivenUp,
    Recalled,
}

#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    pub(crate) order_id: OrderId,
    /// The handle by which the shop recognizes the parcel in callbacks.
    handle: Option<Handle>,
    pub(crate) at: ParcelStatus,
}

#[derive(Debug, Default)]
pub(crate) struct Parcels {
    /// The accepted parcels, each by the key of its delivery request.
    pub(crate) parcels: BTreeMap<String, Parcel>,
    pub(crate) recalled: BTreeSet<OrderId>,
}

#[derive(Debug, Clone)]
pub(crate) struct Callback {
    pub(crate) order_id: OrderId,
    pub(crate) handle: Option<Handle>,
    pub(crate) status: LogisticsStatus,
}

pub(crate) struct SimulatedCarrier {
    environment: Arc<Environment>,
    /// Each order's name, and how the carrier handles the order.
    behaviors: BTreeMap<OrderId, (String, CarrierBehavior)>,
    /// Whether the carrier recognizes a second request for a parcel by the handle in the request.
    /// In two regions the carrier must do so: the key of a request derives from a task token, which
    /// only one of the regions has.
    knows_handles: bool,
    parcels: Mutex<Parcels>,
    itself: Weak<Self>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct AboutOrder {
    order_id: OrderId,
    #[serde(default)]
    handle: Option<Handle>,
}

impl SimulatedCarrier {
    pub(crate) fn new(
        environment: &Arc<Environment>,
        orders: &[PlannedOrder],
        knows_handles: bool,
    ) -> Arc<Self> {
        let behavior = |it: &PlannedOrder| (it.order_id.clone(), (it.name.clone(), it.carrier));
        let behaviors = orders.iter().map(behavior).collect();
        Arc::new_cyclic(|itself| Self {
            environment: Arc::clone(environment),
            behaviors,
            knows_handles,
            parcels: Mutex::default(),
            itself: Weak::clone(itself),
        })
    }

    pub(crate) fn parcels(&self) -> MutexGuard<'_, Parcels> {
        self.parcels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The orders whose parcels the carrier has ever accepted.
    pub(crate) fn orders(&self) -> BTreeSet<OrderId> {
        self.parcels().parcels.values().map(|parcel| parcel.order_id.clone()).collect()
    }

    /// Recalls the parcel of an order as part of a region's takeover: directly, without an HTTP
    /// request that could fail.
    pub(crate) fn take_back(&self, order_id: OrderId) {
        self.recall(order_id);
    }

    /// Makes clients, each of which repeats the latest callback about one parcel. Leaves out the
    /// parcels of the orders in `without`.
    pub(crate) fn repeated(&self, without: &BTreeSet<OrderId>, region: &str) -> Vec<Client> {
        let parcels = self.parcels();
        let mut repeated = Vec::new();
        for parcel in parcels.parcels.values().filter(|it| !without.contains(&it.order_id)) {
            let status = match parcel.at {
                ParcelStatus::PickedUp => LogisticsStatus::DeliveryStarted,
                ParcelStatus::Delivered => LogisticsStatus::Delivered,
                ParcelStatus::GivenUp => LogisticsStatus::DeliveryCanceled,
                ParcelStatus::Accepted | ParcelStatus::Recalled => continue,
            };
            let (order_id, handle) = (parcel.order_id.clone(), parcel.handle.clone());
            let name = format!("{}, for {region} again", self.behavior(&order_id).0);
            let callback = Callback { order_id, handle, status };
            repeated.push(callers::callback_client(&callback, &name).until_conflict());
        }
        repeated
    }

    fn behavior(&self, order_id: &OrderId) -> (&str, CarrierBehavior) {
        let plain = CarrierBehavior {
            kind: BehaviorKind::Plain,
            pickup: Duration::from_millis(50),
            delivery: Duration::from_millis(150),
        };
        let known = self.behaviors.get(order_id);
        known.map_or(("an unknown order", plain), |(name, behavior)| (name, *behavior))
    }

    /// Runs [`Self::advance`] after a pause. The clients that `advance` returns then call the shop.
    fn go_on(&self, after: Duration, key: String) {
        let itself = Weak::clone(&self.itself);
        self.environment
            .later(after, move || itself.upgrade().map_or_else(Vec::new, |it| it.advance(&key)));
    }

    /// Moves a parcel one step, and returns the clients that make the callbacks. If the parcel is
    /// only accepted, it does not move: the carrier first needs the address, and the returned
    /// client fetches the address.
    fn advance(&self, key: &str) -> Vec<Client> {
        let mut parcels = self.parcels();
        let Some(parcel) = parcels.parcels.get_mut(key) else { return Vec::new() };
        let (order, behavior) = self.behavior(&parcel.order_id);
        let status = match parcel.at {
            ParcelStatus::Accepted => {
                let Some(handle) = &parcel.handle else { return Vec::new() };
                return vec![callers::asks_address(&parcel.order_id, handle, order)];
            }
            ParcelStatus::PickedUp if behavior.kind == BehaviorKind::Cancels => {
                parcel.at = ParcelStatus::GivenUp;
                LogisticsStatus::DeliveryCanceled
            }
            ParcelStatus::PickedUp => {
                parcel.at = ParcelStatus::Delivered;
                LogisticsStatus::Delivered
            }
            ParcelStatus::Delivered | ParcelStatus::GivenUp | ParcelStatus::Recalled => {
                return Vec::new();
            }
        };
        self.callbacks(parcel, status)
    }

    fn callbacks(&self, parcel: &Parcel, status: LogisticsStatus) -> Vec<Client> {
        let (order, behavior) = self.behavior(&parcel.order_id);
        let (order_id, handle) = (parcel.order_id.clone(), parcel.handle.clone());
        let callback = Callback { order_id, handle, status };
        let mut calls = vec![callers::callback_client(&callback, order)];
        if behavior.kind == BehaviorKind::Twice {
            calls.push(callers::callback_client(&callback, &format!("{order}, twice")));
        }
        calls
    }

    /// Handles the response to a request for a parcel's address: the parcel is picked up or, if the
    /// shop has no address any more, given up.
    pub(crate) fn address_answered(&self, order_id: &OrderId, has_address: bool) {
        let mut parcels = self.parcels();
        let accepted = |it: &(&String, &mut Parcel)| {
            it.1.order_id == *order_id && it.1.at == ParcelStatus::Accepted
        };
        let Some((key, parcel)) = parcels.parcels.iter_mut().find(accepted) else { return };
        let status = if has_address {
            parcel.at = ParcelStatus::PickedUp;
            self.go_on(self.behavior(order_id).1.delivery, key.clone());
            LogisticsStatus::DeliveryStarted
        } else {
            parcel.at = ParcelStatus::GivenUp;
            LogisticsStatus::DeliveryCanceled
        };
        let calls = self.callbacks(parcel, status);
        self.environment.later(Duration::ZERO, move || calls);
    }

    fn accept(&self, AboutOrder { order_id, handle }: AboutOrder, key: &str) -> u16 {
        let (_, behavior) = self.behavior(&order_id);
        let mut parcels = self.parcels();
        let same = |it: &Parcel| self.knows_handles && it.handle == handle;
        let known = parcels.parcels.contains_key(key) || parcels.parcels.values().any(same);
        if parcels.recalled.contains(&order_id) || known {
            return 200;
        }
        let at = ParcelStatus::Accepted;
        parcels.parcels.insert(key.to_owned(), Parcel { order_id, handle, at });
        if behavior.kind != BehaviorKind::Silent {
            self.go_on(behavior.pickup, key.to_owned());
        }
        202
    }

    fn recall(&self, order_id: OrderId) -> u16 {
        let mut parcels = self.parcels();
        for parcel in parcels.parcels.values_mut().filter(|parcel| parcel.order_id == order_id) {
            if matches!(parcel.at, ParcelStatus::Accepted | ParcelStatus::PickedUp) {
                parcel.at = ParcelStatus::Recalled;
            }
        }
        parcels.recalled.insert(order_id);
        200
    }
}

#[async_trait]
impl Partner for SimulatedCarrier {
    async fn post(&self, call: &Call) -> Result<u16, NoAnswer> {
        let fault = self.environment.call(CARRIER_PORT).await;
        if fault == Some(Fault::Unavailable) {
            return Err(NoAnswer::NotReached("no route".to_owned()));
        }
        let Ok(whose) = serde_json::from_str::<AboutOrder>(&call.body) else {
            return Ok(400);
        };
        let is_down = match self.behavior(&whose.order_id).1.kind {
            BehaviorKind::Down => self.environment.injects_faults(),
            BehaviorKind::NeverTakes => call.action != RecallDelivery::ACTION,
            _ => false,
        };
        if is_down {
            return Ok(503);
        }
        let key = call.headers.iter().find(|(name, _)| *name == "idempotency-key");
        let status = match (call.action, key) {
            (RecallDelivery::ACTION, _) => self.recall(whose.order_id),
            (_, Some((_, key))) => self.accept(whose, key),
            (_, None) => 400,
        };
        if self.environment.answer(fault).await {
            return Err(NoAnswer::TimedOut(Duration::from_secs(5)));
        }
        Ok(status)
    }
}
