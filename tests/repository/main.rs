//! The repository: which crate may depend on which, which files are generated, how files look.

#![allow(clippy::unwrap_used, reason = "what a test stands on may fail loudly, too")]

mod contract;
mod direction;
mod generated;
mod oldest_rust;
mod readme;
mod threats;
mod tidy;

use std::path::PathBuf;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}
