//! Updates the console of a deployed shop. EventBridge cannot be observed from outside, so this
//! process reads the event log of the newest orders repeatedly.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chorus_console::{Live, Update};

use super::deployed::DeployedShop;

/// The pause between two reads of the newest orders.
const PACE: Duration = Duration::from_secs(2);

/// How many orders one read covers.
const ORDERS: usize = 20;

/// If the ids of more events than this are stored, all ids are deleted, to limit memory. The newest
/// orders have fewer events, so one read never reaches this limit.
const REMEMBERED: usize = 2_000;

/// Reads the newest orders repeatedly, and reports new events. The first read reports no events,
/// because it cannot distinguish new events from old ones.
pub(super) async fn newest_orders(shop: Arc<DeployedShop>, live: Live) {
    let mut known = Known::default();
    loop {
        if let Err(error) = known.look(&shop, &live).await {
            tracing::warn!(
                "the console shows no new events: the newest orders cannot be read: {error:#}"
            );
        }
        tokio::time::sleep(PACE).await;
    }
}

#[derive(Default)]
struct Known {
    /// False before the first read, and after `events` was emptied. The next read then reports no
    /// events, because it cannot distinguish new events from old ones.
    looked: bool,
    /// Orders that had ended when they were last read. Their events are not read again.
    ended: BTreeSet<String>,
    events: BTreeSet<String>,
}

impl Known {
    async fn look(&mut self, shop: &DeployedShop, live: &Live) -> anyhow::Result<()> {
        let orders = shop.newest_orders(ORDERS).await?;
        if self.events.len() > REMEMBERED {
            self.events.clear();
            self.looked = false;
        }
        self.ended.retain(|order| orders.iter().any(|(id, _)| id == order));
        for (order, status) in orders {
            if self.ended.contains(&order) {
                continue;
            }
            for event in shop.events(&order).await? {
                let new = self.events.insert(event.metadata.event_id.to_string());
                if new && self.looked {
                    let about = event.metadata.correlation_id.clone();
                    live.record(&Update::Accepted { event: event.detail_type, about });
                }
            }
            if status != "Open" {
                self.ended.insert(order);
            }
        }
        self.looked = true;
        Ok(())
    }
}
