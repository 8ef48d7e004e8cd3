//! docs/SECURITY.md lists the callers of every route as the design table does.

use std::path::Path;

#[test]
fn the_page_lists_who_may_call_what_as_the_table_does() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (path, content) = chorus_infra::security_page(&root).expect("the page has its marks");
    let there = std::fs::read_to_string(root.join(&path)).expect("the page is there");
    assert!(there == content, "{path} is stale: run `cargo design --write`");
}
