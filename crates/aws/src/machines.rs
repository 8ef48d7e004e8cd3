//! Sends signals to state machines of Step Functions. A signal starts an execution, answers a
//! waiting task, or is a heartbeat of a waiting task. Each signal is one request.
//!
//! A task token is secret: it appears in no log and in no error.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::config::http::HttpResponse;
use aws_sdk_sfn::error::{ProvideErrorMetadata, SdkError};
use chorus_kernel::{Failure, Machines, Signal, SignalOutcome, with_limits};
use serde_json::Value;

use crate::service_error::{ServiceError, classify};

/// The prefix of the environment variables that hold the ARNs of state machines.
const PREFIX: &str = "MACHINE_";

/// The prefix of the environment variables that hold the timeouts of a state machine's waits, as
/// JSON.
const LIMITS: &str = "LIMITS_";

/// The error codes that mean that a signal came too late: an execution with the signal's name was
/// started before, or no task waits with the signal's token any more.
const TOO_LATE: &[&str] =
    &["ExecutionAlreadyExists", "TaskTimedOut", "TaskDoesNotExist", "InvalidToken"];

/// Sends signals to state machines of Step Functions.
#[derive(Debug, Clone)]
pub struct SfnMachines {
    client: Client,
    /// The state machines' ARNs. A key is a machine's name as environment variables spell it, such
    /// as `COLLECT_PAYMENT`.
    arns: BTreeMap<String, String>,
    /// The timeouts of each machine's waits, with the same keys as `arns`.
    limits: BTreeMap<String, Value>,
}

impl SfnMachines {
    /// The state machines with these ARNs. A key is a machine's name as environment variables spell
    /// it, such as `COLLECT_PAYMENT`.
    #[must_use]
    pub const fn new(client: Client, arns: BTreeMap<String, String>) -> Self {
        Self { client, arns, limits: BTreeMap::new() }
    }

