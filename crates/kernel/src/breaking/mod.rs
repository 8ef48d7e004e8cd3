//! Circuit breakers: who calls a partner that does not answer stops, all instances together, and
//! tries again by a few calls at a time.

mod breakers;
mod circuit;

pub use breakers::{Breakers, OpenCircuit, PARTNER_UNAVAILABLE, open_circuits};
pub(crate) use circuit::is_circuit;
pub use circuit::is_open;
