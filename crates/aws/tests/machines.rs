//! Tests the requests to Step Functions: each signal is one request, and a signal that comes too
//! late is no failure.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::thread::JoinHandle;

use aws_sdk_sfn::Client;
use chorus_aws::SfnMachines;
use chorus_kernel::{Failure, Machines, Signal, SignalOutcome};
use serde_json::{Value, json};
use support::{Received, fake_service};

/// State machines on a fake service, which answers one request with this status and body. Joining
/// the thread returns the header `x-amz-target` and the body of that request.
fn service(status: &'static str, body: &'static str) -> (SfnMachines, JoinHandle<Vec<Received>>) {
    let arns = BTreeMap::from([("COLLECT_PAYMENT".to_owned(), "an-arn".to_owned())]);
    let limits = BTreeMap::from([("COLLECT_PAYMENT".to_owned(), json!({ "WaitSeconds": 60 }))]);
    let (config, served) = fake_service([(status, body)], "x-amz-target");
    (SfnMachines::new(Client::new(&config), arns).with_limits(limits), served)
}

/// Sends `signal`, and returns its outcome and the request that was sent.
async fn send(
    signal: &Signal,
    status: &'static str,
    body: &'static str,
) -> (Result<SignalOutcome, Failure>, Received) {
    let (machines, service) = service(status, body);
    let outcome = machines.signal(signal).await;
    (outcome, service.join().unwrap().remove(0))
}

fn start() -> Signal {
    let (machine, name) = ("CollectPayment".to_owned(), "a-name".to_owned());
    Signal::Start { machine, name, input: json!({ "detail-type": "DeliveryEstimated" }) }
}

fn answer() -> Signal {
    Signal::Answer { token: "a-token".to_owned(), output: json!({ "verdict": "approve" }) }
}

const STARTED: &str = r#"{"executionArn":"an-execution","startDate":1.0}"#;

#[tokio::test]
async fn a_machine_is_started_under_the_name_that_makes_it_happen_once_and_told_how_long_to_wait() {
    let (outcome, (target, body)) = send(&start(), "200 OK", STARTED).await;
    assert_eq!(outcome.unwrap(), SignalOutcome::Delivered);
    assert_eq!(target, "AWSStepFunctions.StartExecution");
    assert_eq!((&body["stateMachineArn"], &body["name"]), (&json!("an-arn"), &json!("a-name")));
    let input: Value = serde_json::from_str(body["input"].as_str().unwrap()).unwrap();
    let expected = json!({ "detail-type": "DeliveryEstimated", "limits": { "WaitSeconds": 60 } });
    assert_eq!(input, expected);
}

#[tokio::test]
async fn an_answer_and_a_heartbeat_carry_the_token() {
    let (outcome, (target, body)) = send(&answer(), "200 OK", "{}").await;
    assert_eq!(outcome.unwrap(), SignalOutcome::Delivered);
    assert_eq!(target, "AWSStepFunctions.SendTaskSuccess");
    assert_eq!(body, json!({ "taskToken": "a-token", "output": r#"{"verdict":"approve"}"# }));
    let heartbeat = Signal::Heartbeat { token: "a-token".to_owned() };
    let (outcome, (target, body)) = send(&heartbeat, "200 OK", "{}").await;
    assert_eq!(outcome.unwrap(), SignalOutcome::Delivered);
    assert_eq!(target, "AWSStepFunctions.SendTaskHeartbeat");
    assert_eq!(body, json!({ "taskToken": "a-token" }));
}

#[tokio::test]
async fn what_comes_too_late_is_no_failure() {
    let exists = r#"{"__type":"ExecutionAlreadyExists","message":"m"}"#;
    let (outcome, _) = send(&start(), "400 Bad Request", exists).await;
    assert_eq!(outcome.unwrap(), SignalOutcome::TooLate);
    for late in [
        r#"{"__type":"TaskTimedOut","message":"m"}"#,
        r#"{"__type":"TaskDoesNotExist","message":"m"}"#,
        r#"{"__type":"InvalidToken","message":"m"}"#,
    ] {
        let (outcome, _) = send(&answer(), "400 Bad Request", late).await;
        assert_eq!(outcome.unwrap(), SignalOutcome::TooLate, "{late}");
    }
}

#[tokio::test]
async fn what_passes_is_tried_again_and_what_is_wrong_is_not_and_neither_reveals_the_token() {
    let limit = r#"{"__type":"ExecutionLimitExceeded","message":"m"}"#;
    let (outcome, _) = send(&start(), "400 Bad Request", limit).await;
    assert!(outcome.unwrap_err().is_retryable());
    let down = r#"{"__type":"ServiceUnavailable","message":"m"}"#;
    let (outcome, _) = send(&answer(), "503 Service Unavailable", down).await;
    assert!(outcome.unwrap_err().is_retryable());
    let wrong = r#"{"__type":"InvalidOutput","message":"of a-token"}"#;
    let (outcome, _) = send(&answer(), "400 Bad Request", wrong).await;
    let failure = outcome.unwrap_err();
    assert!(!failure.is_retryable());
    assert_eq!(failure.to_string(), "Step Functions refused the request: InvalidOutput");
}

#[tokio::test]
async fn a_machine_that_no_variable_names_is_not_started() {
    let (machines, _) = service("200 OK", "{}");
    let transport =
        Signal::Start { machine: "Transport".to_owned(), name: String::new(), input: json!({}) };
    let failure = machines.signal(&transport).await.unwrap_err();
    assert_eq!((failure.code(), failure.is_retryable()), ("UnknownMachine", false));
    assert_eq!(failure.to_string(), "MACHINE_TRANSPORT must be set to the ARN of Transport");
}
