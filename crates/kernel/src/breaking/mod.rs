//! Circuit breakers: after several calls in a row without an answer, all instances stop calling the
//! partner for a while. After each such pause, a few calls probe whether the partner answers again.

mod breakers;
mod circuit;

pub use breakers::{Breakers, OpenCircuit, PARTNER_UNAVAILABLE, open_circuits};
pub(crate) use circuit::is_circuit;
pub use circuit::is_open;
