//! Prints the result of an import.

use std::collections::BTreeMap;

use chorus_order::Status;
use chorus_shop::Accounts;
use serde_json::json;

use super::northwind::Northwind;
use crate::screen::{BAD, BOLD, GOOD, line};

/// Prints the orders' outcomes, the stock and the money, and whether stock and money add up.
pub(crate) fn print(northwind: &Northwind, accounts: &Accounts, json: bool) -> anyhow::Result<()> {
    let sum = |count: fn(&chorus_shop::ItemAccount) -> u64| -> u64 {
        accounts.items.iter().map(count).sum()
    };
    let received = sum(|item| item.received);
    let (available, sold) = (sum(|item| item.available), sum(|item| item.sold));
    let reasons = reasons(accounts);
    let (charged, worth) = (accounts.net_charged(), accounts.worth(Status::Delivered));
    if json {
        let printed = json!({
            "products": northwind.products.len(), "customers": northwind.customers.len(),
            "orders": northwind.orders.len(), "lines": northwind.lines(),
            "delivered": accounts.count(Status::Delivered),
            "canceled": accounts.count(Status::Canceled), "reasons": reasons,
            "stock": { "received": received, "available": available, "sold": sold },
            "money": { "charged": charged, "delivered": worth },
            "items": accounts.items, "problems": accounts.problems,
        });
        line!("{}", serde_json::to_string_pretty(&printed)?);
        return Ok(());
    }
    let (products, customers) = (northwind.products.len(), northwind.customers.len());
    let (orders, lines) = (northwind.orders.len(), northwind.lines());
    line!("{products} products, {customers} customers, {orders} orders with {lines} lines\n");
    line!("{BOLD}Orders{BOLD:#}");
    line!("  {:>5}  delivered", accounts.count(Status::Delivered));
    for (reason, count) in reasons {
        line!("  {count:>5}  canceled: {reason}");
    }
    line!("\n{BOLD}Stock{BOLD:#}   {received} received = {available} available + {sold} sold");
    line!("{BOLD}Money{BOLD:#}   {charged} charged = {worth} worth of delivered orders\n");
    if accounts.problems.is_empty() {
        line!("{GOOD}It adds up.{GOOD:#}");
    }
    for problem in &accounts.problems {
        line!("{BAD}It does not add up:{BAD:#} {problem}");
    }
    Ok(())
}

/// Counts the canceled orders by reason, ignoring the item that a reason names.
fn reasons(accounts: &Accounts) -> BTreeMap<String, usize> {
    let mut reasons = BTreeMap::new();
    for order in accounts.orders.iter().filter(|order| order.status == Status::Canceled) {
        let reason = order.reason.clone().unwrap_or_default();
        let kind = match reason.split_once(": ") {
            Some((kind, _)) => kind.to_owned(),
            None if reason.ends_with("is discontinued") => "an item is discontinued".to_owned(),
            None => reason,
        };
        *reasons.entry(kind).or_default() += 1;
    }
    reasons
}
