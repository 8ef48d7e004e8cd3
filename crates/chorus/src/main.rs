//! `chorus`: the whole shop on one command, and everything to look into it.

mod arguments;
mod command;
mod screen;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Command::Design(design) => command::design::run(&design),
    };
    done.unwrap_or_else(|error| {
        screen::error(&error);
        ExitCode::FAILURE
    })
}
