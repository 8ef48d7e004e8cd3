//! Measures how many transitions per second an execution makes in memory.

use std::io::Write;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use states::{Answer, Effect, Entropy, Execution, Identity, Json, Machine, Start, Status, TaskRef};

/// A machine of ten states in a row. `tests/emulator/transitions.py` runs the same file on the AWS
/// emulator MiniStack.
const MACHINE: &str = include_str!("ten_states/machine.asl.json");

/// Runs the machine once; returns the number of states that it entered.
fn once(machine: &Machine, identity: &Identity) -> u64 {
    let now = Timestamp::UNIX_EPOCH;
    let input = Json::object([("n", Json::from(7_i64)), ("order", Json::from("1073459984"))]);
    let start = Start { input, identity: identity.clone(), entropy: Entropy::from_number(1) };
    let (mut execution, _) = Execution::start(machine, start, now);
    let mut entered = 0;
    while *execution.status() == Status::Running {
        let turn = execution.advance(machine, now);
        let entries = turn.events.iter().filter(|event| event.kind.ends_with("StateEntered"));
        entered += entries.count() as u64;
        for effect in turn.effects {
            if let Effect::StartTask(request) = effect {
                let answer = Answer::succeeded(TaskRef::Id(request.task), Json::Bool(true));
                assert!(execution.answer(machine, answer, now).is_ok(), "the task waits");
            }
        }
    }
    assert!(matches!(execution.status(), Status::Succeeded { .. }), "the machine succeeds");
    entered
}

fn main() -> std::io::Result<()> {
    let machine = Machine::parse(MACHINE).map_err(std::io::Error::other)?;
    let identity = Identity::local("bench", "run");
    // `cargo test` also runs this benchmark, but without `--bench`. One run is enough for a test.
    let measures = std::env::args().any(|argument| argument == "--bench");
    let time = if measures { Duration::from_secs(3) } else { Duration::ZERO };
    let (started, mut transitions) = (Instant::now(), 0);
    loop {
        transitions += once(&machine, &identity);
        if started.elapsed() >= time {
            break;
        }
    }
    let rate = transitions as f64 / started.elapsed().as_secs_f64();
    writeln!(std::io::stdout(), "states: {rate:.0} transitions/s")
}
