//! A failover between two data directories.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use chorus_kernel::Store;
use chorus_shop::ShopConfig;
use chorus_shop::failover::{Directories, Regions};
use chorus_shop::takeover::Takeover;

use super::{Failover, Platform, State, carry_out, show, started, state};
use crate::screen::{called, line};

pub(super) async fn run(failover: &Failover, from: &str) -> anyhow::Result<ExitCode> {
    let (first, second) = (Path::new(from), Path::new(&failover.to));
    let stripe = failover.payment.stripe(failover.currency)?.map(Arc::new);
    let config = ShopConfig { stripe, ..ShopConfig::default() };
    let directories = Directories::open(&config, first, second)?;
    if !matches!(state(&directories).await?, State::Done) {
        directories.check_copy().await?;
    }
    if !show(failover, &directories).await? || !failover.yes {
        return Ok(ExitCode::SUCCESS);
    }
    let (begun, cancels) = started(&directories).await?;
    // Empty the queues of the second shop only when the failover is certain to take place: only a
    // takeover publishes the events in these queues again.
    let directories = directories.emptied(&config)?;
    let code = carry_out(failover, &directories, begun, cancels).await?;
    if !failover.json {
        line!("`{} up --data {}` starts the shop.", called(), failover.to);
    }
    Ok(code)
}

#[async_trait]
impl Platform for Directories {
    fn regions(&self) -> &Regions {
        Self::regions(self)
    }

    fn takeover(&self) -> Takeover<'_> {
        Self::takeover(self)
    }

    fn store(&self) -> &dyn Store {
        Self::store(self)
    }

    async fn fence(&self) -> anyhow::Result<()> {
        Ok(Self::fence(self).await?)
    }

    async fn activate(&self) -> anyhow::Result<()> {
        Ok(Self::activate(self).await?)
    }

    async fn finish(&self) -> anyhow::Result<()> {
        Ok(self.hand_over_partners().await?)
    }
}
