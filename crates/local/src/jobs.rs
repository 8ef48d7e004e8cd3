//! The engine's own recurring jobs: the sweeper, and the deletion of expired data.

use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use chorus_kernel::{Failure, Kernel, RowOutputs, sweep};
use jiff::SignedDuration;

use crate::bus::Bus;
use crate::dispatcher::Job;
use crate::store::DynoxideStore;

/// The job that publishes events which a process committed, but did not publish.
pub const SWEEP: &str = "sweep-unpublished";

/// The job that deletes expired items of the store, and archived events that are older than the
/// archive's retention period.
pub const FORGET: &str = "forget-expired";

/// How long the job [`SWEEP`] ignores a new idempotency record. During this time, the process that
/// committed the record may still publish the record's events.
const UNPUBLISHED_FOR: SignedDuration = SignedDuration::from_secs(30);

/// The job [`SWEEP`], with the events that each row of the design table may publish.
pub(crate) struct Sweep(pub(crate) RowOutputs);

#[async_trait]
impl Job for Sweep {
    async fn run(&self, kernel: &Kernel) -> Result<(), Failure> {
        let swept = sweep(kernel, &self.0, UNPUBLISHED_FOR).await?;
        if swept.published > 0 {
            tracing::info!(
                published = swept.published,
                "the sweeper published events that a process had committed, but not published"
            );
        }
        Ok(())
    }
}

pub(crate) struct Forget {
    pub(crate) bus: Weak<Bus>,
    pub(crate) store: Arc<DynoxideStore>,
    pub(crate) retention: Duration,
}

#[async_trait]
impl Job for Forget {
    async fn run(&self, _: &Kernel) -> Result<(), Failure> {
        self.store.sweep_expired()?;
        self.store.overwrite_remains()?;
        let Some(bus) = self.bus.upgrade() else { return Ok(()) };
        let retention = SignedDuration::try_from(self.retention).unwrap_or(SignedDuration::MAX);
        let Ok(limit) = bus.now().checked_sub(retention) else { return Ok(()) };
        let pruned = bus.records().prune(limit).await;
        pruned.map_err(|error| Failure::later("ArchiveUnavailable", error.to_string()))?;
        Ok(())
    }
}
