//! One function for each service, with its role, failure queue and logs.

use chorus_http::HttpFunction;
use chorus_kernel::PERSON_KEYS_TABLE;
use chorus_table::Rule;
use chorus_table::policy::{BUS, REDRIVE};
use chorus_table::{KeyUse, Service, Via};
use serde_json::{Value, json};

use super::messaging::received_by;
use super::parameters::IS_PROD;
use super::topology::{self, Topology};
use super::{Stack, api, grants, machines};
use crate::constructs::{
    EventRule, EventSource, Function, LogGroup, Principal, Queue, Role, Schedule, Statement,
};
use crate::intrinsics::{arn, either, reference};
use crate::machine::Machine;
use crate::names;
use crate::{Application, Template};

const EVERY_MINUTE: &str = "rate(1 minute)";

/// The environment variable that lists, for each row, the events that the sweeper may publish.
const ROW_OUTPUTS: &str = "ROW_OUTPUTS";

/// The environment variable with the URL of the queue to which the sweeper moves events that the
/// bus could not deliver.
const DEAD_LETTERS_URL: &str = "DEAD_LETTERS_URL";

const SWEEP: &str = r#"{"sweep": true}"#;

pub(crate) fn add(
    template: &mut Template,
    stack: &Stack,
    topology: &Topology,
    HttpFunction { function, routes }: &HttpFunction,
) {
    let service = function.service;
    template.section(story(topology, service));
    let statements = grants::of_service(topology, function, &stack.application);
    let mut environment: Vec<(String, Value)> = function
        .tables
        .iter()
        .map(|table| (names::table_variable(table.name), reference(&names::table(table.name))))
        .collect();
    if topology.key_use(service) != KeyUse::None {
        let keys = PERSON_KEYS_TABLE.name;
        environment.push((names::table_variable(keys), reference(&names::table(keys))));
    }
    let own = topology.machines.iter().filter(|machine| machine.service == service);
    environment.extend(machine_variables(topology, own));
    let application = &stack.application;
    let variables = application.variables.iter().filter(|(whose, ..)| *whose == service);
    environment.extend(variables.map(|(_, name, value)| (name.clone(), value.clone())));
    environment.extend(api::token_variables(routes));
    let construct = Function {
        description: format!("{}: answers events with events", service.title),
        environment,
        events: events(topology, service),
        binary: binary(application, service),
        ..function_with_defaults(topology, service.name, (application.folder)(service))
    };
    add_function_resources(template, service.name, statements);
    if let Some(queue) = topology.redrive(service.name) {
        template.add(queue, &received_by(service.name, &REDRIVE));
    }
    template.add(names::function(service.name), &construct);
}

/// Adds the sweeper, a function that publishes the events that a service committed, but did not
/// publish. The sweeper also logs the events that the bus could not deliver.
pub(crate) fn add_sweeper(template: &mut Template, stack: &Stack, topology: &Topology) {
    template.section(
        "The sweeper: publishes committed events that were left unpublished, every minute. It logs the\n\
         events that the bus could not deliver.",
    );
    let name = names::SWEEPER;
    add_function_resources(template, name, grants::of_sweeper(topology));
    let role = names::role("sweeper-schedule");
    let function = vec![arn(&names::function(name))];
    let invoke = Statement::new("Invoke", &["lambda:InvokeFunction"], function);
    template.add(role.clone(), &Role { principal: Principal::Scheduler, statements: vec![invoke] });
    let schedule = Schedule { expression: EVERY_MINUTE, input: SWEEP, role };
    let construct = Function {
        description: "Publishes committed events that were left unpublished".to_owned(),
        environment: machine_variables(topology, topology.machines.iter())
            .into_iter()
            .chain([
                (ROW_OUTPUTS.to_owned(), json!(grants::outputs(topology).to_string())),
                (DEAD_LETTERS_URL.to_owned(), reference(names::DEAD_LETTERS)),
            ])
            .collect(),
        events: vec![
            ("EveryMinute".to_owned(), EventSource::Schedule(schedule)),
            (names::UNDELIVERED.to_owned(), EventSource::Queue(names::UNDELIVERED.to_owned())),
        ],
        ..function_with_defaults(topology, name, stack.application.sweeper.to_owned())
    };
    template.add(names::function(name), &construct);
}

/// The environment variables with the ARNs and the timeouts of the state machines that an action
/// starts. Nested machines, which other machines start, are left out.
fn machine_variables<'a>(
    topology: &Topology,
    machines: impl Iterator<Item = &'a Machine>,
) -> Vec<(String, Value)> {
    let started = machines.filter(|machine| machine.is_started_by_a_row(topology.rows));
    let variables = started.flat_map(|machine| {
        let name = machine.spec.name;
        let arn = (names::machine_variable(name), machines::arn_by_name(name));
        let limits = machines::limits(&machine.spec);
        let limits = limits.map(|limits| (names::limits_variable(name), limits));
        std::iter::once(arn).chain(limits)
    });
    variables.collect()
}

/// The binary of a service, which has the service's name. In stages other than prod, a service may
/// instead run a binary that simulates partners.
fn binary(application: &Application, service: Service) -> Value {
    let simulated = application.simulated.iter().find(|(whose, _)| *whose == service);
    let real = json!(service.name);
    match simulated {
        Some((_, simulated)) => either(IS_PROD, real, json!(simulated)),
        None => real,
    }
}

/// A function with the settings that every function has.
fn function_with_defaults(topology: &Topology, name: &str, folder: String) -> Function {
    Function {
        name: name.to_owned(),
        binary: json!(name),
        folder,
        description: String::new(),
        role: names::role(name),
        on_failure: topology.redrive(name).unwrap_or_else(|| names::failures(name)),
        failures: names::failures(name),
        environment: Vec::new(),
        events: Vec::new(),
    }
}

/// Adds the resources that every function needs: a log group, a failure queue and a role.
fn add_function_resources(template: &mut Template, name: &str, statements: Vec<Statement>) {
    let log_group = LogGroup {
        name: format!("/aws/lambda/${{AWS::StackName}}-{name}"),
        days: "LogRetentionDays",
    };
    template.add(names::logs(name), &log_group);
    template.add(names::failures(name), &Queue::WITHOUT_CONSUMER);
    template.add(names::role(name), &Role { principal: Principal::Lambda, statements });
}

/// The event sources of a service's function: the rules that invoke the function, and the queues
/// from which it receives messages.
fn events(topology: &Topology, service: Service) -> Vec<(String, EventSource)> {
    let of_service = |rule: &&Rule| rule.row.service == service;
    let rules = topology.via(Via::Function).filter(of_service).map(|rule| {
        let event_rule = EventRule {
            bus: names::BUS,
            name: rule.name.clone(),
            pattern: topology::pattern(rule),
            retry: BUS.into(),
            dead_letters: topology.dead_letters(rule),
            state: topology.state(rule),
        };
        (rule.row.action.to_owned(), EventSource::Rule(event_rule))
    });
    let queues = topology.sources(service).into_iter();
    rules.chain(queues.map(|queue| (queue.clone(), EventSource::Queue(queue)))).collect()
}

/// Makes the comment above a service's resources: the service's title and its rows.
fn story(topology: &Topology, service: Service) -> String {
    let rows = topology.rows.iter().filter(|row| row.service == service);
    let lines = rows.map(|row| format!("  {}: {}", row.title, row.meaning));
    std::iter::once(service.title.to_owned()).chain(lines).collect::<Vec<_>>().join("\n")
}
