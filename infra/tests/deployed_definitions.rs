//! State machines, with what the template fills into their definitions, decide as the design table
//! says.
#![allow(clippy::unwrap_used)]

use chorus_events::HIGH_VALUE_UNITS;
use chorus_infra::shop;
use chorus_template::synthesize;
use serde_json::{Value, json};
use states::{Json, Machine, Reply, RunOptions, TaskRequest, Tasks, run};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The definition as CloudFormation fills it in, every parameter at its default.
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

/// Answers as a reviewer who says `verdict`, and notes who was asked.
struct Asked {
    verdict: &'static str,
    states: Vec<String>,
}

impl Tasks for Asked {
    fn call(&mut self, request: &TaskRequest) -> Result<Reply, String> {
        self.states.push(request.state.clone());
        let output = match request.state.as_str() {
            "AskReviewer" => json!({ "verdict": self.verdict }),
            _ => json!({ "Payload": { "event": null } }),
        };
        Ok(Reply::output(json(&output)))
    }
}

fn json(value: &Value) -> Json {
    value.to_string().parse().unwrap()
}

fn collected(total: i64, verdict: &'static str) -> Vec<String> {
    let mut asked = Asked { verdict, states: Vec::new() };
    let constants = json!({ "high-value-units": HIGH_VALUE_UNITS });
    let input = json(&json!({ "detail": { "data": { "total": total } }, "constants": constants }));
    run(&deployed("CollectPayment"), input, &mut asked, RunOptions::default()).unwrap();
    asked.states
}

#[test]
fn an_order_is_reviewed_from_the_total_on_that_the_events_name() {
    assert_eq!(collected(HIGH_VALUE_UNITS - 1, "approve"), ["MakePayment"]);
    assert_eq!(collected(HIGH_VALUE_UNITS, "approve"), ["AskReviewer", "MakePayment"]);
}

#[test]
fn what_is_not_approved_is_not_charged() {
    for verdict in ["decline", "canceled"] {
        assert_eq!(collected(HIGH_VALUE_UNITS, verdict), ["AskReviewer"]);
    }
}
