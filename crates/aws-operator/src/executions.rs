//! Executions that ended, and not by an end of their own.

use aws_sdk_sfn::types::ExecutionStatus;
use jiff::Timestamp;

use crate::{Operator, OperatorError, ask};

/// An execution that failed, timed out or was aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedExecution {
    pub machine: String,
    pub name: String,
    /// The `correlation-id` of the event that it was started with; empty where another execution
    /// started it.
    pub correlation_id: String,
    pub status: String,
}

impl Operator {
    /// The executions of the stack's state machines that failed, timed out or were aborted, of those
    /// that started from `since` on.
    ///
    /// # Errors
    /// Where AWS refuses.
    pub async fn failed_executions(
        &self,
        since: Timestamp,
    ) -> Result<Vec<EndedExecution>, OperatorError> {
        let prefix = format!("{}-", self.stack);
        let (mut found, mut next) = (Vec::new(), None);
        loop {
            let page = ask!(self.machines.list_state_machines().set_next_token(next));
            for machine in page.state_machines() {
                if let Some(name) = machine.name().strip_prefix(&prefix) {
                    self.failed_of(name, machine.state_machine_arn(), since, &mut found).await?;
                }
            }
            next = page.next_token().map(ToOwned::to_owned);
            if next.is_none() {
                return Ok(found);
            }
        }
    }

    /// Those of one machine. Executions are listed from the newest on.
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
                let page = ask!(request);
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

    /// What the event that started an execution is about.
    async fn started_about(&self, arn: &str) -> Result<String, OperatorError> {
        let told = ask!(self.machines.describe_execution().execution_arn(arn));
        let input: Option<serde_json::Value> =
            told.input().and_then(|input| serde_json::from_str(input).ok());
        let about = input.as_ref().and_then(|it| it.pointer("/detail/metadata/correlation-id"));
        Ok(about.and_then(|about| about.as_str()).unwrap_or_default().to_owned())
    }
}
