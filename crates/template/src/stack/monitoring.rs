//! Alarms and the dashboard.

use serde_json::{Value, json};

use super::Stack;
use super::api::API;
use super::topology::Topology;
use crate::Template;
use crate::constructs::{Alarm, Dashboard, MINUTE};
use crate::intrinsics::{attribute, reference};
use crate::machine::Machine;
use crate::names;

/// The number of visible messages in a queue.
const DEPTH: (&str, &str) = ("AWS/SQS", "ApproximateNumberOfMessagesVisible");
/// The number of hidden messages in a queue: a function works on them, or they wait for a retry.
const HIDDEN: (&str, &str) = ("AWS/SQS", "ApproximateNumberOfMessagesNotVisible");
/// The age of a queue's oldest message, in seconds.
const AGE: (&str, &str) = ("AWS/SQS", "ApproximateAgeOfOldestMessage");

pub(crate) fn add(template: &mut Template, stack: &Stack, topology: &Topology) {
    template.section(
        "Alarms. Those on dead letters and failures need an operator: docs/OPERATIONS.md.",
    );
    for alarm in alarms(stack, topology) {
        let id: String = alarm.name.split('-').map(names::pascal).collect();
        template.add(id + "Alarm", &alarm);
    }
    template.section("The dashboard: events on the bus, failures, and waiting messages.");
    template.add("Dashboard", &Dashboard { widgets: widgets(stack, topology) });
}

fn alarms(stack: &Stack, topology: &Topology) -> Vec<Alarm> {
    let mut alarms = vec![
        depth(names::DEAD_LETTERS, "dead-letters", "The bus could not deliver an event"),
        age(names::DEAD_LETTERS, "dead-letters", 86_400),
        age(names::UNDELIVERED, "undelivered", 900),
    ];
    let dead = topology.consumed_dead_letters();
    alarms.extend(dead.iter().map(|(queue, _)| age(queue, &names::kebab(queue), 900)));
    let queued = topology.queued();
    alarms.extend(
        queued
            .iter()
            .map(|service| age(&names::queue(*service), &format!("{}-queue", service.name), 900)),
    );
    for name in &topology.functions {
        let means = format!("The {name} function failed on an event in all retries");
        alarms.push(depth(&names::failures(name), &format!("{name}-failures"), &means));
        alarms.extend(topology.redrive(name).map(|queue| redriven(&queue, name)));
        alarms.push(function(name, "Errors", 9, 5));
        alarms.push(function(name, "Throttles", 0, 3));
    }
    for machine in &topology.machines {
        let name = machine.spec.name;
        let subject = stack.application.subject;
        alarms.push(executions(name, subject, "ExecutionsFailed", 0, 1));
        alarms.push(executions(name, subject, "ExecutionsTimedOut", 0, 1));
        alarms.push(executions(name, subject, "ExecutionThrottled", 0, 3));
    }
    let alerts = |rule: &&chorus_table::Rule| stack.application.alerts.contains(&rule.row.action);
    alarms.extend(topology.rules.iter().filter(alerts).map(alert));
    alarms.extend(topology.rules.iter().filter_map(unanswered));
    alarms.extend(stack.has_api().then(api_errors));
    alarms
}

/// Fires when a function keeps failing on an event. The metric counts hidden messages, because an
/// event that waits for its next retry is hidden. The alarm cannot use the age of the oldest
/// message, because SQS leaves messages that were received three times out of that metric.
fn redriven(queue: &str, function: &str) -> Alarm {
    let description = format!("The {function} function has failed on an event for an hour");
    let of_queue = of_queue(queue, format!("{function}-redrive"), description);
    Alarm { metric: HIDDEN, statistic: "Minimum", above: (0, 60), ..of_queue }
}

/// Fires on every event that this rule matches, because an operator has to act on each event.
fn alert(rule: &chorus_table::Rule) -> Alarm {
    let action = rule.row.action;
    Alarm {
        name: names::kebab(action),
        description: format!("An event for {action} needs an operator: chorus doctor lists it"),
        metric: ("AWS/Events", "MatchedEvents"),
        dimensions: vec![("EventBusName", reference(names::BUS)), ("RuleName", json!(rule.name))],
        statistic: "Sum",
        period: MINUTE,
        above: (0, 1),
    }
}

/// Fires while a partner does not answer the calls that the bus makes for this rule; `None` if the
/// rule calls no partner. The bus repeats a call at growing intervals, so the alarm counts retries
/// over a quarter of an hour.
fn unanswered(rule: &chorus_table::Rule) -> Option<Alarm> {
    let partner = rule.row.partner()?;
    let description = format!("The {} does not answer: the bus repeats its calls", partner.name);
    let name = format!("{}-retries", names::kebab(rule.row.action));
    let metric = ("AWS/Events", "RetryInvocationAttempts");
    Some(Alarm { name, description, metric, period: 15 * MINUTE, above: (2, 1), ..alert(rule) })
}

fn api_errors() -> Alarm {
    Alarm {
        name: "api-errors".to_owned(),
        description: "The HTTP API answers with 5xx".to_owned(),
        metric: ("AWS/ApiGateway", "5xx"),
        dimensions: vec![("ApiId", reference(API))],
        statistic: "Sum",
        period: MINUTE,
        above: (0, 3),
    }
}

