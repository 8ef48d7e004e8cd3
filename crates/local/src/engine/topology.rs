//! The topology: the targets and the queues of all rules. The engine derives targets and queues
//! from the same rules as the CloudFormation template for AWS, and in the same way.

use std::collections::BTreeMap;
use std::time::Duration;

use chorus_table::policy::{
    API_DESTINATION, CALLS_PER_SECOND, INVOCATION, QUEUE, REDRIVE, RetryPolicy,
};
use chorus_table::{RowSpec, Rule, Service, Via};

use super::Calls;
use super::limiter::Limiter;
use super::turns::Turns;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Function,
    /// The index of the service's queue.
    Queue(usize),
    Partner,
}

/// A rule with its target.
#[derive(Debug, Clone)]
pub struct Route {
    pub rule: Rule,
    pub target: Target,
    /// How many times, and for how long, the bus retries.
    pub retry: RetryPolicy,
    /// At most this many calls to the partner are made per second.
    pub calls_per_second: u32,
    /// The index of the route's redrive queue; none if the route has no such queue. If the function
    /// fails on an event in all attempts of the bus, the event goes to the redrive queue, and the
    /// function gets it again from there.
    pub redrive: Option<usize>,
    /// The index of the route's dead-letter queue.
    pub dead_letters: usize,
}

impl Route {
    /// The row of the design table that the route's rule belongs to.
    #[must_use]
    pub const fn row(&self) -> &RowSpec {
        &self.rule.row
    }

    /// The ARN that the rule would have on AWS.
    #[must_use]
    pub fn rule_arn(&self) -> String {
        format!("arn:aws:events:local:000000000000:rule/chorus/{}", self.rule.name)
    }

