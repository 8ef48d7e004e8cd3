//! No dependency requires a newer Rust version than the workspace requires.

use std::process::Command;

use serde_json::Value;

use crate::root;

/// Returns the Rust version that a package requires, such as 1.88 or 1.88.0. Returns zeros if the
/// package requires none.
fn rust_version(package: &Value) -> [u32; 3] {
    let mut parts = package["rust_version"].as_str().unwrap_or_default().split('.');
    [(); 3].map(|()| parts.next().and_then(|part| part.parse().ok()).unwrap_or_default())
}

/// Returns the packages of `Cargo.lock` that a build for Linux needs, from `cargo metadata`.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version", "1"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

#[test]
fn no_dependency_needs_a_newer_rust_than_the_workspace_claims() {
    let packages = packages();
    let ours = |package: &&Value| package["source"].is_null();
    let claimed = packages.iter().filter(ours).map(rust_version).min().unwrap();
    assert_ne!(claimed, [0; 3], "a crate of the workspace names no rust-version");
    for package in &packages {
        let needed = rust_version(package);
        let name = &package["id"];
        assert!(
            needed <= claimed,
            "{name} needs Rust {needed:?}, the workspace claims {claimed:?}"
        );
    }
}
