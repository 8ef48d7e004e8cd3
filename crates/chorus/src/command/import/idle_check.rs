//! Waits until a shop is idle: the embedded engine reports its load, a shop on AWS does not.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

use super::PATIENCE;
use crate::client::{ApiRequest, Client};

/// How to find out that a shop is idle.
#[derive(Debug, Clone, Copy)]
pub(crate) enum IdleCheck {
    /// By the load that the engine reports: work that is due or in flight.
    Load,
    /// By the items and orders that the API shows.
    ReservedStock,
}

impl IdleCheck {
    /// Chooses the way that the shop supports: only the embedded engine has an operator's API.
    pub(crate) async fn of(client: &Client) -> anyhow::Result<Self> {
        let (status, _) = client.send(ApiRequest::get("/operator/load")).await?;
        Ok(if status == 404 { Self::ReservedStock } else { Self::Load })
    }

    /// How long to wait between two checks. On AWS, a check invokes a function.
    pub(crate) const fn pause(self) -> Duration {
        match self {
            Self::Load => Duration::from_millis(2),
            Self::ReservedStock => Duration::from_millis(100),
        }
    }

    /// Places an order. If the shop does not report its load, a 422 may mean that Order has not
    /// learned the prices yet, so the request is repeated.
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
        tokio::time::timeout(PATIENCE, placing)
            .await
            .with_context(|| format!("the order was refused for {} s", PATIENCE.as_secs()))?
    }

    /// Waits until nothing is in flight. Orders are placed one by one, so on AWS it is enough that
    /// no piece of `skus` is reserved any more.
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
