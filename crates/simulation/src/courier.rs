//! The carrier: takes parcels, once for each key, moves them, loses some, and calls back through
//! the shop's signed webhook: twice, late, out of order or never.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chorus_events::OrderId;
use chorus_events::commands::LogisticsStatus;
use chorus_local::{Call, NoAnswer, Partner};
use chorus_table::Handle;
use jiff::Timestamp;
use serde::Deserialize;

use crate::fault::{Fault, Port};
use crate::world::{World, later};

/// What the carrier does with an order's parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conduct {
    /// Delivers it.
    Plain,
    /// Delivers it, and calls back twice each time.
    Twice,
    /// Gives it up.
    Cancels,
    /// Takes it, and never calls back.
    Silent,
    /// Answers 503 for as long as faults strike.
    Down,
}

/// How the carrier treats one order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) conduct: Conduct,
    pub(crate) pickup: Duration,
    pub(crate) delivery: Duration,
}

/// Where a parcel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    Accepted,
    PickedUp,
    Delivered,
    GivenUp,
    Recalled,
}

/// A parcel.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    pub(crate) order_id: OrderId,
    /// By what name the shop wants to hear of it.
    handle: Option<Handle>,
    pub(crate) at: Whereabouts,
}

/// The carrier's shelf.
#[derive(Debug, Default)]
pub(crate) struct Parcels {
    /// By the key of the request that handed it in.
    pub(crate) parcels: BTreeMap<String, Parcel>,
    recalled: BTreeSet<OrderId>,
    /// When something happens to a parcel.
    moves: Vec<(Timestamp, String)>,
}

/// A callback to be made.
#[derive(Debug, Clone)]
pub(crate) struct Callback {
    pub(crate) order_id: OrderId,
    pub(crate) handle: Option<Handle>,
    pub(crate) status: LogisticsStatus,
    pub(crate) twice: bool,
}

/// The carrier.
pub(crate) struct Courier {
    pub(crate) world: Arc<World>,
    pub(crate) manners: BTreeMap<OrderId, Manner>,
    pub(crate) shelf: Mutex<Parcels>,
}

#[derive(Deserialize)]
struct Body {
    data: Whose,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Whose {
    order_id: OrderId,
    #[serde(default)]
    handle: Option<Handle>,
}

impl Courier {
    pub(crate) fn parcels(&self) -> MutexGuard<'_, Parcels> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn manner(&self, order_id: &OrderId) -> Manner {
        let plain = Manner {
            conduct: Conduct::Plain,
            pickup: Duration::from_millis(50),
            delivery: Duration::from_millis(150),
        };
        self.manners.get(order_id).copied().unwrap_or(plain)
    }

    /// What is to happen since the last call, and when.
    pub(crate) fn moves(&self) -> Vec<(Timestamp, String)> {
        std::mem::take(&mut self.parcels().moves)
    }

    /// Moves a parcel one step, and says what the shop has to be told.
    pub(crate) fn advance(&self, key: &str) -> Option<Callback> {
        let now = self.world.now();
        let mut shelf = self.parcels();
        let parcel = shelf.parcels.get_mut(key)?;
        let manner = self.manner(&parcel.order_id);
        let status = match parcel.at {
            Whereabouts::Accepted => {
                parcel.at = Whereabouts::PickedUp;
                LogisticsStatus::DeliveryStarted
            }
            Whereabouts::PickedUp if manner.conduct == Conduct::Cancels => {
                parcel.at = Whereabouts::GivenUp;
                LogisticsStatus::DeliveryCanceled
            }
            Whereabouts::PickedUp => {
                parcel.at = Whereabouts::Delivered;
                LogisticsStatus::Delivered
            }
            Whereabouts::Delivered | Whereabouts::GivenUp | Whereabouts::Recalled => return None,
        };
        let callback = Callback {
            order_id: parcel.order_id.clone(),
            handle: parcel.handle.clone(),
            status,
            twice: manner.conduct == Conduct::Twice,
        };
        if status == LogisticsStatus::DeliveryStarted {
            shelf.moves.push((later(now, manner.delivery), key.to_owned()));
        }
        Some(callback)
    }

    fn accept(&self, Whose { order_id, handle }: Whose, key: &str) -> u16 {
        let manner = self.manner(&order_id);
        let now = self.world.now();
        let mut shelf = self.parcels();
        if shelf.recalled.contains(&order_id) || shelf.parcels.contains_key(key) {
            return 200;
        }
        let at = Whereabouts::Accepted;
        shelf.parcels.insert(key.to_owned(), Parcel { order_id, handle, at });
        if manner.conduct != Conduct::Silent {
            shelf.moves.push((later(now, manner.pickup), key.to_owned()));
        }
        202
    }

    fn recall(&self, order_id: OrderId) -> u16 {
        let mut shelf = self.parcels();
        for parcel in shelf.parcels.values_mut().filter(|parcel| parcel.order_id == order_id) {
            if matches!(parcel.at, Whereabouts::Accepted | Whereabouts::PickedUp) {
                parcel.at = Whereabouts::Recalled;
            }
        }
        shelf.recalled.insert(order_id);
        200
    }
}

#[async_trait]
impl Partner for Courier {
    async fn post(&self, call: &Call) -> Result<u16, NoAnswer> {
        let fault = self.world.call(Port::Carrier).await;
        if fault == Some(Fault::Unavailable) {
            return Err(NoAnswer::NotReached("no route".to_owned()));
        }
        let Ok(Body { data: whose }) = serde_json::from_str(&call.body) else {
            return Ok(400);
        };
        let down = self.manner(&whose.order_id).conduct == Conduct::Down;
        if down && self.world.state().armed {
            return Ok(503);
        }
        let key = call.headers.iter().find(|(name, _)| *name == "idempotency-key");
        let status = match (call.action, key) {
            ("RecallDelivery", _) => self.recall(whose.order_id),
            (_, Some((_, key))) => self.accept(whose, key),
            (_, None) => 400,
        };
        if self.world.answer(fault).await {
            return Err(NoAnswer::TimedOut(Duration::from_secs(5)));
        }
        Ok(status)
    }
}
