//! Checks every event of whole executions: the order of the events, and the link from each to its
//! previous event, must be as Step Functions records them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use states::{Json, Machine, Mocks, RunOptions, Status, run};

struct Transcript {
    /// Each event is written as `id<-previous Type detail`.
    events: Vec<String>,
    status: Status,
}

#[track_caller]
fn run_to_end(machine: &str, input: &str, mocks: &str) -> Transcript {
    let machine = Machine::parse(machine).unwrap();
    let mut mocks = Mocks::parse(mocks).unwrap();
    let ran = run(&machine, input.parse().unwrap(), &mut mocks, RunOptions::default()).unwrap();
    let events = ran.history.iter().map(|event| {
        let details = event.details.as_ref().map(|(_, details)| details);
        let text = |name| details.and_then(|details| details.get(name)).and_then(Json::as_str);
        let index = details.and_then(|details| details.get("index"));
        let name = text("name").or(text("error")).map(str::to_owned);
        let shown = index.map(ToString::to_string).or(name).unwrap_or_default();
        format!("{}<-{} {} {shown}", event.id, event.previous_event_id, event.kind)
            .trim_end()
            .to_owned()
    });
    Transcript { events: events.collect(), status: ran.status }
}

#[track_caller]
fn ends_with(transcript: &Transcript, expected: &[&str]) {
    let from = transcript.events.len().saturating_sub(expected.len());
    assert_eq!(transcript.events[from..], *expected, "{:#?}", transcript.events);
}

fn failed(error: &str, cause: &str) -> Status {
    Status::Failed { error: Some(error.to_owned()), cause: Some(cause.to_owned()) }
}

const PASS: &str = r#"{"Type":"Pass","End":true}"#;

#[test]
fn the_first_state_follows_from_nothing_and_each_event_from_the_one_before() {
    let transcript =
        run_to_end(&format!(r#"{{"StartAt":"A","States":{{"A":{PASS}}}}}"#), "{}", "{}");
    ends_with(
        &transcript,
        &[
            "1<-0 ExecutionStarted",
            "2<-0 PassStateEntered A",
            "3<-2 PassStateExited A",
            "4<-3 ExecutionSucceeded",
        ],
    );
}

#[test]
fn a_call_of_a_service_is_scheduled_started_submitted_and_succeeds() {
    let machine = r#"{"StartAt":"T","States":{"T":{"Type":"Task","End":true,
        "Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters":{"MessageBody":{"token.$":"$$.Task.Token"}}}}}"#;
    let transcript = run_to_end(machine, "{}", r#"{"T":{"Return":"ok"}}"#);
    ends_with(
        &transcript,
        &[
            "2<-0 TaskStateEntered T",
            "3<-2 TaskScheduled",
            "4<-3 TaskStarted",
            "5<-4 TaskSubmitted",
            "6<-5 TaskSucceeded",
            "7<-6 TaskStateExited T",
            "8<-7 ExecutionSucceeded",
        ],
    );
}

#[test]
fn a_function_named_by_its_own_arn_has_events_of_its_own() {
    let machine = r#"{"StartAt":"T","States":{"T":{"Type":"Task","End":true,
        "Resource":"arn:aws:lambda:us-east-1:1:function:f",
        "Retry":[{"ErrorEquals":["Busy"],"MaxAttempts":1}]}}}"#;
    let transcript =
        run_to_end(machine, "{}", r#"{"T":[{"Throw":{"Error":"Busy"}},{"Return":1}]}"#);
    ends_with(
        &transcript,
        &[
            "3<-2 LambdaFunctionScheduled",
            "4<-3 LambdaFunctionStarted",
            "5<-4 LambdaFunctionFailed Busy",
            "6<-5 LambdaFunctionScheduled",
            "7<-6 LambdaFunctionStarted",
            "8<-7 LambdaFunctionSucceeded",
            "9<-8 TaskStateExited T",
            "10<-9 ExecutionSucceeded",
        ],
    );
}

#[test]
fn a_caught_error_leaves_the_state_with_the_error_output() {
    let machine = r#"{"StartAt":"T","States":{"T":{"Type":"Task","Next":"X",
        "Resource":"arn:aws:states:::lambda:invoke",
        "Catch":[{"ErrorEquals":["States.TaskFailed"],"ResultPath":"$.e","Next":"X"}]},
        "X":{"Type":"Pass","End":true}}}"#;
    let mocks = r#"{"T":{"Throw":{"Error":"Declined","Cause":"no funds"}}}"#;
    let transcript = run_to_end(machine, r#"{"a":1}"#, mocks);
    ends_with(
        &transcript,
        &[
            "5<-4 TaskFailed Declined",
            "6<-5 TaskStateExited T",
            "7<-6 PassStateEntered X",
            "8<-7 PassStateExited X",
            "9<-8 ExecutionSucceeded",
        ],
    );
    let output = r#"{"a":1,"e":{"Error":"Declined","Cause":"no funds"}}"#.parse().unwrap();
    assert_eq!(transcript.status, Status::Succeeded { output });
}

