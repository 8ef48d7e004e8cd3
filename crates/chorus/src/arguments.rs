//! What can be said on the command line.

use clap::{Parser, Subcommand};

use crate::command::design::Design;

/// An order-management shop whose services never call each other: they listen to events on one
/// bus, and answer with events.
#[derive(Debug, Parser)]
#[command(name = "chorus", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Start with `chorus demo`: five stories, told event by event.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print the design table, or prove that its flow closes
    Design(Design),
}
