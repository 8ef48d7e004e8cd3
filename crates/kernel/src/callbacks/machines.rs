//! State machines, as the kernel knows them: something to start, and something that waits.
//!
//! A signal is part of a decision. It is committed with it and sent after it, as events are: at
//! least once, so that starting and answering have to be idempotent on the other side, as they are
//! in Step Functions. Source: <https://docs.aws.amazon.com/step-functions/latest/apireference/>.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Answers, Context, Failure, derived_id};

/// A state machine that orchestrates inside a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MachineSpec {
    /// Its name, such as `CollectPayment`.
    pub name: &'static str,
    /// Its definition in Amazon States Language, with `${Names}` for what its surroundings fill in.
    pub definition: &'static str,
    /// The timeouts of its waits, in seconds, unless a deployment overrides them: values of the
    /// definition's `${Names}`, and of `$.limits` in an execution's input.
    pub limits: &'static [(&'static str, u32)],
    /// Numbers of the application that its choices compare with: an execution finds them in
    /// `$.constants` of its input, such as from which total on an order is reviewed.
    pub constants: &'static [(&'static str, i64)],
    /// What the application answers to the tasks that wait for a token.
    pub answers: &'static [Answers],
    /// The definitions of earlier releases, oldest first. Step Functions lets an execution go on by
    /// the definition that it was started with; the embedded engine has these for it.
    pub former: &'static [&'static str],
}

/// What an execution is started with: the input of [`MachineSpec::start`], and how long the waits of
/// the machine last where it is deployed, in seconds by name, as its definition refers to them.
#[must_use]
pub fn with_limits(input: &Value, limits: Option<&Value>) -> Value {
    let mut input = input.clone();
    if let (Some(limits), Some(fields)) = (limits, input.as_object_mut()) {
        fields.insert("limits".to_owned(), limits.clone());
    }
    input
}

impl MachineSpec {
    /// A machine whose definition leaves nothing open.
    #[must_use]
    pub const fn new(name: &'static str, definition: &'static str) -> Self {
        Self { name, definition, limits: &[], constants: &[], answers: &[], former: &[] }
    }

    /// Starts an execution with the event of `context`, under a name that derives from the event's
    /// idempotency key: a duplicate starts nothing.
    ///
    /// # Errors
    /// Where the event cannot be written as JSON.
    pub fn start(&self, context: &Context<'_>) -> Result<Signal, Failure> {
        let machine = self.name.to_owned();
        let id = derived_id(&machine, &context.metadata().idempotency_key, 0);
        let name = format!("{machine}-{}", id.simple());
        let mut input = context.message.to_event()?;
        if !self.constants.is_empty() {
            let constants = self.constants.iter();
            input["constants"] = constants.map(|(name, value)| (*name, json!(value))).collect();
        }
        Ok(Signal::Start { machine, name, input })
    }
}

/// A call to a state machine that follows from a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// Start an execution, unless there was one of this name.
    Start {
        machine: String,
        /// The execution's name: it derives from the idempotency key of what starts it.
        name: String,
        input: Value,
    },
    /// Go on: the task that waits with this token has its answer.
    Answer { token: String, output: Value },
    /// Go on waiting: the task with this token is being worked on.
    Heartbeat { token: String },
}

/// What became of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalOutcome {
    Delivered,
    /// It had none: the execution was started before, or nothing waits for this answer any more.
    TooLate,
}

/// Runs state machines: Step Functions, or what behaves as it does.
#[async_trait]
pub trait Machines: Send + Sync {
    /// Passes a signal on.
    ///
    /// # Errors
    /// Where it is unknown whether it was heard: to be sent again.
    async fn signal(&self, signal: &Signal) -> Result<SignalOutcome, Failure>;
}

/// Where no machine runs: each call fails with this.
#[derive(Debug, Clone, Copy)]
pub struct NoMachines;

#[async_trait]
impl Machines for NoMachines {
    async fn signal(&self, signal: &Signal) -> Result<SignalOutcome, Failure> {
        let what = match signal {
            Signal::Start { machine, .. } => format!("{machine} cannot be started"),
            Signal::Answer { .. } | Signal::Heartbeat { .. } => "nothing waits".to_owned(),
        };
        let message = format!("no state machine runs here: {what}");
        Err(Failure::Terminal { code: "NoMachines", message })
    }
}
