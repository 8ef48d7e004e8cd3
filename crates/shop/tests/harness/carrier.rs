//! A carrier in the same process. It accepts every parcel at once. To the shop's signed webhook, it
//! reports first that the parcel was picked up, then that the parcel was delivered.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::http::Request;
use chorus_delivery::CarrierCallback;
use chorus_events::delivery::DeliveryMarkedAsStarted;
use chorus_kernel::Clock;
use chorus_local::{Call, NoAnswer, Partner};
use chorus_shop::WEBHOOK_SECRET;
use chorus_webhook_signature::{WebhookSecret, headers};
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Mutex, watch};

/// How many parcels are delivered at the same time.
const COURIERS: usize = 32;

pub(super) struct Carrier(UnboundedSender<String>);

#[async_trait]
impl Partner for Carrier {
    async fn post(&self, call: &Call) -> Result<u16, NoAnswer> {
        if call.action == "RecallDelivery" {
            return Ok(200);
        }
        let Ok(parcel) = serde_json::from_str::<DeliveryMarkedAsStarted>(&call.body) else {
            return Ok(400);
        };
        let gone = |_| NoAnswer::NotReached("the carrier has closed".to_owned());
        self.0.send(parcel.order_id.to_string()).map_err(gone)?;
        Ok(202)
    }
}

/// Controls whether the carrier moves its parcels, and counts the delivered parcels.
pub(super) struct Depot {
    open: watch::Sender<bool>,
    delivered: watch::Sender<usize>,
}

/// Returns a carrier that takes the time from `clock`. The carrier does not move its parcels until
/// [`Couriers::start`] and [`Depot::set_open`] are called.
pub(super) fn open(clock: Arc<dyn Clock>) -> (Carrier, Depot, Couriers) {
    let (sender, parcels) = unbounded_channel();
    let depot = Depot { open: watch::channel(false).0, delivered: watch::channel(0).0 };
    let (open, delivered) = (depot.open.subscribe(), depot.delivered.clone());
    let parcels = Arc::new(Mutex::new(parcels));
    (Carrier(sender), depot, Couriers { clock, parcels, open, delivered })
}

impl Depot {
    /// Makes the carrier move its parcels, or stop moving them.
    pub(super) fn set_open(&self, open: bool) {
        self.open.send_replace(open);
    }

    /// Returns how many parcels were reported to the shop as delivered.
    pub(super) fn delivered(&self) -> usize {
        *self.delivered.borrow()
    }

    /// Waits until `delivered` parcels were reported to the shop as delivered.
    pub(super) async fn until(&self, delivered: usize) -> anyhow::Result<()> {
        self.delivered.subscribe().wait_for(|answer| *answer >= delivered).await?;
        Ok(())
    }
}

/// The tasks that move parcels while the depot is open. These tasks end when the carrier is
/// dropped.
#[derive(Clone)]
pub(super) struct Couriers {
    clock: Arc<dyn Clock>,
    parcels: Arc<Mutex<UnboundedReceiver<String>>>,
    open: watch::Receiver<bool>,
    delivered: watch::Sender<usize>,
}

impl Couriers {
    /// Starts the tasks, which send their callbacks to `router`.
    pub(super) fn start(&self, router: &Router) {
        for _ in 0..COURIERS {
            tokio::spawn(self.clone().drive(router.clone()));
        }
    }

    async fn drive(mut self, router: Router) {
        loop {
            let parcel = self.parcels.lock().await.recv().await;
            let Some(order_id) = parcel else { return };
            if self.open.wait_for(|open| *open).await.is_err() {
                return;
            }
            for status in ["DeliveryStarted", "Delivered"] {
                let answer = self.send_callback(&router, &order_id, status).await;
                answer.expect("the shop takes the carrier's webhook");
            }
            self.delivered.send_modify(|delivered| *delivered += 1);
        }
    }

    async fn send_callback(
        &self,
        router: &Router,
        order_id: &str,
        status: &str,
    ) -> anyhow::Result<()> {
        let secret: WebhookSecret = WEBHOOK_SECRET.parse()?;
        let handle = CarrierCallback::handle(&order_id.parse()?);
        let body = json!({ "order-id": order_id, "handle": handle, "status": status }).to_string();
        let now = self.clock.now().as_second();
        let mut request = Request::post("/webhooks/logistics");
        for (name, value) in headers(&secret, status, now, body.as_bytes()) {
            request = request.header(name, value);
        }
        super::ask(router, request.body(body.into())?).await?;
        Ok(())
    }
}
