//! The code in the README equals the code in the file that the README names.

use std::fs::read_to_string;

use crate::root;

/// Returns the file that the README names, and the code that follows.
fn excerpt(readme: &str) -> (&str, &str) {
    let (before, code) = readme.split_once("```rust\n").expect("the README shows an action");
    let (_, named) = before.rsplit_once("From `").expect("the README names the file of the action");
    let (path, _) = named.split_once('`').unwrap();
    (path, code.split_once("```").unwrap().0)
}

#[test]
fn the_action_in_the_readme_stands_in_the_file_that_it_names() {
    let readme = read_to_string(root().join("README.md")).unwrap();
    let (path, code) = excerpt(&readme);
    let file = read_to_string(root().join(path)).unwrap();
    let mut lines = file.lines();
    for line in code.lines().filter(|line| line.trim() != "// …") {
        assert!(
            lines.any(|it| it == line),
            "{path} must have the README's lines in the same order, but lacks: {line}"
        );
    }
}
