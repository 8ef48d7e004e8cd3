//! The results of a distributed Map: transformed as `ResultWriter` specifies, then returned as the
//! state's result or written to files.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Work;
use super::context::Extra;
use super::lane::{FanOut, LaneId};
use crate::failure::Failure;
use crate::json::Json;
use crate::machine::{Distributed, Kind, Transformation, Writer};
use crate::shaping;
use crate::timestamp;

/// The result of a distributed Map, kept until all result files are written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Written(Json);

/// What a distributed Map records of one iteration. A Map whose results describe iterations as
/// executions makes each description from such a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Iteration {
    input: Json,
    started: Timestamp,
    stopped: Option<Timestamp>,
    failure: Option<Failure>,
}

/// The bucket and the folder of a Map Run's results, the ARN of the run, and the ARN of its
/// iterations' state machine.
struct RunNames {
    bucket: String,
    folder: String,
    arn: String,
    machine: String,
}

impl FanOut {
    /// Records the input and the start of the next iteration, if the results may have to describe
    /// the iteration.
    pub(super) fn begin(&mut self, input: &Json, now: Timestamp) {
        if let Some(iterations) = self.run.as_mut().and_then(|run| run.iterations.as_mut()) {
            let input = input.clone();
            iterations.push(Iteration { input, started: now, stopped: None, failure: None });
        }
    }

    /// Records how and when an iteration ended, if the results may have to describe the iteration.
    pub(super) fn end(&mut self, index: usize, now: Timestamp, failure: Option<Failure>) {
        let iterations = self.run.as_mut().and_then(|run| run.iterations.as_mut());
        if let Some(iteration) = iterations.and_then(|iterations| iterations.get_mut(index)) {
            iteration.stopped = Some(now);
            iteration.failure = failure;
        }
    }
}

/// Returns the name of a Map Run: the Map's label, or the state's name without spaces.
pub(super) fn label(distributed: &Distributed, state: &str) -> String {
    distributed.label.clone().unwrap_or_else(|| state.replace(' ', ""))
}

impl Work<'_, '_> {
    fn writer_of(&self, id: LaneId) -> Option<&Writer> {
        match &self.state_of(id)?.kind {
            Kind::Map(_, map) => map.distributed.as_ref()?.writer.as_ref(),
            _ => None,
        }
    }

    /// Whether the results have to describe iterations as executions. This is so with the
    /// transformation `NONE`, and for results in files, which always describe failed iterations.
    pub(super) fn records_iterations(&self, id: LaneId) -> bool {
        self.writer_of(id).is_some_and(|writer| {
            writer.transformation == Transformation::None || writer.resource.is_some()
        })
    }

    /// Ends a Map Run whose iterations are all done. If `ResultWriter` names a resource, first
    /// writes the results to files.
    pub(super) fn run_ended(&mut self, id: LaneId, fan: FanOut) {
        let Some(writer) = self.writer_of(id).cloned() else {
            let succeeded = fan.results.into_iter().flatten().collect();
            return self.run_succeeded(id, Json::Array(succeeded));
        };
        let names = match self.run_names(id, &writer) {
            Ok(names) => names,
            Err(failure) => return self.handle_failure(id, failure),
        };
        let iterations = fan.run.and_then(|run| run.iterations).unwrap_or_default();
        let (succeeded, failed) = self.split_results(&writer, &names, fan.results, iterations);
        let output = |results: Vec<Json>| match writer.lines {
            false => Json::Array(results),
            true => lines(&results),
        };
        if writer.resource.is_none() {
            return self.run_succeeded(id, output(succeeded));
        }
        let mut files = Vec::new();
        for (status, results) in [("SUCCEEDED", succeeded), ("FAILED", failed)] {
            if !results.is_empty() {
                let kind = if writer.lines { "jsonl" } else { "json" };
                files.push((
                    status,
                    format!("{}/{status}_0.{kind}", names.folder),
                    output(results),
                ));
            }
        }
        let manifest = (format!("{}/manifest.json", names.folder), manifest(&names, &files));
        let files = files.into_iter().map(|(_, key, body)| (key, body)).chain([manifest.clone()]);
        let bucket = Json::from(names.bucket.as_str());
        let put = |(key, body)| {
            Json::object([("Bucket", bucket.clone()), ("Key", Json::from(key)), ("Body", body)])
        };
        let writes: VecDeque<Json> = files.map(put).collect();
        let details = [("Bucket", bucket.clone()), ("Key", Json::from(manifest.0))];
        let result = Json::object([
            ("MapRunArn", Json::from(names.arn)),
            ("ResultWriterDetails", Json::object(details)),
        ]);
        if let Some(lane) = self.execution.lanes.get_mut(&id) {
            lane.written = Some(Written(result));
            lane.writes = writes;
        }
        self.write_next(id);
    }

