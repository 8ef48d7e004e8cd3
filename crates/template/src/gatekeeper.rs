//! The template of a gatekeeper bus: the bus of an enterprise, in a separate account, between the
//! application and other accounts. The bus admits only the application's public events and, from
//! partners' accounts, the commands that the design table names.

use std::collections::BTreeSet;

use chorus_table::policy::{ARCHIVE, BUS};
use chorus_table::{OutsideBus, Sender};
use serde_json::{Map, Value, json};

use crate::constructs::{
    ALARM_TOPIC, Alarm, Archive, Bus, BusPolicy, Construct, MINUTE, Principal, Queue, QueuePolicy,
    Resource, Role, Rule, RuleTarget, Statement,
};
use crate::intrinsics::{arn, attribute, either, equals, given, only_if, reference};
use crate::names::{self, DEAD_LETTERS};
use crate::stack::outside::{ACCOUNT, BUS_ARN, commands};
use crate::stack::parameters::IS_PROD;
use crate::stack::topology::Topology;
use crate::{Parameter, Stack, Template};

const PREAMBLE: &str = "\
Printed by `synth` beside template.yaml, from the same design table: a bus for another account, by which
public events go out and commands of partners come in. docs/OTHER-ACCOUNTS.md deploys it.";

/// The parameter with the id of the application's account.
const APPLICATION: &str = "ApplicationAccount";
/// The parameter with the ARN of the application's bus, to which commands are forwarded.
const APPLICATION_BUS: &str = "ApplicationBusArn";
/// The parameter with the ARN of a queue that gets the public events. The target cannot be a bus:
/// EventBridge forwards an event from bus to bus only once, and the application's rule has already
/// forwarded these events to the gatekeeper bus.
const SUBSCRIBER_QUEUE: &str = "SubscriberQueueArn";
/// A regular expression that matches the ARN of any standard queue, or an empty text. A FIFO queue
/// is excluded, because it needs a message group, which the rule does not set.
const QUEUE_ARN: &str = "^(arn:[a-z-]+:sqs:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,80})?$";
/// The parameter with the id of an organization. If the parameter is set, the gatekeeper bus admits
/// only accounts of that organization.
const ORGANIZATION: &str = "OrganizationId";

const HAS_APPLICATION: &str = "HasApplication";
const HAS_SUBSCRIBER: &str = "HasSubscriber";
const HAS_ORGANIZATION: &str = "HasOrganization";

/// The queue for events that the bus accepts but no forwarding rule matches.
const UNWANTED: &str = "Unwanted";
/// The rule that sends the events that no forwarding rule matches to the queue [`UNWANTED`].
const UNWANTED_RULE: &str = "UnwantedRule";
const FORWARD_PUBLIC: &str = "ForwardPublicEventsRule";
/// The role with which EventBridge sends public events to the subscriber's queue.
const FORWARD_PUBLIC_ROLE: &str = "ForwardPublicEventsRole";

/// The field `reason` of each message in the queue [`UNWANTED`]. The text is put into JSON without
/// escaping, so it must not contain characters that JSON escapes.
const REASON: &str = "No rule matches this event: its source, detail type, category or account is not one that \
                      the design table lets through this bus.";

/// Makes the template of `bus`, a bus that the design table of `stack` names.
#[must_use]
pub fn gatekeeper(stack: &Stack, bus: OutsideBus) -> Template {
    let topology = Topology::of(stack);
    let senders: Vec<Sender> =
        topology.senders().into_iter().filter(|sender| sender.through == bus).collect();
    let gate = Gate { bus, public: public(&topology, bus), senders, topology };
    let mut template = Template {
        preamble: PREAMBLE,
        description: "A bus between an application and other accounts.",
        parameters: gate.parameters(),
        rules: gate.rules(),
        conditions: gate.conditions(),
        ..Template::default()
    };
    gate.add_bus(&mut template);
    gate.add_rules(&mut template);
    gate.add_queues(&mut template);
    add_alarms(&mut template);
    template.output("BusArn", "The bus: EnterpriseBusArn of the application", arn(names::BUS));
    template.output(
        "UnwantedUrl",
        "The queue of events that no rule matches, with the reason",
        reference(UNWANTED),
    );
    template.output(
        "DeadLettersUrl",
        "The queue of events that could not be delivered",
        reference(DEAD_LETTERS),
    );
    template.output(
        "SubscriberRoleArn",
        "The role that sends to the subscriber's queue, whose policy has to admit it",
        either(
            HAS_SUBSCRIBER,
            arn(FORWARD_PUBLIC_ROLE),
            json!(format!("none: {SUBSCRIBER_QUEUE} is empty")),
        ),
    );
    template
}

