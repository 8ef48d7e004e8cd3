//! Nested executions, which another execution starts and waits for: `states:startExecution.sync:2`.

use chorus_kernel::{Failure, Kernel};
use states::{Answer, Json, Status, TaskRef, TaskRequest};

use super::Orchestrator;
use super::run::Run;
use super::signals::NewExecution;

impl Orchestrator {
    /// Starts the nested execution. If an execution of this name already exists, for example
    /// because the process died after an earlier attempt of this call, starts none: the parent then
    /// waits for the existing execution.
    pub(super) async fn start_nested(
        &self,
        kernel: &Kernel,
        run: &Run,
        request: &TaskRequest,
    ) -> Result<Vec<Answer>, Failure> {
        let named = |name| request.input.get(name).and_then(Json::as_str);
        let machine = named("StateMachineArn").unwrap_or_default();
        let by_default = || format!("{}-{}", run.name(), request.task.0);
        let name = named("Name").map_or_else(by_default, ToOwned::to_owned);
        let input = request.input.get("Input").cloned().unwrap_or_else(Json::empty_object);
        let parent = Some((run.name().to_owned(), request.task));
        let new = NewExecution {
            machine,
            name: &name,
            input,
            correlation_id: run.correlation_id.clone(),
            parent,
        };
        let task = TaskRef::Id(request.task);
        Ok(match self.start(&*kernel.store, new).await {
            Ok(_) => {
                let arn = states::Identity::local(machine, &name).execution_arn;
                let response = Json::object([("ExecutionArn", Json::from(arn))]);
                vec![Answer::submitted(task, response)]
            }
            Err(failure) if failure.is_retryable() => return Err(failure),
            Err(failure) => {
                let error = format!("StepFunctions.{}Exception", failure.code());
                vec![Answer::failed(task, error, failure.to_string())]
            }
        })
    }

    /// If this execution has ended and its parent waits for it, completes the waiting task of the
    /// parent. Returns false if there is no task to complete.
    pub(super) async fn complete_parent_task(
        &self,
        kernel: &Kernel,
        run: &mut Run,
    ) -> Result<bool, Failure> {
        let Some((parent, task)) = run.parent.clone().filter(|_| !run.parent_task_completed) else {
            return Ok(false);
        };
        let task = TaskRef::Id(task);
        let answer = match run.execution.status() {
            Status::Running => return Ok(false),
            Status::Succeeded { output } => {
                let identity = run.execution.identity();
                let members = [
                    ("ExecutionArn", Json::from(identity.execution_arn.as_str())),
                    ("Name", Json::from(identity.execution_name.as_str())),
                    ("Output", output.clone()),
                    ("StateMachineArn", Json::from(identity.machine_arn.as_str())),
                    ("Status", Json::from("SUCCEEDED")),
                ];
                Answer::succeeded(task, Json::object(members))
            }
            ended => Answer::failed(task, "States.TaskFailed", format!("{ended:?}")),
        };
        self.answer(&*kernel.store, &parent, &answer).await?;
        run.parent_task_completed = true;
        Ok(true)
    }
}