    /// Asks the caller to write the next result file. After the last file, ends the Map Run with
    /// its result.
    pub(super) fn write_next(&mut self, id: LaneId) {
        let resource = self.writer_of(id).and_then(|writer| writer.resource.clone());
        let Some(lane) = self.execution.lanes.get_mut(&id) else { return };
        match (lane.writes.pop_front(), resource) {
            (Some(call), Some(resource)) => self.call_storage(id, &resource, call),
            _ => {
                if let Some(Written(result)) = lane.written.take() {
                    self.run_succeeded(id, result);
                }
            }
        }
    }

    fn run_names(&mut self, id: LaneId, writer: &Writer) -> Result<RunNames, Failure> {
        let parameters = match (&writer.parameters, self.state_of(id)) {
            (Some(given), Some(state)) => {
                self.evaluate(id, Extra::default(), |environment, lane| {
                    let input = shaping::select(&state.input_path, &lane.input, environment)?;
                    given.fill(&environment.scope(&input))
                })?
            }
            _ => Json::Null,
        };
        let text = |name: &str| parameters.get(name).and_then(Json::as_str).unwrap_or_default();
        let arn = self.execution.lanes.get(&id).and_then(|lane| lane.map_run.clone());
        let arn = arn.unwrap_or_default();
        let (named, run) = arn.rsplit_once(':').unwrap_or_default();
        let prefix = text("Prefix").trim_end_matches('/');
        let folder = if prefix.is_empty() { run.to_owned() } else { format!("{prefix}/{run}") };
        let machine = named.replacen(":mapRun:", ":stateMachine:", 1);
        Ok(RunNames { bucket: text("Bucket").to_owned(), folder, machine, arn })
    }

    /// Returns the transformed results of the iterations that succeeded, and the descriptions of
    /// the iterations that failed.
    fn split_results(
        &mut self,
        writer: &Writer,
        names: &RunNames,
        results: Vec<Option<Json>>,
        iterations: Vec<Iteration>,
    ) -> (Vec<Json>, Vec<Json>) {
        let mut iterations = iterations.into_iter();
        let (mut succeeded, mut failed) = (Vec::new(), Vec::new());
        for output in results {
            let iteration = iterations.next();
            match (writer.transformation, output, iteration) {
                (Transformation::None, Some(output), Some(iteration)) => {
                    succeeded.push(self.execution_of(names, Some(&output), &iteration));
                }
                (Transformation::Flatten, Some(Json::Array(elements)), _) => {
                    succeeded.extend(elements);
                }
                (_, Some(output), _) => succeeded.push(output),
                (_, None, Some(iteration)) => {
                    failed.push(self.execution_of(names, None, &iteration));
                }
                (_, None, None) => {}
            }
        }
        (succeeded, failed)
    }

    /// Describes an iteration as Step Functions describes an execution, with the members sorted by
    /// name.
    fn execution_of(&mut self, names: &RunNames, output: Option<&Json>, own: &Iteration) -> Json {
        let name = self.execution.entropy.draw_uuid();
        let arn = names.machine.replacen(":stateMachine:", ":execution:", 1);
        let included = || Json::object([("Included", Json::from(true))]);
        let status = if output.is_some() { "SUCCEEDED" } else { "FAILED" };
        let mut members = Vec::new();
        if let Some(failure) = &own.failure {
            let text = |text: &Option<String>| text.clone().map_or(Json::Null, Json::from);
            members.extend([("Cause", text(&failure.cause)), ("Error", text(&failure.error))]);
        }
        members.extend([
            ("ExecutionArn", Json::from(format!("{arn}:{name}"))),
            ("Input", Json::from(own.input.to_string())),
            ("InputDetails", included()),
            ("Name", Json::from(name)),
        ]);
        if let Some(output) = output {
            members.extend([
                ("Output", Json::from(output.to_string())),
                ("OutputDetails", included()),
            ]);
        }
        let stopped = own.stopped.unwrap_or(self.now);
        members.extend([
            ("StartDate", Json::from(timestamp::format(own.started))),
            ("StateMachineArn", Json::from(names.machine.as_str())),
            ("Status", Json::from(status)),
            ("StopDate", Json::from(timestamp::format(stopped))),
        ]);
        Json::object(members)
    }
}

/// Makes the manifest: lists the result files by the status of the executions in them.
fn manifest(names: &RunNames, files: &[(&str, String, Json)]) -> Json {
    let of = |status: &str| {
        let files = files.iter().filter(|(own, ..)| *own == status);
        let described = files.map(|(_, key, body)| {
            let size = body.as_str().map_or_else(|| body.size(), str::len);
            let size = u64::try_from(size).unwrap_or(u64::MAX);
            Json::object([("Key", Json::from(key.as_str())), ("Size", Json::from(size))])
        });
        Json::Array(described.collect())
    };
    Json::object([
        ("DestinationBucket", Json::from(names.bucket.as_str())),
        ("MapRunArn", Json::from(names.arn.as_str())),
        (
            "ResultFiles",
            Json::object([
                ("FAILED", of("FAILED")),
                ("PENDING", of("PENDING")),
                ("SUCCEEDED", of("SUCCEEDED")),
            ]),
        ),
    ])
}

fn lines(results: &[Json]) -> Json {
    let lines: Vec<String> = results.iter().map(ToString::to_string).collect();
    Json::from(lines.join("\n"))
}