/// The names of the events that are forwarded to `bus`.
fn public(topology: &Topology, bus: OutsideBus) -> Vec<&'static str> {
    let rows = topology.rows.iter().filter(|row| row.outside_bus() == Some(bus));
    rows.flat_map(|row| row.on).map(|event| event.detail_type).collect()
}

struct Gate {
    bus: OutsideBus,
    /// The names of the public events.
    public: Vec<&'static str>,
    senders: Vec<Sender>,
    topology: Topology,
}

impl Gate {
    fn parameters(&self) -> Vec<Parameter> {
        let text = Parameter::text;
        let mut parameters = vec![
            text("Stage", "prod retains bus, archive and queues if the stack is deleted", "dev")
                .one_of(&["dev", "prod"]),
            text(APPLICATION, "The account of the application", "").like(ACCOUNT),
            text(APPLICATION_BUS, "The ARN of the application's bus, for partners' commands", "")
                .like(BUS_ARN),
            text(
                SUBSCRIBER_QUEUE,
                "The ARN of a queue, in any account, that gets every public event; empty for none",
                "",
            )
            .like(QUEUE_ARN),
            text(
                ORGANIZATION,
                "The organization that every account has to belong to; empty for any",
                "",
            )
            .like("^(o-[a-z0-9]{10,32})?$"),
            text("ArchiveDays", "For how many days events can be replayed", &days()).number(),
            text(ALARM_TOPIC.0, "The SNS topic that alarms are sent to", ""),
        ];
        let sender = |Sender { partner, .. }: &Sender| {
            let about = format!("The account of the {}, which may send commands", partner.name);
            text(&names::sender_account(*partner), &about, "").like(ACCOUNT)
        };
        parameters.extend(self.senders.iter().map(sender));
        parameters
    }

    /// The template's `Rules`, by which CloudFormation checks the parameters. If the account of a
    /// partner that sends commands is set, the application's bus must be set, because the commands
    /// go to that bus. If a subscriber's queue is set, the application's account must be set,
    /// because only events of that account are forwarded.
    fn rules(&self) -> Value {
        let rule = |given_one: &str, needed: &str, description: String| {
            json!({
                "RuleCondition": given(given_one),
                "Assertions": [{ "Assert": given(needed), "AssertDescription": description }],
            })
        };
        let sender = |Sender { partner, .. }: &Sender| {
            let account = names::sender_account(*partner);
            let description = format!(
                "{account} needs {APPLICATION_BUS}, the bus that gets its commands: set both, or \
                 leave {account} empty"
            );
            let rule = rule(&account, APPLICATION_BUS, description);
            (format!("{}HasABus", names::pascal(partner.name)), rule)
        };
        let description = format!(
            "{SUBSCRIBER_QUEUE} needs {APPLICATION}, the account whose public events are forwarded: \
             set both, or leave {SUBSCRIBER_QUEUE} empty"
        );
        let subscriber = rule(SUBSCRIBER_QUEUE, APPLICATION, description);
        let subscriber = ("SubscriberHasAnApplication".to_owned(), subscriber);
        self.senders.iter().map(sender).chain([subscriber]).collect()
    }

    fn conditions(&self) -> Map<String, Value> {
        let mut conditions = Map::from_iter([
            (IS_PROD.to_owned(), equals("Stage", "prod")),
            (HAS_APPLICATION.to_owned(), given(APPLICATION)),
            (HAS_SUBSCRIBER.to_owned(), given(SUBSCRIBER_QUEUE)),
            (HAS_ORGANIZATION.to_owned(), given(ORGANIZATION)),
            (ALARM_TOPIC.1.to_owned(), given(ALARM_TOPIC.0)),
        ]);
        for Sender { partner, .. } in &self.senders {
            let both = [given(APPLICATION_BUS), given(&names::sender_account(*partner))];
            conditions.insert(names::has_sender(*partner), json!({ "Fn::And": both }));
        }
        conditions
    }

