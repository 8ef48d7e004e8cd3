//! Signals to state machines, and callbacks: the stored tokens of the machines' waiting tasks.

mod answers;
mod callback;
mod machines;

pub use answers::Answers;
pub use callback::{Callback, CallbackDomain, Kept};
pub use machines::{MachineSpec, Machines, NoMachines, Signal, SignalOutcome, with_limits};
