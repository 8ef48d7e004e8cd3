//! Callbacks: state machines that are started and answered, and the task tokens that wait.

mod answers;
mod machines;
mod wait;

pub use answers::Answers;
pub use machines::{Heard, MachineSpec, Machines, NoMachines, Signal};
pub use wait::{Domain, Wait};
