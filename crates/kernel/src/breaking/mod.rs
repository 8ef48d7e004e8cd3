//! Circuit breakers: once a partner does not answer, all instances stop calling it, and then probe
//! it with a few calls at a time.

mod breakers;
mod circuit;

pub use breakers::{Breakers, OpenCircuit, PARTNER_UNAVAILABLE, open_circuits};
pub(crate) use circuit::is_circuit;
pub use circuit::is_open;
