//! Prints the doctor's findings in groups: the first findings of each group, with advice such as a
//! command to run.

use std::collections::BTreeMap;

use chorus_shop::doctor::{
    Checkup, CloudAlarm, Redriven, Stuck, Unavailable, Unexamined, Unpublished, UnwritableFile,
};

use crate::screen::{BAD, BOLD, DIM, GOOD, line};

/// The maximum number of findings of one group that are printed; --json prints all.
const MOST: usize = 5;

pub(super) fn print(checkup: &Checkup) {
    let Checkup { standby, orders, stuck, .. } = checkup;
    if let Some(standby) = standby {
        line!("{BOLD}! on standby{BOLD:#}: {standby}");
        remedy(&standby.remedy());
    }
    verdict(stuck.len(), &format!("of {orders} orders wait for an event that is overdue"));
    print_stuck(stuck);
    print_what_is_unknown(checkup);
    verdict(checkup.attention.len(), "errors wait for an operator");
    let errors = checkup.attention.iter().map(|it| Finding {
        group: it.event.clone(),
        text: format!(
            "{BOLD}{}{BOLD:#}: {} since {:.0}: {}",
            it.order_id, it.event, it.since, it.reason
        ),
        remedy: it.remedy.clone(),
    });
    print_groups(errors);
    verdict(checkup.discrepancies.len(), "differences in money or stock");
    print_groups(checkup.discrepancies.iter().map(|it| Finding {
        group: String::new(),
        text: format!("{BOLD}{}{BOLD:#}: {}", it.about, it.problem),
        remedy: it.remedy.clone(),
    }));
    verdict(checkup.failed_executions.len(), "executions failed, and their orders wait");
    print_groups(checkup.failed_executions.iter().map(|it| Finding {
        group: it.machine.clone(),
        text: format!(
            "{BOLD}{}{BOLD:#}: status {} of the state machine {}",
            it.order_id, it.status, it.machine
        ),
        remedy: format!("chorus trace {0}, then chorus order cancel {0}", it.order_id),
    }));
    verdict(checkup.unpublished.len(), "records have unpublished events");
    print_groups(checkup.unpublished.iter().map(unpublished));
    verdict(checkup.unwritable.len(), "files cannot be written");
    for UnwritableFile { file, since, reason } in &checkup.unwritable {
        line!("    {BOLD}{file}{BOLD:#}: {reason}, since {since:.0}");
        remedy(
            "free space on the disk, or repair it; waiting deliveries are then retried automatically",
        );
    }
    verdict(checkup.unavailable.len(), "partners do not answer, and messages that need them wait");
    print_groups(checkup.unavailable.iter().map(|it| Finding {
        group: it.partner.clone(),
        text: format!("{BOLD}{}{BOLD:#}: since {:.0}: {}", it.partner, it.since, it.reason),
        remedy: remedy_of_outage(it),
    }));
    if let Some(alarms) = &checkup.alarms {
        print_alarms(alarms);
    }
    let redriven: usize = checkup.redriven.iter().map(|it| it.events).sum();
    verdict(redriven, "events failed in a function, and are tried again");
    for Redriven { queue, events, since } in &checkup.redriven {
        let since = since.map(|since| format!(", since {since:.0}")).unwrap_or_default();
        line!("    {BOLD}{queue}{BOLD:#}: {events}{since}");
    }
    if redriven > 0 {
        remedy(
            "nothing, if the cause is temporary: the events are tried again for 13 days. Otherwise read the function's log",
        );
    }
    verdict(checkup.dead_letters.iter().map(|depth| depth.letters).sum(), "dead letters");
    for depth in &checkup.dead_letters {
        line!("    {BOLD}{}{BOLD:#}: {}", depth.queue, depth.letters);
    }
    if !checkup.dead_letters.is_empty() {
        remedy("chorus dlq list, then chorus dlq redrive");
    }
    verdict(checkup.drift.len(), "rules differ from the design table");
    checkup.drift.iter().take(MOST).for_each(|line| line!("    {line}"));
    more(checkup.drift.len());
    if !checkup.drift.is_empty() {
        remedy("sam deploy, or chorus up, with this binary's release");
    }
}

/// Prints how many orders cannot be checked because their records have expired, and which parts of
/// the shop were not examined.
fn print_what_is_unknown(checkup: &Checkup) {
    let Checkup { unknowable, records_since, only_since, unexamined, .. } = checkup;
    if *unknowable > 0 {
        let expired = records_since.map(|since| format!(" before {since:.0}")).unwrap_or_default();
        line!(
            "{DIM}? {unknowable} orders cannot be checked: idempotency records of events{expired} \
             have expired, or are gone{DIM:#}"
        );
    }
    if let Some(since) = only_since {
        line!(
            "{DIM}? orders placed before {since:.0} were not examined, and may have errors{DIM:#}"
        );
        remedy("chorus doctor --since 90d, or an earlier time, examines them as well");
    }
    for Unexamined { what, reason, remedy: how } in unexamined {
        line!("{DIM}? {what} were not looked for: {reason}{DIM:#}");
        remedy(how);
    }
}

