//! State machines as the kernel sees them: they can be started, and their waiting tasks can be
//! answered.
//!
//! A decision asks for such a start or answer by a [`Signal`]. Like an event, a signal is committed
//! with the decision, and is sent after the commit, at least once. So the receiver has to ignore a
//! repeated start or answer, as Step Functions does. Source:
//! <https://docs.aws.amazon.com/step-functions/latest/apireference/>.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Answers, Context, Failure, derived_id};

/// A state machine that coordinates the steps of a process within one service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MachineSpec {
    /// The name of the machine, such as `CollectPayment`.
    pub name: &'static str,
    /// The definition in Amazon States Language, with placeholders of the form `${Name}` that a
    /// deployment fills in.
    pub definition: &'static str,
    /// The timeouts of the machine's waits, in seconds, by name. They fill in the definition's
    /// placeholders, and are passed as `$.limits` in an execution's input. A deployment may
    /// override the timeouts.
    pub limits: &'static [(&'static str, u32)],
    /// Numbers that the machine's `Choice` states use in comparisons, such as the lowest total that
    /// is reviewed. An execution finds the numbers in `$.constants` of its input.
    pub constants: &'static [(&'static str, i64)],
    /// The answers that the application gives to tasks that wait with a task token.
    pub answers: &'static [Answers],
    /// The definitions of earlier releases, oldest first. Step Functions continues an execution
    /// with the definition with which the execution was started; the embedded engine needs the
    /// earlier definitions to do the same.
    pub former: &'static [&'static str],
}

/// Returns the input of an execution: the `input` that [`MachineSpec::start`] made, and the
/// deployment's timeouts in the field `limits`. The machine's definition refers to each timeout, in
/// seconds, by the timeout's name.
#[must_use]
pub fn with_limits(input: &Value, limits: Option<&Value>) -> Value {
    let mut input = input.clone();
    if let (Some(limits), Some(fields)) = (limits, input.as_object_mut()) {
        fields.insert("limits".to_owned(), limits.clone());
    }
    input
}

impl MachineSpec {
    /// A machine whose definition has no placeholders to fill in.
    #[must_use]
    pub const fn new(name: &'static str, definition: &'static str) -> Self {
        Self { name, definition, limits: &[], constants: &[], answers: &[], former: &[] }
    }

    /// Starts an execution with the event of `context`. The execution's name is derived from the
    /// event's idempotency key, so a duplicate starts no second execution.
    ///
    /// # Errors
    /// If the event cannot be written as JSON.
    pub fn start(&self, context: &Context<'_>) -> Result<Signal, Failure> {
        self.start_with(context, [])
    }

    /// Does the same as [`MachineSpec::start`], and adds the fields in `beside` to the execution's
    /// input, so that the definition can branch on these fields.
    ///
    /// # Errors
    /// If the event cannot be written as JSON.
    pub fn start_with<const N: usize>(
        &self,
        context: &Context<'_>,
        beside: [(&str, Value); N],
    ) -> Result<Signal, Failure> {
        let machine = self.name.to_owned();
        let id = derived_id(&machine, &context.metadata().idempotency_key, 0);
        let name = format!("{machine}-{}", id.simple());
        let mut input = context.message.to_event()?;
        if !self.constants.is_empty() {
            let constants = self.constants.iter();
            input["constants"] = constants.map(|(name, value)| (*name, json!(value))).collect();
        }
        for (name, value) in beside {
            input[name] = value;
        }
        Ok(Signal::Start { machine, name, input })
    }
}

/// A call to a state machine, as a decision requests it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// Starts an execution, unless an execution of this name was started before.
    Start {
        machine: String,
        /// The execution's name, derived from the idempotency key of the message that starts it.
        name: String,
        input: Value,
    },
    /// Completes the task that waits with this task token.
    Answer { token: String, output: Value },
    /// Restarts the heartbeat timeout of the task that waits with this task token.
    Heartbeat { token: String },
}

/// The result of sending a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalOutcome {
    Delivered,
    /// The signal had no effect: the execution was started before, or the task no longer waits for
    /// this answer.
    TooLate,
}

/// Runs state machines: Step Functions, or an engine that behaves like it.
#[async_trait]
pub trait Machines: Send + Sync {
    /// Sends a signal.
    ///
    /// # Errors
    /// If it is unknown whether the state machine received the signal. The caller then has to send
    /// the signal again.
    async fn signal(&self, signal: &Signal) -> Result<SignalOutcome, Failure>;
}

/// The [`Machines`] of a kernel that has no state machines: sending a signal fails.
#[derive(Debug, Clone, Copy)]
pub struct NoMachines;

#[async_trait]
impl Machines for NoMachines {
    async fn signal(&self, signal: &Signal) -> Result<SignalOutcome, Failure> {
        let what = match signal {
            Signal::Start { machine, .. } => format!("{machine} cannot be started"),
            Signal::Answer { .. } | Signal::Heartbeat { .. } => {
                "no task waits for an answer".to_owned()
            }
        };
        let message = format!("this kernel runs no state machines: {what}");
        Err(Failure::Terminal { code: "NoMachines", message })
    }
}
