//! What can be said on the command line.

use clap::{ArgAction, Parser, Subcommand};

use crate::command::{
    accounts::Accounts, backup::Backup, cost::CostArguments, demo::Demo, design::Design, dlq::Dlq,
    doctor::Doctor, events::Events, import::Import, order::Order, partners::Partners,
    pattern::Pattern, payment::Payment, projections::Projections, replay::Replay, restore::Restore,
    review::Review, settle::Settle, simulate::Simulate, states::States, synth::Synth, token::Token,
    trace::Trace, up::Up, upgrade::Upgrade,
};

/// An order-management shop whose services never call each other: they listen to events on one
/// bus, and answer with events.
#[derive(Debug, Parser)]
#[command(name = "chorus", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Start with `chorus demo`: seven stories, told event by event.")]
pub(crate) struct Arguments {
    /// Say more on standard error: -v warnings, -vv what happens, -vvv everything
    #[arg(short, long, action = ArgAction::Count, global = true, display_order = 900)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Tell seven orders' stories on a shop that is gone afterwards
    Demo(Demo),
    /// Run the whole shop on this machine
    Up(Up),
    /// Print a token for the API: a customer's, staff's, a reviewer's or an operator's
    Token(Token),
    /// Fill a shop with Northwind's items and customers, and place its 830 orders
    Import(Import),
    /// Place, show, list or cancel orders
    Order(Order),
    /// Draw what an order went through, as a tree of causes
    Trace(Trace),
    /// List events: an order's, or the newest
    Events(Events),
    /// Look at dead letters, and send them to their targets again
    Dlq(Dlq),
    /// Deliver archived events again, and see first what that would do
    Replay(Replay),
    /// Name what is wrong, and the command that mends it
    Doctor(Doctor),
    /// Show a payment, and have a refused refund tried again
    Payment(Payment),
    /// List the orders that wait for a reviewer, and decide them
    Review(Review),
    /// Show where all items and all money are, and whether it adds up
    Accounts(Accounts),
    /// Copy a shop, running or not, as it is at one moment
    Backup(Backup),
    /// Make a shop of a backup
    Restore(Restore),
    /// Say beforehand what this release would make of the orders of another
    Upgrade(Upgrade),
    /// Record that you have dealt with what doctor found of an order
    Settle(Settle),
    /// Print the design table, or prove that its flow closes
    Design(Design),
    /// Try event patterns exactly as EventBridge matches them
    Pattern(Pattern),
    /// Validate, run and draw state machines in Amazon States Language
    States(States),
    /// Print what an order costs on AWS, row by row
    Cost(CostArguments),
    /// Print or check template.yaml, the stack that derives from the design table
    Synth(Synth),
    /// Rebuild what is derived from the orders' own events
    Projections(Projections),
    /// Run the whole shop under a virtual clock, struck by faults from a seed
    Simulate(Simulate),
    /// Run the simulated carrier on its own, beside a shop on an emulator or on AWS
    Partners(Partners),
}
