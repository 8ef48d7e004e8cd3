//! Callbacks: state machines that are started and answered, and the task tokens that wait.

mod answers;
mod callback;
mod machines;

pub use answers::Answers;
pub use callback::{Callback, CallbackDomain};
pub use machines::{MachineSpec, Machines, NoMachines, Signal, SignalOutcome, with_limits};