    /// Adds the bus, its archive, and the policy statements that say which account may put which
    /// events.
    fn add_bus(&self, template: &mut Template) {
        template.section(
            "The bus. Its policy admits events by account, source and detail type. An event that it refuses\n\
             stays in the sender's account.",
        );
        template.add(names::BUS, &Bus);
        let sources: BTreeSet<&str> = self.sources();
        let archive =
            Archive { bus: names::BUS, pattern: json!({ "source": sources }), days: "ArchiveDays" };
        template.add("Archive", &archive);
        let mut admit = |sid: &str, condition: &str, policy: BusPolicy| {
            let resource = Resource { condition: Some(condition.to_owned()), ..policy.resource() };
            template.add_resource(format!("{sid}BusPolicy"), &resource);
        };
        let statement = |sid: &str, account: &str| BusPolicy {
            bus: names::BUS,
            sid: sid.to_owned(),
            account: reference(account),
            source: self.bus.source,
            detail_types: self.public.clone(),
            organization: Some((HAS_ORGANIZATION, ORGANIZATION)),
        };
        admit("Application", HAS_APPLICATION, statement("Application", APPLICATION));
        for sender in &self.senders {
            let (partner, name) = (sender.partner, names::pascal(sender.partner.name));
            let policy = BusPolicy {
                source: partner.source,
                detail_types: commands(&self.topology, *sender),
                ..statement(&name, &names::sender_account(partner))
            };
            admit(&name, &names::has_sender(partner), policy);
        }
    }

    /// Adds the rules that forward events, with their roles, and the rule that sends all other
    /// events to the queue [`UNWANTED`].
    fn add_rules(&self, template: &mut Template) {
        template.section(
            "Public events go to a subscriber's queue, if its ARN is given and if the event's field `account`\n\
             is the application's account. Teams add rules for other targets, with the same `account`. No rule\n\
             forwards them to a bus: EventBridge forwards an event only once, and the application's rule did.",
        );
        let public = json!({
            "source": [self.bus.source],
            "detail-type": self.public,
            "account": [reference(APPLICATION)],
        });
        let rule = FORWARD_PUBLIC.to_owned();
        let public = Forward { rule, pattern: public, to: Recipient::Queue(SUBSCRIBER_QUEUE) };
        public.add(template, HAS_SUBSCRIBER);
        template.section(
            "Commands of partners go to the application's bus, if the design table names them and if the\n\
             event's field `account` is the partner's account.",
        );
        for sender in &self.senders {
            let account = reference(&names::sender_account(sender.partner));
            let pattern = json!({
                "source": [sender.partner.source],
                "detail-type": commands(&self.topology, *sender),
                "account": [account],
                "detail": { "metadata": { "category": ["command"] } },
            });
            let rule = forward_commands(*sender);
            let forward = Forward { rule, pattern, to: Recipient::Bus(APPLICATION_BUS) };
            forward.add(template, &names::has_sender(sender.partner));
        }
        template.section(
            "Events that the policy admits but no rule matches go to a queue, with the reason.",
        );
        let unwanted = Rule {
            bus: names::BUS,
            name: "unwanted".to_owned(),
            pattern: self.unforwarded_events(),
            target: RuleTarget::QueueWithReason { queue: UNWANTED.to_owned(), reason: REASON },
            retry: BUS.into(),
            dead_letters: DEAD_LETTERS.to_owned(),
            state: Value::Null,
        };
        template.add(UNWANTED_RULE, &unwanted);
    }

    /// A pattern that matches every event that the design table does not let through this bus.
    fn unforwarded_events(&self) -> Value {
        let other = |listed: Value| json!([{ "anything-but": listed }]);
        let mut ways = vec![json!({ "source": other(json!(self.sources())) })];
        let mut outside = |source: &str, names: &[&str], account: &str| {
            ways.push(json!({ "source": [source], "detail-type": other(json!(names)) }));
            ways.push(json!({ "source": [source], "account": other(json!([reference(account)])) }));
        };
        outside(self.bus.source, &self.public, APPLICATION);
        for sender in &self.senders {
            let account = names::sender_account(sender.partner);
            outside(sender.partner.source, &commands(&self.topology, *sender), &account);
        }
        for sender in &self.senders {
            let category = json!([{ "anything-but": ["command"] }, { "exists": false }]);
            let detail = json!({ "metadata": { "category": category } });
            ways.push(json!({ "source": [sender.partner.source], "detail": detail }));
        }
        json!({ "$or": ways })
    }

