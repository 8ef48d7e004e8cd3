//! The Choice operators give the results that were recorded from Step Functions.

use std::path::Path;

use states::{Json, Machine, Mocks, RunOptions, Status, run};

const RECORDED: &str = "../../../shared/conformance/states/choice.jsonl";

/// Makes a machine that compares `Variable` of its input with `value`, and outputs the result.
fn definition(operator: &str, value: &Json) -> String {
    let operand = if operator.ends_with("Path") { Json::from("$.Value") } else { value.clone() };
    let rule = Json::object([
        ("Variable", Json::from("$.Variable")),
        (operator, operand),
        ("Next", Json::from("ConditionTrue")),
    ]);
    let pass = |result: bool| {
        Json::object([
            ("Type", Json::from("Pass")),
            ("Result", Json::Bool(result)),
            ("End", Json::Bool(true)),
        ])
    };
    let choice = Json::object([
        ("Type", Json::from("Choice")),
        ("Choices", Json::Array(vec![rule])),
        ("Default", Json::from("ConditionFalse")),
    ]);
    let states = Json::object([
        ("Check", choice),
        ("ConditionTrue", pass(true)),
        ("ConditionFalse", pass(false)),
    ]);
    Json::object([("StartAt", Json::from("Check")), ("States", states)]).to_string()
}

/// Whether the recording has replaced both timestamps of a comparison by "date". The recorded
/// result is then meaningless: the same comparison is recorded once as true and once as false.
fn is_masked(operator: &str, input: &Json) -> bool {
    let date = Some(&Json::from("date"));
    operator.starts_with("Timestamp") && input.get("Variable") == date && input.get("Value") == date
}

#[test]
fn every_recorded_verdict_of_a_choice_is_the_same_here() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(RECORDED);
    let Ok(lines) = std::fs::read_to_string(&file) else {
        eprintln!("SKIPPED: no recorded verdicts at {}", file.display());
        return;
    };
    let (mut agreed, mut masked, mut differing) = (0, 0, Vec::new());
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let recorded: Json = line.parse().unwrap();
        let operator = recorded.get("operator").unwrap().as_str().unwrap();
        let input = recorded.get("input").unwrap();
        let definition = definition(operator, input.get("Value").unwrap());
        let machine = Machine::parse(&definition).unwrap();
        let ran = run(&machine, input.clone(), &mut Mocks::default(), RunOptions::default());
        let matched = recorded.get("matched").unwrap().clone();
        if ran.unwrap().status == (Status::Succeeded { output: matched }) {
            agreed += 1;
        } else if is_masked(operator, input) {
            masked += 1;
        } else {
            differing.push(line.to_owned());
        }
    }
    eprintln!("{agreed} agree, {masked} compare timestamps that the recording has masked");
    assert!(differing.is_empty(), "{} differ:\n{}", differing.len(), differing.join("\n"));
    assert!(masked <= 8, "{masked} masked lines differ");
}
