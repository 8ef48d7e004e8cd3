//! Prints the plan of a takeover, and the result of a takeover.

use std::collections::BTreeSet;

use chorus_events::OrderId;
use chorus_payment::Refund;
use chorus_shop::failover::Regions;
use chorus_shop::takeover::{Plan, Repaired, Resumed, Unmatched};
use serde_json::{Value, json};

use crate::screen::{BAD, BOLD, DIM, GOOD, line};

/// How many orders are printed in a list at most; --json prints all.
const MOST: usize = 20;

pub(super) fn plan(plan: &Plan, regions: &Regions) {
    let Regions { from, to } = regions;
    line!("{BOLD}{to} takes over from {from}.{BOLD:#} {to} knows {} orders.", plan.orders.len());
    let goes_on: BTreeSet<OrderId> = plan.open.difference(&plan.cancels).cloned().collect();
    orders("have not ended and go on", &goes_on);
    orders("are canceled: the other region had begun to cancel them", &plan.cancels);
    orders("are lost: their first event did not arrive here", &plan.lost);
    let refunded: BTreeSet<OrderId> =
        plan.refunds.iter().map(|refund| refund.order_id.clone()).collect();
    orders("have a charge that is refunded, or a prepared charge that is canceled", &refunded);
    orders("have a parcel that is recalled", &plan.recalls);
    let Plan { changed, torn, events, machines, .. } = plan;
    line!(
        "{changed} items are changed. {torn} of these are idempotency records of transactions that were \
         replicated only in part: they are deleted, and their messages are handled again."
    );
    let (events, machines) = (events.len(), machines.len());
    line!("{events} events are published, and {machines} state machines are started, once more.");
    line!(
        "{DIM}Requests that {from} accepted in its last moments, and that reached neither {to} nor a \
         partner, are not known here.{DIM:#}"
    );
}

fn orders(what: &str, orders: &BTreeSet<OrderId>) {
    line!("{BOLD}{}{BOLD:#} {what}", orders.len());
    for order_id in orders.iter().take(MOST) {
        line!("    {order_id}");
    }
    if orders.len() > MOST {
        line!("    {DIM}and {} more: --json lists them{DIM:#}", orders.len() - MOST);
    }
}

pub(super) fn done(regions: &Regions, repaired: &Repaired, resumed: &Resumed) {
    let Regions { from, to } = regions;
    let Resumed { published, started, .. } = resumed;
    line!(
        "{GOOD}{to} is active, and {from} no longer is.{GOOD:#} {published} events were published, \
         {started} state machines started, and the counts of {} items corrected.",
        repaired.corrected
    );
    left(repaired.by_hand.iter().chain(&resumed.by_hand));
}

/// Prints the steps that a person has to do.
fn left<'a>(by_hand: impl IntoIterator<Item = &'a String>) {
    for what in by_hand {
        line!("{BAD}to do by hand{BAD:#}: {what}");
    }
}

/// Prints the charges and parcels that do not fit the orders of the active region. `by_hand` are
/// the steps that a person has to do; `None` for a dry run.
pub(super) fn undone(
    is_json: bool,
    regions: &Regions,
    unmatched: &Unmatched,
    by_hand: Option<&[String]>,
) {
    let Regions { from, to } = regions;
    if is_json {
        let mut report = undone_as_json(unmatched, by_hand.unwrap_or_default());
        report["active"] = json!(to);
        report["dry-run"] = json!(by_hand.is_none());
        line!("{report:#}");
        return;
    }
    let Unmatched { refunds, cancels, recalls } = unmatched;
    line!("{GOOD}{to} is already active.{GOOD:#}");
    let charged = refunds.iter().map(|refund| refund.order_id.clone()).collect();
    orders(
        "lost orders have a charge, which is refunded, or a prepared charge, which is canceled",
        &charged,
    );
    let recalled = recalls.difference(cancels).cloned().collect();
    orders("lost orders have a parcel, which is recalled if it has not arrived yet", &recalled);
    orders(&format!("orders have a parcel that only {from} handed in: they are canceled"), cancels);
    match by_hand {
        Some(by_hand) => left(by_hand),
        None => line!(
            "{DIM}Nothing was changed. Add --yes to do it, and to disable the rules of {from}.{DIM:#}"
        ),
    }
}

/// Returns the charges and parcels to undo, in the form of the printed JSON and of the audit log.
pub(super) fn undone_as_json(unmatched: &Unmatched, by_hand: &[String]) -> Value {
    let Unmatched { refunds, cancels, recalls } = unmatched;
    let refunds = listed(refunds);
    json!({ "refunds": refunds, "cancels": cancels, "recalls": recalls, "by-hand": by_hand })
}

/// Returns the refunds, in the form of the printed JSON and of the audit log.
fn listed(refunds: &[Refund]) -> Vec<Value> {
    let refunds = refunds.iter();
    refunds.map(|it| json!({ "order-id": it.order_id, "intent": it.intent })).collect()
}

pub(super) fn json(
    plan: &Plan,
    regions: &Regions,
    done: Option<(&Repaired, &Resumed)>,
) -> anyhow::Result<()> {
    let report = json!({
        "from": regions.from, "to": regions.to, "dry-run": done.is_none(), "plan": plan,
        "refunds": listed(&plan.refunds),
        "events": plan.events.len(), "machines": plan.machines.len(),
        "done": done.map(|(repaired, resumed)| json!({ "repaired": repaired, "resumed": resumed })),
    });
    line!("{}", serde_json::to_string_pretty(&report)?);
    Ok(())
}
