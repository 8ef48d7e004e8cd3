//! Executions of the stack's state machines: their histories, and a list of the executions that
//! failed.

use std::collections::BTreeMap;

use aws_sdk_sfn::error::SdkError;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionError;
use aws_sdk_sfn::types::{
    ExecutionStatus, HistoryEvent, StateEnteredEventDetails, StateExitedEventDetails,
};
use jiff::Timestamp;

use crate::{Operator, OperatorError, send, time};

/// An execution that failed, timed out or was aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedExecution {
    pub machine: String,
    pub name: String,
    /// The `correlation-id` of the event that started the execution; empty if another execution
    /// started it.
    pub correlation_id: String,
    pub status: String,
}

impl Operator {
    /// Returns the executions of the stack's state machines that were started at `since` or later,
    /// and that failed, timed out or were aborted.
    ///
    /// # Errors
    /// If AWS refuses.
    pub async fn failed_executions(
        &self,
        since: Timestamp,
    ) -> Result<Vec<EndedExecution>, OperatorError> {
        let mut found = Vec::new();
        for (name, arn) in self.machines().await? {
            self.failed_of(&name, &arn, since, &mut found).await?;
        }
        Ok(found)
    }

    /// Adds the failed executions of one machine to `found`. Step Functions lists the newest
    /// executions first, so the first execution that was started before `since` ends the search.
    async fn failed_of(
        &self,
        machine: &str,
        arn: &str,
        since: Timestamp,
        found: &mut Vec<EndedExecution>,
    ) -> Result<(), OperatorError> {
        let ends = [ExecutionStatus::Failed, ExecutionStatus::TimedOut, ExecutionStatus::Aborted];
        for status in ends {
            let mut next = None;
            loop {
                let request = self.machines.list_executions().state_machine_arn(arn);
                let request = request.status_filter(status.clone()).set_next_token(next);
                let page = send!(request);
                let recent = page.executions().iter();
                let recent = recent.take_while(|it| it.start_date().secs() >= since.as_second());
                let recent: Vec<_> = recent.collect();
                for execution in &recent {
                    found.push(EndedExecution {
                        machine: machine.to_owned(),
                        name: execution.name().to_owned(),
                        correlation_id: self.started_about(execution.execution_arn()).await?,
                        status: status.as_str().to_owned(),
                    });
                }
                next = page.next_token().map(ToOwned::to_owned);
                if next.is_none() || recent.len() < page.executions().len() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The `correlation-id` of the event that started an execution; empty if no event started it.
    async fn started_about(&self, arn: &str) -> Result<String, OperatorError> {
        let described = send!(self.machines.describe_execution().execution_arn(arn));
        let input: Option<serde_json::Value> =
            described.input().and_then(|input| serde_json::from_str(input).ok());
        let about = input.as_ref().and_then(|it| it.pointer("/detail/metadata/correlation-id"));
        Ok(about.and_then(|about| about.as_str()).unwrap_or_default().to_owned())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionHistory {
    pub machine: String,
    pub name: String,
    /// The status in Step Functions' terms: `RUNNING`, `SUCCEEDED` …
    pub status: String,
    pub events: Vec<HistoryMoment>,
}

/// An event of an execution's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryMoment {
    pub at: Timestamp,
    /// The type of the event in Step Functions' terms, such as `TaskStateEntered`.
    pub kind: String,
    /// The name of the state, if the event has one.
    pub state: Option<String>,
    /// The error, if the event has one.
    pub error: Option<String>,
}

/// Identifies an execution of one of the stack's state machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// The name of the design table's row that starts the machine, such as `CollectPayment`.
    pub machine: String,
    pub name: String,
}

impl Operator {
    /// Returns the ARN of each of the stack's state machines. The key is the name of the design
    /// table's row that starts the machine, such as `CollectPayment`.
    ///
    /// # Errors
    /// If AWS refuses.
    pub async fn machines(&self) -> Result<BTreeMap<String, String>, OperatorError> {
        let prefix = format!("{}-", self.stack);
        let (mut found, mut next) = (BTreeMap::new(), None);
        loop {
            let page = send!(self.machines.list_state_machines().set_next_token(next));
            found.extend(page.state_machines().iter().filter_map(|machine| {
                let name = pascal(machine.name().strip_prefix(&prefix)?);
                Some((name, machine.state_machine_arn().to_owned()))
            }));
            next = page.next_token().map(ToOwned::to_owned);
            if next.is_none() {
                return Ok(found);
            }
        }
    }

    /// Returns the history of an execution, or `None` if the execution does not exist. `machines`
    /// is the result of [`machines`](Self::machines).
    ///
    /// # Errors
    /// If AWS refuses.
    pub async fn history(
        &self,
        execution: &Execution,
        machines: &BTreeMap<String, String>,
    ) -> Result<Option<ExecutionHistory>, OperatorError> {
        let Some(machine) = machines.get(&execution.machine) else { return Ok(None) };
        let arn = machine.replacen(":stateMachine:", ":execution:", 1);
        let arn = format!("{arn}:{}", execution.name);
        let described = match self.machines.describe_execution().execution_arn(&arn).send().await {
            Ok(described) => described,
            Err(error) if is_unknown(&error) => return Ok(None),
            Err(error) => {
                return Err(OperatorError::of(&error));
            }
        };
        let (mut events, mut next) = (Vec::new(), None);
        loop {
            let request = self.machines.get_execution_history().execution_arn(&arn);
            let page = send!(request.set_next_token(next));
            events.extend(page.events().iter().map(moment));
            next = page.next_token().map(ToOwned::to_owned);
            if next.is_none() {
                break;
            }
        }
        let Execution { machine, name } = execution.clone();
        let status = described.status().as_str().to_owned();
        Ok(Some(ExecutionHistory { machine, name, status, events }))
    }
}

/// Converts a name from kebab case to Pascal case: `collect-payment` to `CollectPayment`.
fn pascal(kebab: &str) -> String {
    let words = kebab.split('-').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    });
    words.collect()
}

fn is_unknown(error: &SdkError<DescribeExecutionError>) -> bool {
    error.as_service_error().is_some_and(DescribeExecutionError::is_execution_does_not_exist)
}

fn moment(event: &HistoryEvent) -> HistoryMoment {
    let entered = event.state_entered_event_details().map(StateEnteredEventDetails::name);
    let exited = event.state_exited_event_details().map(StateExitedEventDetails::name);
    let errors = [
        event.task_failed_event_details().and_then(|it| it.error()),
        event.task_timed_out_event_details().and_then(|it| it.error()),
        event.execution_failed_event_details().and_then(|it| it.error()),
        event.execution_timed_out_event_details().and_then(|it| it.error()),
        event.execution_aborted_event_details().and_then(|it| it.error()),
    ];
    HistoryMoment {
        at: time(event.timestamp()),
        kind: event.r#type().as_str().to_owned(),
        state: entered.or(exited).map(ToOwned::to_owned),
        error: errors.into_iter().flatten().next().map(ToOwned::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_named_as_the_row_that_starts_it() {
        assert_eq!(pascal("collect-payment"), "CollectPayment");
        assert_eq!(pascal("notify"), "Notify");
    }
}