#[test]
fn one_iteration_at_a_time_follows_from_the_last_state_of_the_one_before() {
    let machine = format!(
        r#"{{"StartAt":"M","States":{{"M":{{"Type":"Map","MaxConcurrency":1,"End":true,
        "ItemProcessor":{{"StartAt":"P","States":{{"P":{PASS}}}}}}}}}}}"#
    );
    ends_with(
        &run_to_end(&machine, "[1,2]", "{}"),
        &[
            "2<-0 MapStateEntered M",
            "3<-2 MapStateStarted",
            "4<-3 MapIterationStarted 0",
            "5<-4 PassStateEntered P",
            "6<-5 PassStateExited P",
            "7<-6 MapIterationSucceeded 0",
            "8<-6 MapIterationStarted 1",
            "9<-8 PassStateEntered P",
            "10<-9 PassStateExited P",
            "11<-10 MapIterationSucceeded 1",
            "12<-11 MapStateSucceeded",
            "13<-11 MapStateExited M",
            "14<-13 ExecutionSucceeded",
        ],
    );
    ends_with(
        &run_to_end(&machine, "[]", "{}"),
        &[
            "3<-2 MapStateStarted",
            "4<-3 MapStateSucceeded",
            "5<-3 MapStateExited M",
            "6<-5 ExecutionSucceeded",
        ],
    );
}

#[test]
fn iterations_that_run_together_time_out_together_and_the_first_one_fails_the_map() {
    let machine = r#"{"StartAt":"M","States":{"M":{"Type":"Map","End":true,
        "Iterator":{"StartAt":"T","States":{"T":{"Type":"Task","End":true,"TimeoutSeconds":5,
        "Resource":"arn:aws:states:::lambda:invoke"}}}}}}"#;
    let transcript = run_to_end(machine, "[1,2]", r#"{"T":{"Never":true}}"#);
    ends_with(
        &transcript,
        &[
            "4<-3 MapIterationStarted 0",
            "5<-3 MapIterationStarted 1",
            "6<-4 TaskStateEntered T",
            "7<-6 TaskScheduled",
            "8<-5 TaskStateEntered T",
            "9<-8 TaskScheduled",
            "10<-7 TaskStarted",
            "11<-9 TaskStarted",
            "12<-10 TaskTimedOut States.Timeout",
            "13<-11 TaskTimedOut States.Timeout",
            "14<-12 MapIterationFailed 0",
            "15<-12 TaskStateAborted",
            "16<-12 MapIterationAborted 1",
            "17<-12 TaskStateAborted",
            "18<-12 MapStateFailed",
            "19<-18 ExecutionFailed States.Timeout",
        ],
    );
    let status = Status::Failed { error: Some("States.Timeout".to_owned()), cause: None };
    assert_eq!(transcript.status, status);
}

#[test]
fn a_retried_map_starts_again_from_the_event_that_failed_it() {
    let machine = r#"{"StartAt":"M","States":{"M":{"Type":"Map","End":true,
        "Retry":[{"ErrorEquals":["States.ALL"],"MaxAttempts":1}],
        "Iterator":{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"E","Cause":"c"}}}}}}"#;
    let transcript = run_to_end(machine, "[1]", "{}");
    ends_with(
        &transcript,
        &[
            "4<-3 MapIterationStarted 0",
            "5<-4 FailStateEntered F",
            "6<-5 MapIterationFailed 0",
            "7<-5 MapStateStarted",
            "8<-7 MapIterationStarted 0",
            "9<-8 FailStateEntered F",
            "10<-9 MapIterationFailed 0",
            "11<-9 MapStateFailed",
            "12<-11 ExecutionFailed E",
        ],
    );
}