fn depth(queue: &str, name: &str, means: &str) -> Alarm {
    let description = format!("{means}: look into it, then redrive it");
    of_queue(queue, format!("{name}-depth"), description)
}

/// Fires while a queue contains a message.
fn of_queue(queue: &str, name: String, description: String) -> Alarm {
    Alarm {
        name,
        description,
        metric: DEPTH,
        dimensions: vec![("QueueName", attribute(queue, "QueueName"))],
        statistic: "Maximum",
        period: MINUTE,
        above: (0, 1),
    }
}

fn age(queue: &str, name: &str, seconds: u32) -> Alarm {
    let description = format!("A message has waited in {queue} for more than {seconds} seconds");
    let of_queue = of_queue(queue, format!("{name}-age"), description);
    Alarm { metric: AGE, above: (seconds, 1), ..of_queue }
}

/// Fires while a function's errors continue: while `metric` exceeds `threshold` in each of
/// `periods` minutes.
fn function(name: &str, metric: &'static str, threshold: u32, periods: u32) -> Alarm {
    Alarm {
        name: format!("{name}-{}", metric.to_ascii_lowercase()),
        description: format!("{metric} of the {name} function continue"),
        metric: ("AWS/Lambda", metric),
        dimensions: vec![("FunctionName", reference(&names::function(name)))],
        statistic: "Sum",
        period: MINUTE,
        above: (threshold, periods),
    }
}

/// Fires when executions of a state machine fail, time out or are throttled, according to `metric`.
/// If an execution has published no event, `subject`, such as an order, makes no progress.
fn executions(
    machine: &str,
    subject: &str,
    metric: &'static str,
    threshold: u32,
    periods: u32,
) -> Alarm {
    Alarm {
        name: format!("{}-{}", names::kebab(machine), names::kebab(metric)),
        description: format!("{metric} of {machine}: {subject} may wait for it"),
        metric: ("AWS/States", metric),
        dimensions: vec![("StateMachineArn", reference(&names::machine(machine)))],
        statistic: "Sum",
        period: MINUTE,
        above: (threshold, periods),
    }
}

/// The dashboard's lines for the numbers of started and ended executions of each state machine.
fn machine_lines(topology: &Topology) -> Vec<Value> {
    const METRICS: [&str; 4] =
        ["ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut"];
    let lines = |machine: &Machine| {
        let arn = format!("${{{}}}", names::machine(machine.spec.name));
        METRICS.map(|metric| json!(["AWS/States", metric, "StateMachineArn", arn]))
    };
    topology.machines.iter().flat_map(lines).collect()
}

fn widgets(stack: &Stack, topology: &Topology) -> Vec<Value> {
    let function = |metric: &'static str| {
        move |name: &&'static str| {
            json!(["AWS/Lambda", metric, "FunctionName", format!("${{{}}}", names::function(name))])
        }
    };
    let functions = |metric| topology.functions.iter().map(function(metric)).collect::<Vec<_>>();
    let rule = |rule: &chorus_table::Rule| {
        let bus = format!("${{{}}}", names::BUS);
        json!(["AWS/Events", "MatchedEvents", "EventBusName", bus, "RuleName", rule.name])
    };
    let depth =
        |queue: String| json!([DEPTH.0, DEPTH.1, "QueueName", format!("${{{queue}.QueueName}}")]);
    let consumed = topology.consumed_dead_letters().into_iter().map(|(queue, _)| queue);
    let failures = topology.functions.iter().map(|name| names::failures(name));
    let queued = topology.queued().into_iter().map(names::queue);
    let queues = [names::DEAD_LETTERS.to_owned()].into_iter();
    let queues =
        queues.chain(consumed).chain(failures).chain(queued).map(depth).collect::<Vec<_>>();
    let mut widgets = vec![
        widget("Events by rule", (0, 0), &topology.rules.iter().map(rule).collect::<Vec<_>>()),
        widget("What waits: dead letters, failures, queues", (12, 0), &queues),
        widget("Invocations", (0, 7), &functions("Invocations")),
        widget("Errors", (12, 7), &functions("Errors")),
        widget("Duration", (0, 14), &functions("Duration")),
    ];
    if stack.has_api() {
        let api = format!("${{{API}}}");
        let line = |metric| json!(["AWS/ApiGateway", metric, "ApiId", api]);
        widgets.push(widget("API", (12, 14), &["Count", "4xx", "5xx"].map(line)));
    }
    if !topology.machines.is_empty() {
        widgets.push(widget("State machines", (0, 21), &machine_lines(topology)));
    }
    widgets
}

fn widget(title: &str, (x, y): (u32, u32), metrics: &[Value]) -> Value {
    let statistic = match title {
        "Duration" => "p99",
        title if title.starts_with("What") => "Maximum",
        _ => "Sum",
    };
    json!({
        "type": "metric",
        "x": x,
        "y": y,
        "width": 12,
        "height": 7,
        "properties": {
            "title": title,
            "region": "${AWS::Region}",
            "stat": statistic,
            "period": 60,
            "metrics": metrics,
        },
    })
}
