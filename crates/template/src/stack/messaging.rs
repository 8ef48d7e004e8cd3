//! The bus, its archive, and its queues.

use std::collections::BTreeSet;

use chorus_table::policy::{BUS, QUEUE, QueuePolicy as QueuePacing};
use chorus_table::{Trigger, Via};
use serde_json::{Value, json};

use super::Stack;
use super::topology::{self, Topology};
use crate::Template;
use crate::constructs::{Archive, Bus, Queue, QueuePolicy, Rule, RuleTarget};
use crate::names;

pub(crate) fn add(template: &mut Template, stack: &Stack, topology: &Topology) {
    template.section("The bus. Services meet here and nowhere else.");
    template.add(names::BUS, &Bus);
    let pattern = archive_pattern(stack);
    template.add("Archive", &Archive { bus: names::BUS, pattern, days: "ArchiveDays" });
    template.section(
        "Dead letters: events that the bus could not deliver. The attributes of each message name the\n\
         rule, the target and the error. The sweeper logs each message, and moves it to DeadLetters for an\n\
         operator. If a queue is named after an action, another action consumes its messages instead.",
    );
    template.add(names::DEAD_LETTERS, &Queue::WITHOUT_CONSUMER);
    template.add(names::UNDELIVERED, &service_queue(names::SWEEPER));
    let rules = topology.rules_of_dead_letters(names::UNDELIVERED);
    let policy = QueuePolicy { queue: names::UNDELIVERED.to_owned(), rules };
    template.add(format!("{}Policy", names::UNDELIVERED), &policy);
    for (queue, service) in topology.consumed_dead_letters() {
        template.add(queue.clone(), &service_queue(service.name));
        let rules = topology.rules_of_dead_letters(&queue);
        template.add(format!("{queue}Policy"), &QueuePolicy { queue, rules });
    }
    queues(template, topology);
}

/// The event pattern of the archive: the source prefix of the catch-all row or, if the table has no
/// catch-all row, the sources of all events that rows consume or emit.
fn archive_pattern(stack: &Stack) -> Value {
    let rows = stack.table.rows;
    let prefix = rows.iter().find_map(|row| match row.trigger {
        Trigger::Every { source_prefix } => Some(source_prefix),
        Trigger::Messages => None,
    });
    let events = rows.iter().flat_map(|row| row.on.iter().chain(row.emits));
    let sources: BTreeSet<&str> = events.map(|event| event.owner.source()).collect();
    prefix.map_or_else(
        || json!({ "source": sources }),
        |prefix| json!({ "source": [{ "prefix": prefix }] }),
    )
}

/// Adds the queues between the bus and functions, each with the rules that send events to the
/// queue.
fn queues(template: &mut Template, topology: &Topology) {
    for service in topology.queued() {
        let queue = names::queue(service);
        template.section(format!(
            "{}'s queue: its function works at its own pace, and each message fails by itself. A\n\
             failed message is retried with growing pauses for a day: docs/adr/0004.",
            service.title
        ));
        template.add(queue.clone(), &service_queue(service.name));
        let filling = || topology.via(Via::Queue).filter(|rule| rule.row.service == service);
        let rules = filling().map(topology::rule_arn).collect();
        template.add(format!("{queue}Policy"), &QueuePolicy { queue: queue.clone(), rules });
        for rule in filling() {
            let construct = Rule {
                bus: names::BUS,
                name: rule.name.clone(),
                pattern: topology::pattern(rule),
                target: RuleTarget::Queue(queue.clone()),
                retry: BUS.into(),
                dead_letters: topology.dead_letters(rule),
                state: topology.state(rule),
            };
            template.add(topology::resource(rule), &construct);
        }
    }
}

/// A queue from which a function receives, with the retries and pauses of [`QUEUE`]. Messages that
/// still fail after all retries go to the function's failure queue.
fn service_queue(function: &str) -> Queue {
    received_by(function, &QUEUE)
}

/// A queue from which a function receives, with the retries and pauses of `policy`.
pub(crate) fn received_by(function: &str, policy: &QueuePacing) -> Queue {
    Queue {
        visibility_seconds: Some(policy.visibility.as_secs()),
        redrive: Some((names::failures(function), policy.retry.max_attempts)),
    }
}
