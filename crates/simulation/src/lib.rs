//! The simulator: runs an application under a virtual clock, with faults that are drawn from a
//! seed.
//!
//! A run uses one process, one thread and one seed: it runs the real functions, kernel and engine,
//! and draws all disorder from the seed. The same seed gives the same run, to the byte. The
//! [`Application`] defines what people do, what the partners do, and which invariants must hold.

mod application;
mod campaign;
mod client;
mod draw;
mod environment;
mod fault;
mod invariants;
mod keys;
mod observed;
mod outage;
mod ports;
mod region;
mod releases;
mod scenario;
mod shrink;
mod simulation;
mod simulator;
mod store;
mod trace;
mod trouble;
mod turns;

pub use application::{
    Application, Chore, Effects, Opened, Poison, Script, Sent, Unreadable, Watch,
};
pub use campaign::{Campaign, Failure, Progress, Report, Setting};
pub use client::Client;
pub use draw::{Draw, Draws};
pub use environment::{Environment, Injection, UnknownInjection};
pub use fault::{Fault, Port};
pub use observed::{Observed, Sighting, Sightings};
pub use outage::Outage;
pub use region::{LostRegion, Standby, TakenOver};
pub use scenario::Scenario;
pub use simulator::{Error, Outcome, Points, Simulator};
pub use store::Backing;
pub use trouble::{Faults, Trouble, UnknownTrouble};
