//! Follows pages of `docs/` literally, on a copy of the repository: makes the edits, runs the
//! commands, and compares their output with the page's. Instructions in prose, such as those that
//! need an emulator of AWS, are not followed.

#![allow(clippy::unwrap_used, reason = "what a test stands on may fail loudly, too")]

mod page;
mod tree;

use std::path::PathBuf;

use tree::Tree;

/// The pages that are followed, each on an unchanged copy of the repository.
const PAGES: [&str; 5] = [
    "docs/ADD-A-ROW.md",
    "docs/ADD-A-SERVICE.md",
    "docs/EVOLVE-AN-EVENT.md",
    "docs/RETIRE-A-SERVICE.md",
    "docs/START-YOUR-OWN.md",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// The folder into which cargo has built this test, such as `target/debug`.
fn built() -> PathBuf {
    std::env::current_exe().unwrap().parent().and_then(|deps| deps.parent()).unwrap().to_owned()
}

/// The copy of the repository and its builds are kept between runs, so that a page compiles only
/// what it changes. All pages are one test, because they share the copy.
#[test]
fn every_page_of_instructions_can_be_followed() {
    let place = root().join("target/walkthrough");
    let tree = Tree::new(place.join("tree"), place.clone());
    tree.start_from(&built());
    for page in PAGES {
        println!("{page}");
        tree.copy_of(&root());
        let text = std::fs::read_to_string(root().join(page)).unwrap();
        for step in page::steps(&text) {
            println!("{step}");
            tree.follow(&step);
        }
    }
}

/// Follows `page` in a directory that has the file `a`.
fn follow(page: &str) {
    let place = tempfile::tempdir().unwrap();
    let tree = Tree::new(place.path().to_owned(), place.path().join("target"));
    std::fs::write(place.path().join("a"), "one\ntwo\n").unwrap();
    page::steps(page).iter().for_each(|step| tree.follow(step));
}

#[test]
fn edits_are_made_and_commands_run_in_the_tree() {
    follow(
        "Insert into `a`, before `two`:\n```\nand\n```\nReplace in `a`:\n```\none\n```\n```\n1\n```\n\
         Append to `a`:\n```\nthree\n```\nCreate `b/c`:\n```\nd\n```\n\
         ```sh\ntr '\\n' , < a; cat b/c\n```\n```text\n1,and,two,,three,d\n```\n",
    );
}

#[test]
#[should_panic(expected = "does not say")]
fn a_page_that_promises_what_is_not_printed_is_untrue() {
    follow("```sh\ncat a\n```\n```text\none\nthree\n```\n");
}

#[test]
#[should_panic(expected = "ends with")]
fn a_page_whose_command_fails_is_untrue() {
    follow("```sh\nfalse\n```\n");
}

#[test]
#[should_panic(expected = "has 0 times")]
fn a_page_that_replaces_what_is_not_there_is_untrue() {
    follow("Replace in `a`:\n```\nthree\n```\n```\nfour\n```\n");
}

#[test]
#[should_panic(expected = "does not have exactly one line")]
fn a_page_that_inserts_before_what_is_not_there_is_untrue() {
    follow("Insert into `a`, before `three`:\n```\nfour\n```\n");
}
