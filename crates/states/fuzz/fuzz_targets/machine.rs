//! Any text is checked without a panic. If the text is a machine, a diagram of the machine is made,
//! and the machine is run twice: both runs have the same history.
#![no_main]

use libfuzzer_sys::fuzz_target;
use states::{Json, Limits, Machine, Reply, RunOptions, TaskRequest, Tasks, draw_svg, run};

struct Echo;

impl Tasks for Echo {
    fn call(&mut self, request: &TaskRequest) -> Result<Reply, String> {
        Ok(match request.task.0 % 3 {
            0 => Reply::error("Busy", "again"),
            _ => Reply::output(request.input.clone()),
        })
    }
}

fuzz_target!(|text: &str| {
    let (machine, _) = Machine::check(text);
    let Some(machine) = machine else { return };
    assert!(draw_svg(&machine).ends_with("</svg>\n"));
    let limits = Limits { events: 300, payload: 4096, ..Limits::default() };
    let machine = machine.with_limits(limits);
    let input: Json = r#"{"a":[1,{"b":"2020-01-01T00:00:00Z"}],"n":2,"s":"x"}"#.parse().unwrap();
    let first = run(&machine, input.clone(), &mut Echo, RunOptions::default());
    let again = run(&machine, input, &mut Echo, RunOptions::default());
    if let (Ok(first), Ok(again)) = (first, again) {
        assert_eq!(first.history, again.history);
    }
});
