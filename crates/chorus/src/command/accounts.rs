//! `chorus accounts`: prints the stock of all items, and all money that was charged or refunded.

use std::process::ExitCode;

use chorus_events::Money;
use chorus_order::Status;
use chorus_shop::Accounts as Books;
use clap::Args;

use crate::client::ApiRequest;
use crate::location::ShopLocation;
use crate::screen::{BAD, BOLD, DIM, GOOD, line};

/// How many items the command lists at most, unless `--all` is given.
const MOST: usize = 20;

/// Show all stock and all money that was charged or refunded, and whether they add up
///
/// Exit 1 if the counts of an item, or the amounts of an order that has ended, do not add up.
#[derive(Debug, Args)]
pub(crate) struct Accounts {
    #[command(flatten)]
    shop: ShopLocation,
    /// List every item
    #[arg(long)]
    all: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(accounts: &Accounts) -> anyhow::Result<ExitCode> {
    let client = accounts.shop.client()?;
    let books: Books = client.ask(ApiRequest::get("/operator/accounts")).await?;
    let open = books.count(Status::Open);
    let wrong: Vec<&String> = books.problems_of_ended.iter().collect();
    if accounts.json {
        line!("{}", serde_json::to_string_pretty(&books)?);
    } else {
        print_orders(&books, open);
        print_items(&books, accounts.all);
        print_problems(&wrong, open);
    }
    Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print_orders(books: &Books, open: usize) {
    let line = |name: &str, status| {
        let (count, worth) = (books.count(status), books.worth(status));
        line!("{BOLD}{name:<10}{BOLD:#} {count:>7} orders  {worth:>12}");
    };
    line("delivered", Status::Delivered);
    line("canceled", Status::Canceled);
    if open > 0 {
        line("under way", Status::Open);
    }
    let sum = |name: &str, sum: Money| line!("{BOLD}{name:<10}{BOLD:#} {sum:>29}");
    sum("charged", books.charged());
    sum("refunded", books.refunded());
    sum("kept", books.net_charged());
}

fn print_items(books: &Books, all: bool) {
    line!(
        "\n{DIM}{:<20} {:>9} {:>9} {:>9} {:>9}{DIM:#}",
        "item",
        "received",
        "available",
        "reserved",
        "sold"
    );
    let shown = if all { books.items.len() } else { MOST };
    for item in books.items.iter().take(shown) {
        line!(
            "{:<20} {:>9} {:>9} {:>9} {:>9}",
            item.sku.as_str(),
            item.received,
            item.available,
            item.reserved,
            item.sold
        );
    }
    if books.items.len() > shown {
        line!("{DIM}… and {} more: --all lists them{DIM:#}", books.items.len() - shown);
    }
}

fn print_problems(wrong: &[&String], open: usize) {
    if open > 0 {
        line!("\n{DIM}{open} orders are under way: they are not checked.{DIM:#}");
    }
    match wrong {
        [] => line!("\n{GOOD}Everything adds up.{GOOD:#}"),
        _ => {
            wrong.iter().for_each(|problem| line!("{BAD}✗{BAD:#} {problem}"));
            line!("{DIM}→ chorus doctor names the command that fixes each problem{DIM:#}");
        }
    }
}
