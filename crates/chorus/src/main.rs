//! `chorus`: runs the whole shop, and inspects it.

mod arguments;
mod client;
mod command;
mod interruption;
mod location;
mod machine_steps;
mod provider;
mod screen;
mod stack;
mod timeline;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::arguments::{Arguments, Command};

/// The embedded engine allocates and frees many events and items. With the default allocator, this
/// takes at least a fifth of the time of an order.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log(arguments.verbose, arguments.command.serves());
    let ended = run(arguments.command).await;
    ended.and_then(|code| screen::check_output().map(|()| code)).unwrap_or_else(|error| {
        screen::error(&error);
        ExitCode::FAILURE
    })
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(demo) => command::demo::run(&demo).await,
        Command::Up(up) => command::up::run(&up).await,
        Command::Console(console) => command::console::run(&console).await,
        Command::Token(token) => command::token::run(&token).await,
        Command::Webhook(webhook) => command::webhook::run(&webhook).await,
        Command::Import(import) => command::import::run(&import).await,
        Command::Order(order) => command::order::run(&order).await,
        Command::Trace(trace) => command::trace::run(&trace).await,
        Command::Events(events) => command::events::run(&events).await,
        Command::Dlq(dlq) => command::dlq::run(&dlq).await,
        Command::Replay(replay) => command::replay::run(&replay).await,
        Command::Doctor(doctor) => command::doctor::run(&doctor).await,
        Command::Payment(payment) => command::payment::run(&payment).await,
        Command::Review(review) => command::review::run(&review).await,
        Command::Export(export) => command::export::run(&export).await,
        Command::Forget(forget) => command::forget::run(&forget).await,
        Command::Accounts(accounts) => command::accounts::run(&accounts).await,
        Command::Backup(backup) => command::backup::run(&backup).await,
        Command::Restore(restore) => command::restore::run(&restore).await,
        Command::Failover(failover) => command::failover::run(&failover).await,
        Command::Upgrade(upgrade) => command::upgrade::run(&upgrade).await,
        Command::Settle(settle) => command::settle::run(&settle).await,
        Command::Cost(cost) => command::cost::run(&cost).await,
        Command::Design(design) => command::design::run(&design),
        Command::Pattern(pattern) => command::pattern::run(&pattern),
        Command::States(states) => command::states::run(&states),
        Command::Simulate(simulate) => command::simulate::run(&simulate),
        Command::Synth(synth) => command::synth::run(&synth),
        Command::Partners(partners) => command::partners::run(&partners).await,
        Command::Projections(projections) => command::projections::run(&projections).await,
    }
}

/// Sets up logging to standard error, because standard output has the command's results. A server
/// also logs warnings; other commands report problems in their results.
fn log(verbose: u8, serves: bool) {
    let level = match verbose {
        0 if !serves => "error",
        0 | 1 => "warn",
        2 => "info",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    lines
        // If a log line cannot be written to standard error, the logger reports that on standard
        // error. This report would panic, and end the engine's tasks.
        .log_internal_errors(false)
        // Colour codes in a file disturb the tools that read the file.
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .init();
}
