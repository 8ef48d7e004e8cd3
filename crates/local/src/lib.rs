//! The embedded engine: a whole application in one process, durable, with nothing to install.
//!
//! [`Local`] gives the kernel a store with DynamoDB's semantics ([`DynoxideStore`]), a bus with
//! EventBridge's semantics ([`Bus`]), state machines, and a clock. Its [`Runner`] delivers
//! published events to functions (directly or through queues) and to partners, until each delivery
//! has succeeded or is a dead letter with its reason.
//!
//! ```no_run
//! # async fn application(
//! #     table: chorus_table::Table,
//! #     functions: Vec<chorus_kernel::Function>,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use chorus_local::{Endpoint, Local, LocalConfig, Selection};
//!
//! let config = LocalConfig::new(&table, functions)
//!     .data("shop")
//!     .endpoint("StartDelivery", Endpoint::new("http://127.0.0.1:9000/parcels", "a key"));
//! let shop = Local::open(config)?;
//! let mut happenings = shop.watch();
//! shop.runner().start();
//! // Routes and actions run on `shop.kernel()`.
//! shop.runner().run_until_idle(Duration::from_secs(30)).await?;
//! let dead = shop.dead_letters(&Selection::default());
//! shop.runner().shutdown(Duration::from_secs(10)).await?;
//! # Ok(()) }
//! ```
//!
//! The guarantee: an event that `put_events` has accepted is delivered at least once to the target
//! of every rule that it matches, or becomes a dead letter of that target. This holds even if the
//! process is killed (SIGKILL) at any moment. The engine depends on no action, on no AWS service,
//! and not on the wall clock. A simulator drives the same engine step by step: it calls
//! [`Bus::take_due`], [`Dispatcher::perform`] and [`Bus::settle`], and advances a [`VirtualClock`]
//! to [`Bus::next_due`].

mod bus;
mod clock;
mod config;
mod directory;
mod dispatcher;
mod engine;
mod error;
mod jobs;
mod journal;
mod local;
mod machines;
mod operator;
mod partner;
mod private;
mod random;
mod randomness;
mod records;
mod runner;
mod store;
mod unwritable;
mod wire;

pub use bus::Bus;
pub use clock::{SystemClock, VirtualClock};
pub use config::LocalConfig;
pub use directory::{DirectoryError, STORE_FILE, holds_engine, is_in_use, open_directory, restore};
pub use dispatcher::{Dispatcher, Job};
pub use engine::{
    Accepted, Alarm, AttemptResult, Cause, Change, Consumer, DeadLetter, Delivery, DeliveryError,
    DeliveryId, Disorder, Engine, Exhausted, Load, Observation, Observer, Pending, Policies,
    QueueSpec, QueueState, Redrive, Route, Schedule, Selection, Step, Taken, Target, Ticket,
    Topology, UnansweredCall, Work,
};
pub use error::Error;
pub use jobs::{FORGET, SWEEP};
pub use journal::AttemptNote;
pub use local::{Local, empty_engine};
pub use machines::{
    Definitions, EXECUTIONS_TABLE, EndedExecution, ExecutionStory, Moment, Orchestrator,
};
pub use operator::{Replay, Replayed};
pub use partner::{Call, Endpoint, HttpPartner, NoAnswer, Partner};
pub use random::Random;
pub use randomness::OsRandomness;
pub use runner::Runner;
pub use store::{DynoxideStore, Meter, Operation, Reading, RestoredKeys, ScannedPage};
pub use unwritable::Unwritable;