#[test]
fn a_parallel_goes_on_from_the_last_event_of_its_branches() {
    let branch = |name: &str| format!(r#"{{"StartAt":"{name}","States":{{"{name}":{PASS}}}}}"#);
    let machine = format!(
        r#"{{"StartAt":"P","States":{{"P":{{"Type":"Parallel","End":true,"Branches":[{},{}]}}}}}}"#,
        branch("A"),
        branch("B")
    );
    ends_with(
        &run_to_end(&machine, "1", "{}"),
        &[
            "2<-0 ParallelStateEntered P",
            "3<-2 ParallelStateStarted",
            "4<-3 PassStateEntered A",
            "5<-4 PassStateExited A",
            "6<-3 PassStateEntered B",
            "7<-6 PassStateExited B",
            "8<-7 ParallelStateSucceeded",
            "9<-7 ParallelStateExited P",
            "10<-9 ExecutionSucceeded",
        ],
    );
}

#[test]
fn a_task_that_fails_its_branch_is_recorded_as_broken_off() {
    let machine = r#"{"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[
        {"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage",
        "End":true}}}],"Catch":[{"ErrorEquals":["States.ALL"],"Next":"H"}]},
        "H":{"Type":"Pass","End":true}}}"#;
    let transcript = run_to_end(machine, "{}", r#"{"T":{"Throw":{"Error":"E","Cause":"c"}}}"#);
    ends_with(
        &transcript,
        &[
            "7<-6 TaskFailed E",
            "8<-7 TaskStateAborted",
            "9<-7 ParallelStateFailed",
            "10<-9 ParallelStateExited P",
            "11<-10 PassStateEntered H",
            "12<-11 PassStateExited H",
            "13<-12 ExecutionSucceeded",
        ],
    );
}

#[test]
fn an_interpreter_error_in_a_branch_ends_the_execution_at_once_and_is_never_caught() {
    let machine = r#"{"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[
        {"StartAt":"F","States":{"F":{"Type":"Pass","Parameters":{"m.$":"$.nope"},"End":true}}}],
        "Catch":[{"ErrorEquals":["States.ALL"],"Next":"H"}]},"H":{"Type":"Pass","End":true}}}"#;
    let transcript = run_to_end(machine, r#"{"x":"a"}"#, "{}");
    ends_with(
        &transcript,
        &[
            "3<-2 ParallelStateStarted",
            "4<-3 PassStateEntered F",
            "5<-4 ExecutionFailed States.Runtime",
        ],
    );
    let cause = "An error occurred while executing the state 'F' (entered at the event id #4). The \
                 JSONPath '$.nope' specified for the field 'm.$' could not be found in the input \
                 '{\"x\":\"a\"}'";
    assert_eq!(transcript.status, failed("States.Runtime", cause));
}

#[test]
fn a_choice_without_a_match_points_nowhere() {
    let machine = r#"{"StartAt":"C","States":{"C":{"Type":"Choice","Choices":[
        {"Variable":"$.x","StringEquals":"never","Next":"D"}]},"D":{"Type":"Succeed"}}}"#;
    let transcript = run_to_end(machine, r#"{"x":"a"}"#, "{}");
    ends_with(&transcript, &["2<-0 ChoiceStateEntered C", "3<-2 ExecutionFailed States.Runtime"]);
    let cause = "An error occurred while executing the state 'C' (entered at the event id #2). \
                 Failed to transition out of the state. The state does not point to a next state.";
    assert_eq!(transcript.status, failed("States.Runtime", cause));
    let transcript = run_to_end(machine, "{}", "{}");
    let cause = "An error occurred while executing the state 'C' (entered at the event id #2). \
                 Invalid path '$.x': The choice state's condition path references an invalid value.";
    assert_eq!(transcript.status, failed("States.Runtime", cause));
}

#[test]
fn a_machine_has_a_time_of_its_own() {
    let machine = r#"{"StartAt":"W","TimeoutSeconds":5,"States":{"W":{"Type":"Wait","Seconds":9,
        "End":true}}}"#;
    let transcript = run_to_end(machine, "{}", "{}");
    ends_with(&transcript, &["2<-0 WaitStateEntered W", "3<-2 ExecutionTimedOut"]);
    assert_eq!(transcript.status, Status::TimedOut);
}

#[test]
fn a_full_history_ends_the_execution() {
    let machine = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"C"},"C":{"Type":"Choice",
        "Choices":[{"Variable":"$.stop","IsPresent":true,"Next":"E"}],"Default":"A"},
        "E":{"Type":"Succeed"}}}"#;
    let transcript = run_to_end(machine, "{}", "{}");
    assert_eq!(transcript.events.len(), 25_000);
    let cause = "The execution reached the maximum number of history events (25000).";
    assert_eq!(transcript.status, failed("States.Runtime", cause));
}
