//! The command line.

use clap::{ArgAction, Parser, Subcommand};

use crate::command::{
    accounts::Accounts, backup::Backup, console::Console, cost::CostArguments, demo::Demo,
    design::Design, dlq::Dlq, doctor::Doctor, events::Events, export::Export, failover::Failover,
    forget::Forget, import::Import, order::Order, partners::Partners, pattern::Pattern,
    payment::Payment, projections::Projections, replay::Replay, restore::Restore, review::Review,
    settle::Settle, simulate::Simulate, states::States, synth::Synth, token::Token, trace::Trace,
    up::Up, upgrade::Upgrade, webhook::Webhook,
};

/// An order-management shop whose services never call each other: they listen to events on one
/// bus, and answer with events.
#[derive(Debug, Parser)]
#[command(name = "chorus", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Start with `chorus demo`: seven example orders, event by event.")]
pub(crate) struct Arguments {
    /// Log more to standard error: -v logs warnings (`up` always does), -vv also progress, -vvv
    /// everything
    #[arg(short, long, action = ArgAction::Count, global = true, display_order = 900)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(Demo),
    Up(Up),
    Console(Console),
    Token(Token),
    Webhook(Webhook),
    Import(Import),
    Order(Order),
    Trace(Trace),
    Events(Events),
    Dlq(Dlq),
    Replay(Replay),
    Doctor(Doctor),
    Payment(Payment),
    Review(Review),
    Export(Export),
    Forget(Forget),
    Accounts(Accounts),
    Backup(Backup),
    Restore(Restore),
    Failover(Failover),
    Upgrade(Upgrade),
    Settle(Settle),
    Design(Design),
    Pattern(Pattern),
    States(States),
    Cost(CostArguments),
    Synth(Synth),
    Projections(Projections),
    Simulate(Simulate),
    Partners(Partners),
}

impl Command {
    /// Whether the command is a server, which runs until it is interrupted.
    pub(crate) const fn serves(&self) -> bool {
        matches!(self, Self::Up(_) | Self::Partners(_) | Self::Console(_))
    }
}
