//! A kernel with a bus that keeps what is published, and a clock that a test advances.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chorus_kernel::{
    Breakers, Clock, Failure, Kernel, MemoryStore, NoMachines, Publisher, Region, Rejected,
    TableSpec, testing,
};
use chorus_table::{Entry, sample_time};
use jiff::Timestamp;

#[derive(Default)]
pub(crate) struct Bus(pub(crate) Mutex<Vec<Entry>>);

#[async_trait]
impl Publisher for Bus {
    async fn put_events(&self, entries: &[Entry]) -> Result<Vec<Rejected>, Failure> {
        self.0.lock().unwrap().extend_from_slice(entries);
        Ok(Vec::new())
    }
}

pub(crate) struct ManualClock(pub(crate) Mutex<Timestamp>);

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
    async fn sleep(&self, _: Duration) {}
}

/// A kernel, its bus, and its clock, which is set to [`sample_time`].
pub(crate) fn kernel(
    tables: &[TableSpec],
    region: Option<Region>,
) -> (Kernel, Arc<Bus>, Arc<ManualClock>) {
    let bus = Arc::<Bus>::default();
    let clock = Arc::new(ManualClock(Mutex::new(sample_time())));
    let kernel = Kernel {
        store: Arc::new(MemoryStore::new(tables)),
        bus: Arc::clone(&bus) as Arc<dyn Publisher>,
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        machines: Arc::new(NoMachines),
        breakers: Breakers::default(),
        keyring: testing::keyring(),
        region,
    };
    (kernel, bus, clock)
}