    /// The ARN that the target would have on AWS.
    #[must_use]
    pub fn target_arn(&self) -> String {
        let (row, account) = (self.row(), "local:000000000000");
        let service = row.service.name;
        match self.target {
            Target::Function => format!("arn:aws:lambda:{account}:function:{service}"),
            Target::Queue(_) => format!("arn:aws:sqs:{account}:{service}"),
            Target::Partner => format!("arn:aws:events:{account}:api-destination/{}", row.action),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consumer {
    /// Each message goes to the function of the rule that sent it to the queue.
    ItsOwnRoute,
    /// Each message goes to the function of this route, which consumes the dead letters of another
    /// route.
    Route(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSpec {
    /// The unique name of the queue.
    pub name: String,
    /// How the queue retries messages that the consumer failed to process.
    pub retry: RetryPolicy,
    /// How long a received message is invisible to other receivers.
    pub visibility: Duration,
    /// The consumer of the messages; none if the messages wait for an operator.
    pub consumer: Option<Consumer>,
    /// The index of the dead-letter queue for messages that the consumer failed to process.
    pub dead_letters: Option<usize>,
}

/// All routes and queues of a bus.
#[derive(Debug, Clone, Default)]
pub struct Topology {
    pub routes: Vec<Route>,
    /// The services' queues, the redrive queues (see [`Route::redrive`]) and the dead-letter
    /// queues.
    pub queues: Vec<QueueSpec>,
}

/// The retry policies and rate limits of all rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policies {
    /// The retry policy for invocations of functions by the bus.
    pub function: RetryPolicy,
    /// The retry policy for events in redrive queues: events on which a function failed in every
    /// attempt that the policy `function` allows.
    pub redrive: RetryPolicy,
    pub partner: RetryPolicy,
    /// At most this many calls to one partner are made per second.
    pub calls_per_second: u32,
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            function: INVOCATION,
            redrive: REDRIVE.retry,
            partner: API_DESTINATION,
            calls_per_second: CALLS_PER_SECOND,
        }
    }
}

impl Topology {
    /// Derives the topology from the rules: a dead-letter queue for every target, a queue for every
    /// service with queued rows, and a redrive queue (see [`Route::redrive`]) for every service
    /// whose function the bus invokes. If a row handles the dead letters of another row, the
    /// handling row's route becomes the consumer of the other row's dead-letter queue.
    #[must_use]
    pub fn of(rules: Vec<Rule>, policies: &Policies) -> Self {
        let mut topology = Self::default();
        let mut queued: BTreeMap<Service, usize> = BTreeMap::new();
        let mut redriven: BTreeMap<Service, usize> = BTreeMap::new();
        // The process has only one bus, so there is no route for a rule that forwards events to the
        // bus of another AWS account. Such events stay on this bus.
        for rule in rules.into_iter().filter(|rule| rule.row.outside_bus().is_none()) {
            let service = rule.row.service;
            let (target, dead_letters) = match rule.row.via {
                Via::Queue => {
                    let queue =
                        *queued.entry(service).or_insert_with(|| topology.service_queue(service));
                    let dead_letters = topology.queues[queue].dead_letters.unwrap_or(queue);
                    (Target::Queue(queue), dead_letters)
                }
                via => {
                    let queue = topology.queue(format!("{}-dlq", rule.name));
                    let partner = matches!(via, Via::ApiDestination(_));
                    (if partner { Target::Partner } else { Target::Function }, queue)
                }
            };
            let partner = target == Target::Partner;
            let retry = if partner { policies.partner } else { policies.function };
            let redrive = (target == Target::Function).then(|| {
                let of_service = || topology.redrive_queue(service, policies.redrive);
                *redriven.entry(service).or_insert_with(of_service)
            });
            let calls_per_second = policies.calls_per_second;
            let route = Route { rule, target, retry, calls_per_second, redrive, dead_letters };
            topology.routes.push(route);
        }
        topology.consume_dead_letters();
        topology
    }

    /// For each route to a partner: the route's index, and an empty record of the route's calls.
    pub(super) fn calls(&self) -> impl Iterator<Item = (usize, Calls)> {
        let called = self.routes.iter().enumerate();
        let called = called.filter(|(_, route)| route.target == Target::Partner);
        called.map(|(index, route)| {
            let limiter = Limiter::per_second(route.calls_per_second);
            (index, Calls { turns: Turns::default(), limiter })
        })
    }

    /// The index of the route of the rule called `name`.
    #[must_use]
    pub fn route(&self, name: &str) -> Option<usize> {
        self.routes.iter().position(|route| route.rule.name == name)
    }

    /// The index of the queue called `name`.
    #[must_use]
    pub fn queue_named(&self, name: &str) -> Option<usize> {
        self.queues.iter().position(|queue| queue.name == name)
    }

    fn queue(&mut self, name: String) -> usize {
        let (retry, visibility) = (QUEUE.retry, QUEUE.visibility);
        self.queues.push(QueueSpec { name, retry, visibility, consumer: None, dead_letters: None });
        self.queues.len() - 1
    }

    fn service_queue(&mut self, service: Service) -> usize {
        let dead_letters = self.queue(format!("{}-dlq", service.name));
        let queue = self.queue(service.name.to_owned());
        self.queues[queue].consumer = Some(Consumer::ItsOwnRoute);
        self.queues[queue].dead_letters = Some(dead_letters);
        queue
    }

    fn redrive_queue(&mut self, service: Service, retry: RetryPolicy) -> usize {
        let queue = self.queue(format!("{}-redrive", service.name));
        self.queues[queue].consumer = Some(Consumer::ItsOwnRoute);
        self.queues[queue].retry = retry;
        queue
    }

    fn consume_dead_letters(&mut self) {
        for (index, route) in self.routes.iter().enumerate() {
            let Some(action) = route.row().dead_letters_of else { continue };
            let dead = self.routes.iter().find(|other| other.row().action == action);
            if let Some(dead) = dead {
                let queue = &mut self.queues[dead.dead_letters];
                queue.consumer = Some(Consumer::Route(index));
                queue.dead_letters = Some(route.dead_letters);
            }
        }
    }
}
