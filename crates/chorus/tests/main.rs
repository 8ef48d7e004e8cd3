//! The commands as a person runs them: the real binary, its output and its exit codes.

#![allow(clippy::unwrap_used, reason = "the setup of a test may panic as well")]
#![allow(clippy::print_stdout, reason = "the test of kills takes minutes, and prints its progress")]

mod attacks;
mod demo;
mod evolving;
mod failover;
#[cfg(unix)]
mod full_disk;
mod help;
mod machines;
mod northwind;
mod operating;
mod patterns;
mod running;
mod simulating;
mod survival;
mod tokens;
mod webhooks;

use std::process::{Command, Output};

fn chorus(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chorus"));
    command.args(arguments).env_remove("RUST_LOG").env_remove("RUST_BACKTRACE").env_remove("CARGO");
    command.output().expect("the binary that cargo built can be run")
}

fn stdout_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs a command, which must succeed, and returns its output.
#[track_caller]
fn well(arguments: &[&str]) -> String {
    let output = chorus(arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "chorus {arguments:?}: {error}{}", stdout_of(&output));
    stdout_of(&output)
}