    /// The state machines whose ARNs and timeouts are in these environment variables of a function.
    ///
    /// # Errors
    /// If the timeouts of a machine are not JSON.
    pub fn of_variables(
        client: Client,
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, serde_json::Error> {
        let limits = limits(variables.clone())?;
        Ok(Self::new(client, arns(variables.clone())).with_limits(limits))
    }

    /// Sets the timeouts of the machines' waits. Each machine has an object that maps the names of
    /// its timeouts to seconds; every execution of the machine gets this object in its input.
    #[must_use]
    pub fn with_limits(self, limits: BTreeMap<String, Value>) -> Self {
        Self { limits, ..self }
    }

    async fn start(
        &self,
        machine: &str,
        name: &str,
        input: &Value,
    ) -> Result<SignalOutcome, Failure> {
        let unknown = || Failure::Terminal {
            code: "UnknownMachine",
            message: format!("{} must be set to the ARN of {machine}", variable_of(machine)),
        };
        let arn = self.arns.get(&screaming_snake_case(machine)).ok_or_else(unknown)?;
        let request = self.client.start_execution().state_machine_arn(arn).name(name);
        let input = with_limits(input, self.limits.get(&screaming_snake_case(machine)));
        let sent = request.input(input.to_string()).send().await;
        signal_outcome(sent.map(drop), &format!("{machine} already has an execution named {name}"))
    }

    async fn answer(&self, token: &str, output: &Value) -> Result<SignalOutcome, Failure> {
        let request = self.client.send_task_success().task_token(token);
        let sent = request.output(output.to_string()).send().await;
        signal_outcome(sent.map(drop), "the task that this answer is for no longer waits")
    }

    async fn heartbeat(&self, token: &str) -> Result<SignalOutcome, Failure> {
        let sent = self.client.send_task_heartbeat().task_token(token).send().await;
        signal_outcome(sent.map(drop), "the task that this heartbeat is for no longer waits")
    }
}

#[async_trait]
impl Machines for SfnMachines {
    async fn signal(&self, signal: &Signal) -> Result<SignalOutcome, Failure> {
        match signal {
            Signal::Start { machine, name, input } => self.start(machine, name, input).await,
            Signal::Answer { token, output } => self.answer(token, output).await,
            Signal::Heartbeat { token } => self.heartbeat(token).await,
        }
    }
}

/// The ARNs in the environment variables whose names begin with [`PREFIX`]. The key is the
/// variable's name without this prefix. Empty ARNs are left out.
pub(crate) fn arns(
    variables: impl IntoIterator<Item = (String, String)>,
) -> BTreeMap<String, String> {
    let named = |(name, arn): (String, String)| Some((name.strip_prefix(PREFIX)?.to_owned(), arn));
    variables.into_iter().filter_map(named).filter(|(_, arn)| !arn.is_empty()).collect()
}

/// Reads the machines' timeouts from the environment variables whose names begin with [`LIMITS`].
/// The key is the variable's name without this prefix.
///
/// # Errors
/// If a value is not JSON.
pub(crate) fn limits(
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<BTreeMap<String, Value>, serde_json::Error> {
    let named = |(name, json): (String, String)| {
        let name = name.strip_prefix(LIMITS)?.to_owned();
        Some(serde_json::from_str(&json).map(|limits| (name, limits)))
    };
    variables.into_iter().filter_map(named).collect()
}

/// The environment variable with the ARN of a state machine: `MACHINE_COLLECT_PAYMENT` for
/// `CollectPayment`.
fn variable_of(machine: &str) -> String {
    format!("{PREFIX}{}", screaming_snake_case(machine))
}

/// `CollectPayment` as `COLLECT_PAYMENT`.
fn screaming_snake_case(pascal: &str) -> String {
    let mut name = String::new();
    for c in pascal.chars() {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(c.to_ascii_uppercase());
    }
    name
}

/// Converts the result of a request to the outcome of its signal. If the signal came too late, logs
/// `late`.
fn signal_outcome<E>(
    sent: Result<(), SdkError<E, HttpResponse>>,
    late: &str,
) -> Result<SignalOutcome, Failure>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let Err(error) = sent else { return Ok(SignalOutcome::Delivered) };
    if let Some(code) = error.code().filter(|code| TOO_LATE.contains(code)) {
        tracing::info!(code, "{late}");
        return Ok(SignalOutcome::TooLate);
    }
    Err(failure(sorted(&error), error.code()))
}

/// The kind of an error. An error because too many executions are running counts as throttling,
/// because executions end.
fn sorted<E>(error: &SdkError<E, HttpResponse>) -> ServiceError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error.code() {
        Some("ExecutionLimitExceeded") => {
            ServiceError::Throttled("too many executions are running at once".to_owned())
        }
        _ => classify(error),
    }
}

/// Converts an error to a failure. If the service refused the request, the failure's message
/// contains only the service's error code, because the service's own message may quote the request.
fn failure(error: ServiceError, code: Option<&str>) -> Failure {
    match error {
        ServiceError::Throttled(message) => Failure::Retryable { code: "Throttled", message },
        ServiceError::Unavailable(message) => {
            Failure::Retryable { code: "MachinesUnavailable", message }
        }
        ServiceError::Invalid(_) => Failure::Terminal {
            code: "InvalidRequest",
            message: format!("Step Functions refused the request: {}", code.unwrap_or("no code")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(name, arn): &(&str, &str)| ((*name).to_owned(), (*arn).to_owned());
        arns(pairs.iter().map(owned))
    }

    #[test]
    fn a_machine_is_found_by_the_variable_of_its_name() {
        assert_eq!(variable_of("CollectPayment"), "MACHINE_COLLECT_PAYMENT");
        let arns = set(&[("MACHINE_COLLECT_PAYMENT", "an-arn"), ("TABLE_ORDER", "a-table")]);
        assert_eq!(
            arns.get(&screaming_snake_case("CollectPayment")).map(String::as_str),
            Some("an-arn")
        );
        assert_eq!(arns.len(), 1);
        assert!(set(&[("MACHINE_TRANSPORT", "")]).is_empty(), "an empty variable is not set");
    }

    #[test]
    fn a_refusal_quotes_nothing_of_the_request() {
        let refused = failure(ServiceError::Invalid("token a-secret".to_owned()), Some("Invalid"));
        assert_eq!(refused.to_string(), "Step Functions refused the request: Invalid");
        assert!(!refused.is_retryable());
        assert!(failure(ServiceError::Throttled(String::new()), None).is_retryable());
    }
}
