//! `chorus cost`: prints what an order costs on AWS, for each row of the design table.

use std::process::ExitCode;

use chorus_shop::cost::{Cost, CostOfOrder, MeasuredOrder, PRICES_AS_OF, Story, measure};
use clap::{Args, ValueEnum};

use crate::screen::{BAD, BOLD, DIM, line, note};

/// Print what an order costs on AWS, for each row of the design table
///
/// Prints the invocations, the requests to DynamoDB and their units, the events, the state
/// transitions, and the US dollars for a million orders. The order runs on the embedded engine,
/// whose store counts requests and units as DynamoDB bills them. Exit 1 if the order has one line,
/// and a row exceeds its budget in the design table.
#[derive(Debug, Args)]
pub(crate) struct CostArguments {
    /// How the order ends
    #[arg(long, value_enum, default_value_t = Ending::Delivered)]
    story: Ending,
    /// How many lines the order has
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=50))]
    lines: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Ending {
    Delivered,
    /// Canceled by its customer while the carrier has the parcel
    Canceled,
    /// Of high value: approved by a reviewer, then delivered
    Reviewed,
}

pub(crate) async fn run(arguments: &CostArguments) -> anyhow::Result<ExitCode> {
    let story = match arguments.story {
        Ending::Delivered => Story::Delivered,
        Ending::Canceled => Story::Canceled,
        Ending::Reviewed => Story::Reviewed,
    };
    let cost = measure(MeasuredOrder { story, lines: arguments.lines }).await?;
    if arguments.json {
        line!("{}", serde_json::to_string_pretty(&cost)?);
    } else {
        print(&cost);
    }
    // The budgets in the design table are for an order of one line.
    let above = if arguments.lines == 1 { cost.over_budget() } else { Vec::new() };
    for row in &above {
        let (requests, units) = (row.most_requests, row.most_write_units);
        match row.budget {
            Some(budget) => note!(
                "{BAD}above its budget:{BAD:#} for a message, {} makes {requests} requests and \
                 uses {units} write units; the design table allows {} requests and {} write units",
                row.action,
                budget.requests,
                budget.write_units
            ),
            None => note!(
                "{BAD}no budget in the design table:{BAD:#} add a budget to the row {}, which \
                 makes {requests} requests and uses {units} write units for a message",
                row.action
            ),
        }
    }
    Ok(if above.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(cost: &CostOfOrder) {
    line!(
        "{DIM}{:<24}{:>12}{:>9}{:>7}{:>7}{:>8}{:>12}{:>12}{DIM:#}",
        "row",
        "invocations",
        "requests",
        "reads",
        "writes",
        "events",
        "transitions",
        "$ a million"
    );
    for row in &cost.rows {
        line!("{}", line_of(&row.action, &row.cost));
    }
    line!("{BOLD}{}{BOLD:#}", line_of("together", &cost.order));
    if let Some(log) = &cost.batched_log {
        line!(
            "\nIf the event log read from a queue instead: at {} orders a second, it would store {:.0} \
             events in one invocation.\nA million orders would cost ${:.2}. An order would take {:.1} \
             invocations and {:.1} requests, and `chorus trace` would show its events up to {:.1} \
             seconds late.",
            log.orders_per_second,
            log.events_per_invocation,
            log.dollars_per_million,
            log.invocations,
            log.requests,
            log.seconds_behind
        );
    }
    line!(
        "\n{DIM}List prices of us-east-1 as of {PRICES_AS_OF}. The costs of compute time, logs \
         and the archive are estimates; the requests of the simulated partners are not counted.{DIM:#}"
    );
}

fn line_of(name: &str, cost: &Cost) -> String {
    let used = &cost.used;
    format!(
        "{name:<24}{:>12}{:>9}{:>7}{:>7}{:>8}{:>12}{:>12.2}",
        used.invocations,
        used.requests,
        used.read_units,
        used.write_units,
        used.events,
        used.transitions,
        cost.dollars_per_million
    )
}
