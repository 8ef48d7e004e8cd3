//! State machines whose definitions have the template's values call the expected tasks.
#![allow(clippy::unwrap_used)]

use chorus_infra::shop;
use chorus_template::synthesize;
use serde_json::{Value, json};
use states::{Json, Machine, Reply, RunOptions, TaskRequest, Tasks, run};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Returns the state machine `name`, with the template's substitutions in its definition. Every
/// parameter has its default value.
fn deployed(name: &str) -> Machine {
    let stack = shop(ROOT);
    let document = synthesize(&stack).document();
    let mut machines = stack.functions.iter().flat_map(|one| &one.function.machines);
    let spec = machines.find(|machine| machine.name == name).unwrap();
    let properties = &document["Resources"][format!("{name}Machine")]["Properties"];
    let filled = properties["DefinitionSubstitutions"].as_object().unwrap();
    let text = filled.iter().fold(spec.definition.to_owned(), |text, (name, value)| {
        let parameter = &document["Parameters"][value["Ref"].as_str().unwrap_or_default()];
        let value = value.as_str().or_else(|| parameter["Default"].as_str());
        text.replace(&format!("${{{name}}}"), value.unwrap_or("a-resource"))
    });
    Machine::parse(&text).unwrap()
}

/// Answers tasks as if a review ended with `verdict`, and records the names of the states that
/// called a task.
struct Asked {
    verdict: &'static str,
    /// Whether the charge succeeds at once; otherwise the charge waits for the customer's
    /// confirmation.
    charges: bool,
    states: Vec<String>,
}

/// An event that a task of a machine returns.
fn published_event() -> Value {
    json!({ "detail-type": "PaymentMade", "detail": {} })
}

impl Tasks for Asked {
    fn call(&mut self, request: &TaskRequest) -> Result<Reply, String> {
        self.states.push(request.state.clone());
        let output = match request.state.as_str() {
            "Review" => json!({ "Output": { "verdict": self.verdict } }),
            "MakePayment" if self.charges => json!({ "Payload": { "event": published_event() } }),
            "AskCustomer" => json!({ "reason": null }),
            _ => json!({ "Payload": { "event": null } }),
        };
        Ok(Reply::output(json(&output)))
    }
}

fn json(value: &Value) -> Json {
    value.to_string().parse().unwrap()
}

fn collected(verdict: &'static str) -> Vec<String> {
    played(Asked { verdict, charges: true, states: Vec::new() }, &json!({}))
}

/// Runs `CollectPayment` on a delivery estimate with the additional fields `beside`, and returns
/// the names of the states that called a task.
fn played(mut asked: Asked, beside: &Value) -> Vec<String> {
    let mut event =
        json!({ "source": "com.delivery", "detail-type": "DeliveryEstimated", "detail": {} });
    for (name, value) in beside.as_object().unwrap() {
        event[name.as_str()] = value.clone();
    }
    run(&deployed("CollectPayment"), json(&event), &mut asked, RunOptions::default()).unwrap();
    asked.states
}

#[test]
fn what_is_approved_is_charged_and_what_is_not_is_not() {
    assert_eq!(collected("approve"), ["Review", "MakePayment", "Say"]);
    for verdict in ["decline", "canceled"] {
        assert_eq!(collected(verdict), ["Review"]);
    }
}

#[test]
fn what_the_customer_has_to_confirm_is_waited_for_and_concluded_with_or_without_a_review() {
    let asked = || Asked { verdict: "approve", charges: false, states: Vec::new() };
    let waits = ["AskCustomer", "ConcludePayment"];
    assert_eq!(played(asked(), &json!({ "waits-for-customer": true })), waits);
    let reviewed = played(asked(), &json!({}));
    assert_eq!(reviewed, [&["Review", "MakePayment"][..], &waits].concat());
}

#[test]
fn what_nobody_reviewed_in_time_fails() {
    for verdict in ["unseen", "undecided", "a word of another release"] {
        assert_eq!(collected(verdict), ["Review", "RefusePayment"], "{verdict}");
    }
}
