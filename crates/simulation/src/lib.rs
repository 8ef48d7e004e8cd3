//! The simulator: the whole shop under a virtual clock, struck by faults from a seed.
//!
//! One process, one thread, one seed: the real functions, kernel and engine, with everything that
//! is disorderly in the world drawn from a number. The same number gives the same run, to the
//! byte. What must hold, whatever happens, is in one file (`invariants.rs`).

mod campaign;
mod client;
mod courier;
mod draw;
mod fault;
mod invariants;
mod outside;
mod ports;
mod run;
mod scenario;
mod seen;
mod shrink;
mod stage;
mod store;
mod trace;
mod world;

pub use campaign::{
    Campaign, Failure, Progress, Report, Setting, run_seed, run_seed_on, shrink_seed,
    single_faults, trace_fixed, trace_seed,
};
pub use fault::{Fault, Faults, Port, Trouble, UnknownTrouble};
pub use run::{Ends, Outcome, Points};
pub use scenario::Story;
pub use store::Backing;
pub use world::{Injection, UnknownInjection};
