//! docs/SECURITY.md names tests beside each threat. Checks that these tests exist.

use std::fs::read_to_string;

use crate::root;
use crate::tidy::all;

/// The folder with the tests on the emulator.
const EMULATOR: &str = "tests/emulator";

#[test]
fn every_threat_is_held_by_a_test_that_exists() {
    let page = read_to_string(root().join("docs/SECURITY.md")).unwrap();
    let (_, threats) = page.split_once("## Threats, and the test that holds each").unwrap();
    let rows = threats.lines().filter(|line| line.starts_with("| ")).skip(1);
    let sources: String = all().into_iter().map(|(_, text)| text).collect();
    let emulator: String = std::fs::read_dir(root().join(EMULATOR))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
        .map(|path| read_to_string(path).unwrap())
        .collect();
    let mut named = 0;
    for row in rows {
        let (_, tests) = row.trim_end_matches(" |").rsplit_once(" | ").unwrap();
        for test in tests.split('`').skip(1).step_by(2) {
            let there = sources.contains(&format!("fn {test}("))
                || emulator.contains(&format!("def {test}("));
            assert!(there, "there is no test {test}: {row}");
            named += 1;
        }
    }
    assert!(named > 30, "docs/SECURITY.md must name more than 30 tests");
}