    fn add_queues(&self, template: &mut Template) {
        template.section(
            "Dead letters: events that could not be delivered. Their attributes have the reason.",
        );
        let always = arn(UNWANTED_RULE);
        let mut rules = vec![always.clone(), only_if(HAS_SUBSCRIBER, arn(FORWARD_PUBLIC))];
        rules.extend(self.senders.iter().map(|sender| {
            only_if(&names::has_sender(sender.partner), arn(&forward_commands(*sender)))
        }));
        for (queue, rules) in [(DEAD_LETTERS, rules), (UNWANTED, vec![always])] {
            template.add(queue, &Queue::WITHOUT_CONSUMER);
            let policy = QueuePolicy { queue: queue.to_owned(), rules };
            template.add(format!("{queue}Policy"), &policy);
        }
    }

    /// The sources of the public events and of the partners' commands that the bus forwards.
    fn sources(&self) -> BTreeSet<&'static str> {
        let partners = self.senders.iter().map(|sender| sender.partner.source);
        partners.chain([self.bus.source]).collect()
    }
}

/// The logical id of the rule that forwards a partner's commands to the application's bus.
fn forward_commands(sender: Sender) -> String {
    format!("Forward{}Rule", names::pascal(sender.partner.name))
}

/// The recipient of forwarded events, given by the name of the parameter with the recipient's ARN.
#[derive(Clone, Copy)]
enum Recipient {
    Bus(&'static str),
    Queue(&'static str),
}

/// A rule that forwards events, unchanged.
struct Forward {
    /// The rule's logical id.
    rule: String,
    pattern: Value,
    to: Recipient,
}

impl Forward {
    /// Adds the rule, and the role with which EventBridge sends the events to the recipient.
    fn add(self, template: &mut Template, condition: &str) {
        let name = self.rule.trim_end_matches("Rule");
        let role = format!("{name}Role");
        let (parameter, actions) = match self.to {
            Recipient::Bus(parameter) => (parameter, &["events:PutEvents"]),
            Recipient::Queue(parameter) => (parameter, &["sqs:SendMessage"]),
        };
        let arn = reference(parameter);
        let send = Statement::new("Forward", actions, vec![arn.clone()]);
        let assumed = Role { principal: Principal::EventBridge, statements: vec![send] };
        let target = match self.to {
            Recipient::Bus(_) => RuleTarget::Bus { arn, role: role.clone() },
            Recipient::Queue(_) => RuleTarget::OutsideQueue { arn, role: role.clone() },
        };
        let rule = Rule {
            bus: names::BUS,
            name: names::kebab(name),
            pattern: self.pattern,
            target,
            retry: BUS.into(),
            dead_letters: DEAD_LETTERS.to_owned(),
            state: Value::Null,
        };
        for (id, resource) in [(role, assumed.resource()), (self.rule, rule.resource())] {
            let condition = Some(condition.to_owned());
            template.add_resource(id, &Resource { condition, ..resource });
        }
    }
}

fn add_alarms(template: &mut Template) {
    template.section("Alarms. Each means work: docs/OTHER-ACCOUNTS.md.");
    let depth = |queue: &str, name: &str, description: &str| Alarm {
        name: format!("{name}-depth"),
        description: description.to_owned(),
        metric: ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        dimensions: vec![("QueueName", attribute(queue, "QueueName"))],
        statistic: "Maximum",
        period: MINUTE,
        above: (0, 1),
    };
    let dead =
        depth(DEAD_LETTERS, "dead-letters", "An event was not delivered: replay it, or resend it");
    template.add("DeadLettersDepthAlarm", &dead);
    let unwanted =
        depth(UNWANTED, "unwanted", "No rule matches an event: its message has the reason");
    template.add("UnwantedDepthAlarm", &unwanted);
}

/// The number of days for which the archive keeps events, as text.
fn days() -> String {
    (ARCHIVE.as_secs() / 86_400).to_string()
}
