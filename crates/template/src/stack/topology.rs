//! How services are connected: the rules, queues and machines that derive from the table.

use std::collections::BTreeSet;

use chorus_table::{KeyUse, OutsideBus, Partner, Replay, RowSpec, Rule, Sender, Service, Via};
use serde_json::{Value, json};

use super::Stack;
use super::partners::has_endpoint;
use crate::intrinsics::{arn, either, only_if, reference};
use crate::machine::Machine;
use crate::names;

/// The rules of the table, and the queues and state machines that derive from the table.
pub(crate) struct Topology {
    pub(crate) rows: &'static [RowSpec],
    /// One rule for each row that consumes events.
    pub(crate) rules: Vec<Rule>,
    /// The state machines of all services.
    pub(crate) machines: Vec<Machine>,
    /// The state machines of earlier releases, each with its service. Executions of these machines
    /// may still wait for their task tokens to be returned.
    pub(crate) retired: Vec<(Service, &'static str)>,
    /// The names of all functions: one for each service, and the sweeper.
    pub(crate) functions: Vec<&'static str>,
}

impl Topology {
    pub(crate) fn of(stack: &Stack) -> Self {
        let rules = stack.table.rules();
        let services = stack.functions.iter().map(|function| function.function.service.name);
        let functions = services.chain([names::SWEEPER]).collect();
        let functions_of_services = stack.functions.iter().map(|function| &function.function);
        let retired = functions_of_services.flat_map(|function| {
            function.retired_machines.iter().map(|machine| (function.service, machine.name))
        });
        Self {
            rows: stack.table.rows,
            rules,
            machines: Machine::all(stack),
            retired: retired.collect(),
            functions,
        }
    }

    /// The `State` of a rule:
    ///
    /// - The rule of an optional row is enabled if the address of the service's partner, or the ARN
    ///   of the service's bus in another account, is set.
    /// - A rule for commands from a partner's account is enabled if that account is set.
    /// - Any other rule is always enabled; its state is null.
    pub(crate) fn state(&self, rule: &Rule) -> Value {
        let of_service = |row: &&RowSpec| row.optional && row.service == rule.row.service;
        let condition = |row: &RowSpec| {
            let partner = row.partner().map(has_endpoint);
            partner.or_else(|| row.outside_bus().map(names::has_bus))
        };
        let condition = self.rows.iter().filter(of_service).find_map(condition);
        let sent = rule.row.commands_from.map(|sender| names::has_sender(sender.partner));
        match sent.or(condition.filter(|_| rule.row.optional)) {
            Some(condition) => either(&condition, json!("ENABLED"), json!("DISABLED")),
            None => Value::Null,
        }
    }

    /// The buses of other accounts to which rows forward events, or from which commands come.
    pub(crate) fn outside_buses(&self) -> BTreeSet<OutsideBus> {
        let senders = self.senders().into_iter().map(|sender| sender.through);
        self.rows.iter().filter_map(RowSpec::outside_bus).chain(senders).collect()
    }

    /// The partners whose accounts send commands.
    pub(crate) fn senders(&self) -> BTreeSet<Sender> {
        self.rows.iter().filter_map(|row| row.commands_from).collect()
    }

    /// How the rows of a service use people's encryption keys: the highest [`KeyUse`] of any row.
    pub(crate) fn key_use(&self, service: Service) -> KeyUse {
        let rows = self.rows.iter().filter(|row| row.service == service);
        rows.map(|row| row.keys).max().unwrap_or(KeyUse::None)
    }

    /// The rules of the rows to which the bus delivers events by `via`, such as through a queue.
    pub(crate) fn via(&self, via: Via) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| rule.row.via == via)
    }

    /// The rules whose events the bus sends to this partner.
    pub(crate) fn calls(&self, partner: Partner) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| rule.row.partner() == Some(partner))
    }

    /// The services with a queue between the bus and their function.
    pub(crate) fn queued(&self) -> BTreeSet<Service> {
        self.via(Via::Queue).map(|rule| rule.row.service).collect()
    }

    /// The service that consumes the dead letters of `action`.
    pub(crate) fn dead_letter_consumer(&self, action: &str) -> Option<Service> {
        let consumes = |rule: &&Rule| rule.row.dead_letters_of == Some(action);
        self.rules.iter().find(consumes).map(|rule| rule.row.service)
    }

    /// The queue for events that a rule cannot deliver: the rule's own queue if a row consumes the
    /// rule's dead letters; otherwise [`names::UNDELIVERED`], which all other rules share.
    pub(crate) fn dead_letters(&self, rule: &Rule) -> String {
        let action = rule.row.action;
        self.dead_letter_consumer(action).map_or_else(
            || names::UNDELIVERED.to_owned(),
            |_| format!("{action}{}", names::DEAD_LETTERS),
        )
    }

    /// Every queue of dead letters that a row consumes, with the row's service.
    pub(crate) fn consumed_dead_letters(&self) -> Vec<(String, Service)> {
        let consumed = |rule: &Rule| {
            self.dead_letter_consumer(rule.row.action)
                .map(|service| (self.dead_letters(rule), service))
        };
        self.rules.iter().filter_map(consumed).collect()
    }

    /// The queue from which a function receives again the events on which all of Lambda's attempts
    /// failed; `None` if no rule invokes the function.
    pub(crate) fn redrive(&self, function: &str) -> Option<String> {
        let mut invoked = self.via(Via::Function).map(|rule| rule.row.service.name);
        invoked.any(|service| service == function).then(|| names::redrive(function))
    }

    /// The queues from which a service's function receives messages.
    pub(crate) fn sources(&self, service: Service) -> Vec<String> {
        let own = self.queued().contains(&service).then(|| names::queue(service));
        let dead = self.consumed_dead_letters().into_iter();
        own.into_iter()
            .chain(self.redrive(service.name))
            .chain(dead.filter(|(_, whose)| *whose == service).map(|(queue, _)| queue))
            .collect()
    }

    /// The ARNs of the rules whose dead letters go to `queue`.
    pub(crate) fn rules_of_dead_letters(&self, queue: &str) -> Vec<Value> {
        let of_queue = self.rules.iter().filter(|rule| self.dead_letters(rule) == queue);
        of_queue.map(rule_arn).collect()
    }
}

/// The ARN of a rule. A rule that forwards to a bus of another account exists only if the ARN of
/// that bus is set; otherwise, the value is `AWS::NoValue`.
pub(crate) fn rule_arn(rule: &Rule) -> Value {
    let always = arn(&resource(rule));
    match rule.row.outside_bus() {
        Some(bus) => only_if(&names::has_bus(bus), always),
        None => always,
    }
}

/// The logical id of a rule.
pub(crate) fn resource(rule: &Rule) -> String {
    let (service, action) = (rule.row.service, rule.row.action);
    match rule.row.via {
        Via::Function => names::function_rule(&names::function(service.name), action),
        Via::Queue | Via::ApiDestination(_) | Via::Bus(_) => names::rule(service, action),
    }
}

/// The event pattern of a rule. If the bus calls a partner or forwards to another bus, the pattern
/// excludes replayed events: they must not be sent again, and no code of ours runs that could
/// ignore them. A rule for a partner's commands matches only events from the partner's account.
pub(crate) fn pattern(rule: &Rule) -> Value {
    let mut pattern = rule.pattern.clone();
    if !rule.row.has_code() && rule.row.replay == Replay::Suppressed {
        pattern["replay-name"] = json!([{ "exists": false }]);
    }
    if let Some(sender) = rule.row.commands_from {
        pattern["account"] = json!([reference(&names::sender_account(sender.partner))]);
    }
    pattern
}
