//! State machines of a deployment in two regions: the names under which executions are started.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chorus_kernel::testing::expect_ready;
use chorus_kernel::{
    ActiveRegion, Clock, Failure, Kernel, Machines, REGION_CACHE_TIME, REGIONS_TABLE, Region,
    Signal, SignalOutcome, Versioned, Write,
};
use jiff::Timestamp;
use serde_json::json;
use support::ManualClock;

/// State machines that accept every execution name, and record the names.
#[derive(Default)]
struct Started(Mutex<Vec<String>>);

#[async_trait]
impl Machines for Started {
    async fn signal(&self, signal: &Signal) -> Result<SignalOutcome, Failure> {
        if let Signal::Start { name, .. } = signal {
            self.0.lock().unwrap().push(name.clone());
        }
        Ok(SignalOutcome::Delivered)
    }
}

struct Regions {
    /// The kernels of the regions "east" and "west".
    kernels: [Kernel; 2],
    started: Arc<Started>,
    clock: Arc<ManualClock>,
}

impl Regions {
    fn new() -> Self {
        let started = Arc::<Started>::default();
        let (east, _, clock) = support::kernel(&[REGIONS_TABLE], Some(Region::new("east")));
        let east = Kernel { machines: Arc::clone(&started) as Arc<dyn Machines>, ..east };
        let west = Kernel { region: Some(Region::new("west")), ..east.clone() };
        let regions = Self { kernels: [east, west], started, clock };
        regions.write(|_, now| ActiveRegion::taken_over(None, "east", now));
        regions
    }

    fn write(&self, write: impl FnOnce(Option<Versioned<ActiveRegion>>, Timestamp) -> Write) {
        let store = &*self.kernels[0].store;
        let read = expect_ready(ActiveRegion::read(store)).unwrap();
        expect_ready(store.write(&[write(read, self.clock.now())])).unwrap();
    }

    fn fence(&self, next: &str) {
        self.write(|read, now| ActiveRegion::fenced(&read.unwrap(), next, Vec::new(), now));
        *self.clock.0.lock().unwrap() += REGION_CACHE_TIME;
    }

    fn take_over(&self, region: &str) {
        self.write(|read, now| ActiveRegion::taken_over(read.as_ref(), region, now));
    }

    /// Sends the same start signal in the region with this index, and returns the execution's name.
    fn start(&self, region: usize) -> Result<String, Failure> {
        let (machine, name) = ("Transport".to_owned(), "Transport-1".to_owned());
        let signal = Signal::Start { machine, name, input: json!({}) };
        expect_ready(self.kernels[region].signal(&signal))?;
        Ok(self.started.0.lock().unwrap().pop().unwrap())
    }
}

#[test]
fn after_a_failback_an_execution_has_a_name_that_was_not_used_before() {
    let regions = Regions::new();
    assert_eq!(regions.start(0).unwrap(), "Transport-1");
    regions.fence("west");
    regions.take_over("west");
    assert_eq!(regions.start(1).unwrap(), "Transport-1-1");
    regions.fence("east");
    regions.take_over("east");
    assert_eq!(regions.start(0).unwrap(), "Transport-1-2");
}

#[test]
fn a_takeover_that_is_run_again_starts_no_execution_twice() {
    let regions = Regions::new();
    regions.fence("west");
    regions.take_over("west");
    assert_eq!(regions.start(1).unwrap(), "Transport-1-1");
    regions.fence("west");
    regions.take_over("west");
    assert_eq!(regions.start(1).unwrap(), "Transport-1-1");
}

#[test]
fn nothing_is_started_while_no_region_is_active() {
    let regions = Regions::new();
    regions.fence("west");
    for region in [0, 1] {
        assert_eq!(regions.start(region).unwrap_err().code(), "NotActing");
    }
}

#[test]
fn a_deployment_in_one_region_starts_executions_under_their_own_names() {
    let mut regions = Regions::new();
    regions.kernels[0].region = None;
    assert_eq!(regions.start(0).unwrap(), "Transport-1");
}
