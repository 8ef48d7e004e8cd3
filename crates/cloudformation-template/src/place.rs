//! Places in a template: positions in its text, and JSON pointers.

use serde::Serialize;

/// A position in a template's text. Lines and columns are numbered from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Location {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// Escapes a step, and appends it to a JSON pointer.
pub(crate) fn push_step(pointer: &mut String, step: &str) {
    pointer.push('/');
    if step.contains(['~', '/']) {
        pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
    } else {
        pointer.push_str(step);
    }
}

/// The JSON pointer of a part of a resource.
pub(crate) fn resource_pointer(id: &str, steps: &[&str]) -> String {
    let mut pointer = "/Resources".to_owned();
    for step in std::iter::once(&id).chain(steps) {
        push_step(&mut pointer, step);
    }
    pointer
}
