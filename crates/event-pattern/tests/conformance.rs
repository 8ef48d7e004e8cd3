//! Checks recorded verdicts: those in `tests/cases.jsonl`, and those of EventBridge's engine. The
//! files with the engine's verdicts lie beside the repository; an absent file is skipped.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use event_pattern::conformance::{self, Report};
use event_pattern::{Matcher, Pattern};
use serde_json::Value;

fn run(path: &Path) -> Report {
    let file = File::open(path).expect("the cases can be opened");
    conformance::run(BufReader::new(file)).expect("the cases can be read")
}

fn crate_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_recorded_verdicts_of_the_engine_are_ours() {
    for name in ["recorded.jsonl", "generated.jsonl"] {
        let path = crate_folder().join("../../../shared/conformance/event-pattern").join(name);
        if !path.exists() {
            println!("SKIPPED: {} is absent", path.display());
            continue;
        }
        let report = run(&path);
        println!("{name}: {} cases", report.cases);
        assert!(report.disagreements.is_empty(), "{report}");
    }
}

/// Returns the valid patterns of a file, and the events of its first `events` cases.
fn patterns_and_events(path: &Path, events: usize) -> (Vec<Pattern>, Vec<String>) {
    let text = std::fs::read_to_string(path).expect("the cases can be read");
    // Cases with half a surrogate pair are left out, because `serde_json` cannot read them.
    let cases: Vec<Value> =
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let patterns = cases.iter().filter_map(|case| Pattern::parse(case["pattern"].to_string()).ok());
    let events = cases.iter().take(events).map(|case| case["event"].to_string());
    (patterns.collect(), events.collect())
}

#[test]
fn all_recorded_patterns_match_together_as_each_alone() {
    let shared = crate_folder().join("../../../shared/conformance/event-pattern/generated.jsonl");
    let own = crate_folder().join("tests/cases.jsonl");
    for path in [shared, own] {
        if !path.exists() {
            println!("SKIPPED: {} is absent", path.display());
            continue;
        }
        let (patterns, events) = patterns_and_events(&path, 15);
        let mut matcher = Matcher::new();
        for (id, pattern) in patterns.iter().enumerate() {
            matcher.add(id, pattern);
        }
        for event in events {
            let matches = |id: &usize| patterns[*id].matches(&event).expect("an event");
            let alone: Vec<usize> = (0..patterns.len()).filter(matches).collect();
            assert_eq!(matcher.matches(&event).expect("an event"), alone, "{event}");
        }
    }
}

#[test]
fn our_own_cases_hold() {
    let report = run(&crate_folder().join("tests/cases.jsonl"));
    assert!(report.cases > 50, "the cases are there");
    assert!(report.disagreements.is_empty(), "{report}");
}

#[test]
fn a_disagreement_names_its_line_and_both_verdicts() {
    let lines = concat!(
        r#"{"name":"right","pattern":{"a":[1]},"event":{"a":1.0},"expected":true}"#,
        "\n\n",
        r#"{"name":"wrong","pattern":{"a":[1]},"event":{"a":2},"expected":true}"#,
        "\n",
        r#"{"name":"broken","pattern":{"a":1},"event":{},"expected":false}"#,
        "\nno case\n"
    );
    let report = conformance::run(lines.as_bytes()).expect("text can be read");
    let text = report.to_string();
    assert_eq!(report.cases, 4);
    assert!(text.contains("3: wrong: expected true, found false"), "{text}");
    assert!(text.contains("4: broken: expected false, found invalid ($.a: "), "{text}");
    assert!(text.contains("5: no case: found a malformed case ("), "{text}");
    assert!(text.ends_with("4 cases, 3 disagreements"), "{text}");
}
