//! Waits until a shop is idle. The embedded engine reports its load. A shop on AWS reports no load:
//! it counts as idle when no stock is reserved.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

use super::PATIENCE;
use crate::client::{ApiRequest, Client};

/// The way to find out whether a shop is idle.
#[derive(Debug, Clone, Copy)]
pub(crate) enum IdleCheck {
    /// Asks the engine for its load: the work that is due or in flight.
    Load,
    /// Asks the API whether pieces of the items are reserved.
    ReservedStock,
}

impl IdleCheck {
    /// Chooses `Load` for a shop on the embedded engine, which answers requests for its load.
    /// Chooses `ReservedStock` for any other shop.
    pub(crate) async fn of(client: &Client) -> anyhow::Result<Self> {
        let (status, _) = client.send(ApiRequest::get("/operator/load")).await?;
        Ok(if status == 404 { Self::ReservedStock } else { Self::Load })
    }

    /// How long to wait between two checks. The wait is longer on AWS, where each check invokes a
    /// function.
    pub(crate) const fn pause(self) -> Duration {
        match self {
            Self::Load => Duration::from_millis(2),
            Self::ReservedStock => Duration::from_millis(100),
        }
    }

    /// Places an order. If the shop does not report its load, a 422 may mean that the Order service
    /// does not know the prices yet. In that case, this function repeats the request.
    pub(crate) async fn place(
        self,
        client: &Client,
        ask: &ApiRequest<'_>,
    ) -> anyhow::Result<Value> {
        let placing = async {
            loop {
                let (status, answer) = client.send(ask.clone()).await?;
                match (self, status) {
                    (_, 200..=299) => return Ok(answer),
                    (Self::ReservedStock, 422) => tokio::time::sleep(self.pause()).await,
                    _ => bail!("POST /orders answered {status}: {answer}"),
                }
            }
        };
        tokio::time::timeout(PATIENCE, placing).await.with_context(|| {
            format!("the order could not be placed within {} s", PATIENCE.as_secs())
        })?
    }

    /// Waits until the shop is idle. The import places orders one by one, so a shop on AWS is idle
    /// when no piece of `skus` is reserved.
    pub(crate) async fn wait_until_idle(
        self,
        client: &Client,
        skus: &[String],
    ) -> anyhow::Result<()> {
        let idle = async {
            while self.is_busy(client, skus).await? {
                tokio::time::sleep(self.pause()).await;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(PATIENCE, idle)
            .await
            .with_context(|| format!("the shop was still busy after {} s", PATIENCE.as_secs()))?
    }

    async fn is_busy(self, client: &Client, skus: &[String]) -> anyhow::Result<bool> {
        if let Self::Load = self {
            let load: Value = client.ask(ApiRequest::get("/operator/load")).await?;
            let some = |field: &str| load[field].as_u64().unwrap_or_default() > 0;
            return Ok(some("pending") || some("in-flight"));
        }
        for sku in skus {
            let item: Value = client.ask(ApiRequest::get(&format!("/items/{sku}"))).await?;
            if item["reserved"] != 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
