//! Prints the doctor's findings in groups: the first of each group, and the command that fixes it.

use std::collections::BTreeMap;

use chorus_shop::doctor::{Checkup, Redriven, Stuck, Unpublished};

use crate::screen::{BAD, BOLD, DIM, GOOD, line};

/// How many findings of a kind are listed; --json lists all.
const MOST: usize = 5;

pub(super) fn print(checkup: &Checkup) {
    let Checkup { orders, stuck, unknowable, .. } = checkup;
    verdict(stuck.len(), &format!("of {orders} orders wait for an event that is overdue"));
    print_stuck(stuck);
    if *unknowable > 0 {
        line!(
            "{DIM}? {unknowable} orders cannot be checked: their idempotency records expired{DIM:#}"
        );
    }
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
    verdict(checkup.discrepancies.len(), "books disagree");
    print_groups(checkup.discrepancies.iter().map(|it| Finding {
        group: String::new(),
        text: format!("{BOLD}{}{BOLD:#}: {}", it.about, it.problem),
        remedy: it.remedy.clone(),
    }));
    verdict(checkup.failed_executions.len(), "executions failed, and their orders wait");
    print_groups(checkup.failed_executions.iter().map(|it| Finding {
        group: it.machine.clone(),
        text: format!("{BOLD}{}{BOLD:#}: {} of {}", it.order_id, it.status, it.machine),
        remedy: format!("chorus trace {0}, then chorus order cancel {0}", it.order_id),
    }));
    verdict(checkup.unpublished.len(), "records are not published");
    print_groups(checkup.unpublished.iter().map(unpublished));
    verdict(checkup.unavailable.len(), "partners do not answer, and what needs them waits");
    print_groups(checkup.unavailable.iter().map(|it| Finding {
        group: it.partner.clone(),
        text: format!("{BOLD}{}{BOLD:#}: since {}: {}", it.partner, it.since, it.reason),
        remedy: format!(
            "nothing: it is called again at {}, and so on until it answers",
            it.probe_at
        ),
    }));
    let redriven: usize = checkup.redriven.iter().map(|it| it.events).sum();
    verdict(redriven, "events failed in a function, and are tried again");
    for Redriven { queue, events, since } in &checkup.redriven {
        let since = since.map(|since| format!(", since {since:.0}")).unwrap_or_default();
        line!("    {BOLD}{queue}{BOLD:#}: {events}{since}");
    }
    if redriven > 0 {
        remedy("nothing, if the cause passes: seldom, for 13 days. Else read the function's log");
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

struct Finding {
    /// Findings of the same group are listed together.
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
            remedy: "nothing: the sweeper publishes it within minutes, if it runs".to_owned(),
        },
        Some(why) => Finding {
            group: format!("{action}, skipped"),
            text: format!("{text}; the sweeper skips it: {why}"),
            remedy: "if it is damaged: chorus restore a backup; if it is forged: find out who can write to the table".to_owned(),
        },
    }
}

/// Prints the orders that wait for the same row as one line with examples.
fn print_stuck(stuck: &[Stuck]) {
    let mut groups: BTreeMap<(&str, &str), Vec<&Stuck>> = BTreeMap::new();
    for one in stuck {
        groups.entry((&one.action, &one.after)).or_default().push(one);
    }
    for ((action, after), group) in groups {
        let Some(first) = group.first() else { continue };
        let (expected, within) = (first.expected.join(" or "), first.within_seconds);
        let count = group.len();
        line!("    {action} answers {after} with {expected} within {within} s; not for {count}:");
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

/// Returns the command for an order that waits for this row.
fn remedy_for(stuck: &Stuck) -> &'static str {
    match (&*stuck.action, &stuck.because) {
        ("ReviewOrder" | "CollectPayment", None) => "chorus review list, then approve or decline",
        (_, Some(because)) if because.starts_with("dead letter") => {
            "chorus dlq redrive the dead letter, once its cause is mended"
        }
        ("SendEmail" | "AlertOperator", _) => {
            "chorus trace ORDER; the email is tried again by itself, for a day"
        }
        _ => "chorus trace ORDER; it is tried again by itself, or chorus order cancel ORDER",
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
