//! An execution that is stored and loaded again continues as if it had not been interrupted.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use states::{
    Answer, Effect, Entropy, Execution, Failure, Identity, Json, Machine, Refusal, Start, Status,
    TaskRef, TaskRequest, Turn,
};

const MACHINE: &str = include_str!("machines/everything.asl.json");

fn start(machine: &Machine, seed: u64) -> (Execution, Turn) {
    let input = r#"{"items":[3,1,2],"wait":5,"order":{"id":"o-1","total":10}}"#.parse().unwrap();
    let identity = Identity::local("everything", "run");
    let entropy = Entropy::from_number(seed);
    Execution::start(machine, Start { input, identity, entropy }, Timestamp::UNIX_EPOCH)
}

/// Returns the answer to a request. The answer depends only on the request.
fn answer(request: &TaskRequest) -> Answer {
    let task = match &request.token {
        Some(token) => TaskRef::Token(token.clone()),
        None => TaskRef::Id(request.task),
    };
    if request.state == "Flaky" && request.attempt < 2 {
        Answer::failed(task, "Busy", "try again")
    } else if request.state == "Doomed" {
        Answer::failed(task, "Doom", "as foretold")
    } else {
        let members = [("did", request.state.as_str().into()), ("with", request.input.clone())];
        Answer::succeeded(task, Json::object(members))
    }
}

struct Transcript {
    history: String,
    calls: BTreeMap<u64, u32>,
    status: Status,
    transitions: u32,
}

/// Runs the machine to its end. `crashes` selects the transitions after which the process crashes,
/// so that the execution has to be loaded from its stored form.
fn run_to_end(seed: u64, crashes: &dyn Fn(u32) -> bool) -> Transcript {
    let machine = Machine::parse(MACHINE).unwrap();
    let (mut execution, turn) = start(&machine, seed);
    let mut now = Timestamp::UNIX_EPOCH;
    let mut history = turn.events;
    let mut transcript = Transcript {
        history: String::new(),
        calls: BTreeMap::new(),
        status: Status::Running,
        transitions: 0,
    };
    loop {
        let mut requests = Vec::new();
        while let Some(turn) = execution.step(&machine, now) {
            transcript.transitions += 1;
            history.extend(turn.events);
            for effect in turn.effects {
                if let Effect::StartTask(request) = effect {
                    *transcript.calls.entry(request.task.0).or_default() += 1;
                    requests.push(request);
                }
            }
            if crashes(transcript.transitions) {
                let written = serde_json::to_string(&execution).unwrap();
                execution = serde_json::from_str(&written).unwrap();
            }
        }
        for request in requests {
            history.extend(execution.answer(&machine, answer(&request), now).unwrap().events);
        }
        if *execution.status() != Status::Running {
            transcript.status = execution.status().clone();
            transcript.history = serde_json::to_string(&history).unwrap();
            return transcript;
        }
        if let Some(wakes) = execution.wakes_at() {
            now = now.max(wakes);
        }
    }
}

#[test]
fn a_crash_after_any_transition_changes_nothing_and_calls_nothing_twice() {
    let whole = run_to_end(7, &|_| false);
    assert!(matches!(whole.status, Status::Succeeded { .. }), "{:?}", whole.status);
    assert!(whole.calls.values().all(|calls| *calls == 1));
    for crash in 1..=whole.transitions {
        let broken = run_to_end(7, &|transition| transition == crash);
        assert_eq!(broken.history, whole.history, "after transition {crash}");
        assert_eq!(broken.calls, whole.calls, "after transition {crash}");
    }
    assert_eq!(run_to_end(7, &|_| true).history, whole.history);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_same_seed_has_the_same_history(seed: u64, crashes in prop::collection::vec(any::<bool>(), 64)) {
        let crash = |transition: u32| crashes[transition as usize % crashes.len()];
        prop_assert_eq!(run_to_end(seed, &|_| false).history, run_to_end(seed, &crash).history);
    }
}

