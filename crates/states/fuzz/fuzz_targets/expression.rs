//! Any text is read as a JSONPath or as an intrinsic function, and applied to any input. The result
//! is a value or a failure; nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use states::{Json, Machine, Mocks, RunOptions, run};

fuzz_target!(|text: &str| {
    let (expression, input) = text.split_once('\n').unwrap_or((text, "{\"a\":[1,2,{\"b\":\"c\"}]}"));
    let Ok(input) = input.parse::<Json>() else { return };
    let parameters = Json::object([("x.$", Json::from(expression))]);
    let state = |next: (&str, Json), more: (&str, Json)| {
        Json::object([("Type", Json::from("Pass")), next, more])
    };
    let fill = state(("Next", Json::from("Put")), ("Parameters", parameters));
    let put = state(("End", Json::Bool(true)), ("ResultPath", Json::from(expression)));
    for (start, states) in [("Fill", vec![("Fill", fill), ("Put", state(
        ("End", Json::Bool(true)), ("Comment", Json::from("")),
    ))]), ("Put", vec![("Put", put)])] {
        let machine = Json::object([("StartAt", Json::from(start)), ("States", Json::object(states))]);
        if let Ok(machine) = Machine::parse(&machine.to_string()) {
            run(&machine, input.clone(), &mut Mocks::default(), RunOptions::default()).unwrap();
        }
    }
});
