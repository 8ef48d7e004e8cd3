//! Any text as a JSONata query, over any input, ends in a value or in a failure.
#![no_main]

use libfuzzer_sys::fuzz_target;
use states::{Json, Machine, Mocks, RunOptions, run};

fuzz_target!(|text: &str| {
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