#[test]
fn another_seed_draws_other_tokens() {
    assert_ne!(run_to_end(1, &|_| false).history, run_to_end(2, &|_| false).history);
}

const CALLBACK: &str = r#"{"StartAt":"Ask","States":{"Ask":{"Type":"Task","End":true,
    "Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken","HeartbeatSeconds":10,
    "TimeoutSeconds":60,"Parameters":{"token.$":"$$.Task.Token"},
    "Catch":[{"ErrorEquals":["States.HeartbeatTimeout"],"Next":"Silent"},
    {"ErrorEquals":["States.Timeout"],"Next":"Late"}]},
    "Silent":{"Type":"Pass","Result":"silent","End":true},
    "Late":{"Type":"Pass","Result":"late","End":true}}}"#;

fn asking() -> (Machine, Execution, String) {
    let machine = Machine::parse(CALLBACK).unwrap();
    let (mut execution, _) = start(&machine, 1);
    execution.advance(&machine, Timestamp::UNIX_EPOCH);
    let token = execution.waiting_tasks().next().unwrap().2.unwrap().to_owned();
    (machine, execution, token)
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

#[test]
fn a_token_answered_twice_late_or_from_elsewhere_is_refused() {
    let (machine, mut execution, token) = asking();
    let yes = || Answer::succeeded(TaskRef::Token(token.clone()), Json::Bool(true));
    let stranger = Answer::succeeded(TaskRef::Token("of another order".to_owned()), Json::Null);
    let before = execution.clone();
    let refused = execution.answer(&machine, stranger, seconds(1));
    assert_eq!(refused, Err(Refusal::UnknownTask));
    assert_eq!(execution, before);
    execution.answer(&machine, yes(), seconds(2)).unwrap();
    assert_eq!(execution.answer(&machine, yes(), seconds(2)), Err(Refusal::UnknownTask));
    execution.advance(&machine, seconds(2));
    assert_eq!(*execution.status(), Status::Succeeded { output: Json::Bool(true) });
    assert_eq!(execution.answer(&machine, yes(), seconds(3)), Err(Refusal::ExecutionOver));

    let (machine, mut execution, token) = asking();
    let late = Answer::succeeded(TaskRef::Token(token), Json::Bool(true));
    assert_eq!(execution.answer(&machine, late, seconds(10)), Err(Refusal::TaskTimedOut));
}

#[test]
fn heartbeats_keep_a_task_alive_up_to_its_timeout() {
    let (machine, mut execution, token) = asking();
    let beat = || Answer::heartbeat(TaskRef::Token(token.clone()));
    assert_eq!(execution.wakes_at(), Some(seconds(10)));
    for at in [9, 18, 27, 36, 45, 54] {
        execution.answer(&machine, beat(), seconds(at)).unwrap();
        execution.advance(&machine, seconds(at));
    }
    assert_eq!(execution.wakes_at(), Some(seconds(60)));
    execution.advance(&machine, seconds(60));
    assert_eq!(*execution.status(), Status::Succeeded { output: "late".into() });

    let (machine, mut execution, _) = asking();
    execution.advance(&machine, seconds(10));
    assert_eq!(*execution.status(), Status::Succeeded { output: "silent".into() });
}

#[test]
fn an_aborted_execution_lets_go_of_its_tasks() {
    let (machine, mut execution, _) = asking();
    let turn = execution.abort(&machine, seconds(1), &Failure::new("Canceled", "by the customer"));
    assert_eq!(turn.events[0].kind, "ExecutionAborted");
    assert!(matches!(turn.effects[..], [Effect::StopTask(_)]));
    assert!(matches!(execution.status(), Status::Aborted { .. }));
    assert_eq!(execution.step(&machine, seconds(99)), None);
}

#[test]
fn a_history_event_is_read_as_it_was_written() {
    let whole = run_to_end(3, &|_| false);
    let events: Vec<states::HistoryEvent> = serde_json::from_str(&whole.history).unwrap();
    assert_eq!(serde_json::to_string(&events).unwrap(), whole.history);
}