/// Returns the advice for a partner that does not answer.
fn remedy_of_outage(unavailable: &Unavailable) -> String {
    match unavailable.probe_at {
        Some(at) => format!(
            "nothing, if the partner answers soon: the next calls are made at {at:.0}; chorus trace \
             ORDER shows until when an event is tried again"
        ),
        None => "nothing, if the partner answers soon: the bus repeats each call for a day. \
                 Otherwise its address or key may be wrong; chorus dlq list shows the calls that were given up"
            .to_owned(),
    }
}

fn print_alarms(alarms: &[CloudAlarm]) {
    verdict(alarms.len(), "other alarms are firing");
    print_groups(alarms.iter().map(|it| Finding {
        group: it.name.clone(),
        text: format!(
            "{BOLD}{}{BOLD:#}: since {:.0}: {}: {}",
            it.name, it.since, it.description, it.reason
        ),
        remedy: "docs/OPERATIONS.md#alarms, or the README of the service".to_owned(),
    }));
}

struct Finding {
    /// The name of the finding's group. Findings of one group are listed together.
    group: String,
    text: String,
    remedy: String,
}

fn print_groups(findings: impl Iterator<Item = Finding>) {
    let mut groups: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    for finding in findings {
        groups.entry(finding.group.clone()).or_default().push(finding);
    }
    for group in groups.values() {
        for Finding { text, remedy: mends, .. } in group.iter().take(MOST) {
            line!("    {text}");
            remedy(mends);
        }
        more(group.len());
    }
}

fn unpublished(record: &Unpublished) -> Finding {
    let Unpublished { action, idempotency_key, recorded_at, unreadable } = record;
    let text = format!("{BOLD}{action}{BOLD:#} on {idempotency_key}, since {recorded_at}");
    match unreadable {
        None => Finding {
            group: action.clone(),
            text,
            remedy: "nothing, if the sweeper runs: it publishes the events within minutes".to_owned(),
        },
        Some(why) => Finding {
            group: format!("{action}, skipped"),
            text: format!("{text}; the sweeper skips this record: {why}"),
            remedy: "if the record is damaged: restore a backup (chorus restore); if it is forged: find out who can write to the table".to_owned(),
        },
    }
}

/// Prints one line, with examples, for each group of orders that wait for the same row of the
/// design table.
fn print_stuck(stuck: &[Stuck]) {
    let mut groups: BTreeMap<(&str, &str), Vec<&Stuck>> = BTreeMap::new();
    for one in stuck {
        groups.entry((&one.action, &one.after)).or_default().push(one);
    }
    for ((action, after), group) in groups {
        let Some(first) = group.first() else { continue };
        let (expected, within) = (first.expected.join(" or "), first.within_seconds);
        let count = group.len();
        line!(
            "    {action} has to publish {expected} within {within} s after {after}, and has not \
             done so for {count} orders:"
        );
        for one in group.iter().take(MOST) {
            let Stuck { order_id, overdue_seconds, since, .. } = one;
            line!("      {BOLD}{order_id}{BOLD:#}: {overdue_seconds} s late, since {since:.0}");
            if let Some(because) = &one.because {
                line!("        {DIM}{because}{DIM:#}");
            }
        }
        more(count);
        remedy(remedy_for(first));
    }
}

/// Returns the advice for an order that waits for the action of `stuck`, such as a command to run.
fn remedy_for(stuck: &Stuck) -> &'static str {
    match (&*stuck.action, &stuck.because) {
        ("ReviewOrder" | "CollectPayment", None) => {
            "chorus review list, then chorus review approve or decline; if the order has no review, \
             chorus trace ORDER"
        }
        (_, Some(because)) if because.starts_with("dead letter") => {
            "fix the cause of the dead letter, then chorus dlq redrive"
        }
        ("SendEmail" | "AlertOperator", _) => {
            "chorus trace ORDER shows until when the email is tried again"
        }
        _ => {
            "chorus trace ORDER shows until when the event is tried again; if it is no longer tried, \
             chorus order cancel ORDER"
        }
    }
}

fn more(count: usize) {
    if count > MOST {
        line!("      {DIM}… and {} more: --json lists all{DIM:#}", count - MOST);
    }
}

fn remedy(what: &str) {
    line!("      → {what}");
}

fn verdict(count: usize, what: &str) {
    let style = if count == 0 { GOOD } else { BAD };
    let mark = if count == 0 { "✓" } else { "✗" };
    line!("{style}{mark}{style:#} {count} {what}");
}
