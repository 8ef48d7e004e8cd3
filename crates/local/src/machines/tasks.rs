//! The calls that executions make: to a service's function, to the bus, to another execution.

use chorus_kernel::{Failure, Kernel};
use chorus_table::{Entry, Service};
use serde_json::{Value, json};
use states::{Answer, Json, Pattern, TaskRef, TaskRequest};

use super::Orchestrator;
use super::run::Run;

impl Orchestrator {
    /// Makes a call, and returns the answers that the execution gets. If the call fails, the answer
    /// reports the failure, and the execution handles it.
    ///
    /// # Errors
    /// If the engine itself fails. The caller has to make the call again.
    pub(super) async fn perform(
        &self,
        kernel: &Kernel,
        run: &Run,
        request: &TaskRequest,
    ) -> Result<Vec<Answer>, Failure> {
        let task = TaskRef::Id(request.task);
        let Some((service, call)) = request.resource.service() else {
            let cause = format!("the embedded engine cannot run {}", request.resource);
            return Ok(vec![Answer::failed(task, "States.Runtime", cause)]);
        };
        let made = match (service, call.split('.').next().unwrap_or_default()) {
            ("states", "startExecution") => return self.start_nested(kernel, run, request).await,
            ("lambda", "invoke") => self.invoke(kernel, &request.input).await,
            ("events", "putEvents") => put_events(kernel, &request.input).await,
            _ => Err((
                "States.Runtime".to_owned(),
                format!("the embedded engine cannot run {service}:{call}"),
            )),
        };
        Ok(vec![match made {
            Err((error, cause)) => Answer::failed(task, error, cause),
            Ok(response) if request.resource.pattern() == Pattern::Callback => {
                Answer::submitted(task, response)
            }
            Ok(response) => Answer::succeeded(task, response),
        }])
    }

    async fn invoke(&self, kernel: &Kernel, input: &Json) -> Result<Json, (String, String)> {
        let name = input.get("FunctionName").and_then(Json::as_str).unwrap_or_default();
        let named = |(service, _): &(&Service, _)| service.name == name;
        let function = self.functions.iter().find(named).map(|(_, function)| function);
        let unknown = || {
            (
                "Lambda.ResourceNotFoundException".to_owned(),
                format!("this engine has no function {name}"),
            )
        };
        let function = function.ok_or_else(unknown)?;
        let payload = input.get("Payload").map(ToString::to_string).unwrap_or_default();
        let answering = function.handle_task(kernel, &payload);
        let answered = match self.timeout {
            None => answering.await,
            Some(limit) => tokio::time::timeout(limit, answering).await.unwrap_or_else(|_| {
                Err(Failure::later(
                    "Sandbox.Timedout",
                    format!("the function {name} did not answer within {limit:?}"),
                ))
            }),
        };
        let failed = |failure: Failure| (failure.code().to_owned(), failure.to_string());
        let payload = answered.map_err(failed)?;
        Ok(Json::from(
            json!({ "ExecutedVersion": "$LATEST", "Payload": payload, "StatusCode": 200 }),
        ))
    }
}

async fn put_events(kernel: &Kernel, input: &Json) -> Result<Json, (String, String)> {
    let entries = match input.get("Entries") {
        Some(Json::Array(entries)) => entries.iter().map(entry).collect::<Option<Vec<_>>>(),
        _ => None,
    };
    let malformed = || {
        let rule = "`Entries` must be a list of entries with `Source`, `DetailType` and `Detail`";
        ("EventBridge.ValidationException".to_owned(), format!("{rule}: {input}"))
    };
    let entries = entries.ok_or_else(malformed)?;
    let failed =
        |failure: Failure| (format!("EventBridge.{}", failure.code()), failure.to_string());
    let rejected = kernel.bus.put_events(&entries).await.map_err(failed)?;
    if let Some(first) = rejected.first() {
        return Err(("EventBridge.FailedEntry".to_owned(), first.to_string()));
    }
    let taken: Vec<Value> = entries.iter().map(|_| json!({ "EventId": "local" })).collect();
    Ok(Json::from(json!({ "Entries": taken, "FailedEntryCount": 0 })))
}

fn entry(entry: &Json) -> Option<Entry> {
    let text = |name| entry.get(name).and_then(Json::as_str).map(ToOwned::to_owned);
    let detail = match entry.get("Detail")? {
        Json::String(detail) => detail.clone(),
        detail => detail.to_string(),
    };
    Some(Entry { source: text("Source")?, detail_type: text("DetailType")?, detail })
}
