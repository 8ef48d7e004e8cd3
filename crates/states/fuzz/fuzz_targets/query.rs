//! Any text, read as a JSONata query over any input, gives a value or a failure, and no panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use states::{Json, Machine, Mocks, RunOptions, run};

static QUIET: std::sync::Once = std::sync::Once::new();

fuzz_target!(|text: &str| {
    // Replaces the fuzzer's panic hook, which aborts at every panic. The library turns the
    // evaluator's panics into failures, so only a panic that it does not catch is a finding.
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    let (query, input) = text.split_once('\n').unwrap_or((text, "{\"a\":[1,2,{\"b\":\"c\"}]}"));
    let Ok(input) = input.parse::<Json>() else { return };
    let query = Json::from(format!("{{% {query} %}}"));
    let pass = Json::object([
        ("Type", Json::from("Pass")),
        ("Assign", Json::object([("x", query.clone())])),
        ("Output", query),
        ("End", Json::Bool(true)),
    ]);
    let machine = Json::object([
        ("QueryLanguage", Json::from("JSONata")),
        ("StartAt", Json::from("S")),
        ("States", Json::object([("S", pass)])),
    ]);
    if let Ok(machine) = Machine::parse(&machine.to_string()) {
        run(&machine, input, &mut Mocks::default(), RunOptions::default()).unwrap();
    }
});
