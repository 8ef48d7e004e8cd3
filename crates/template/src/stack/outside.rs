//! Buses of other AWS accounts. For each outside bus, the stack has rules that forward public
//! events to the bus, and the role with which EventBridge puts these events. The stack's own bus
//! has a policy that admits commands from the outside bus's account. These resources exist only if
//! the deployment sets the outside bus's ARN.

use chorus_table::policy::BUS;
use chorus_table::{OutsideBus, Sender};
use serde_json::{Value, json};

use super::topology::{self, Topology};
use crate::constructs::{
    BusPolicy, Construct, Principal, Resource, Role, Rule, RuleTarget, Statement,
};
use crate::intrinsics::{given, reference};
use crate::template::Parameter;
use crate::{Template, names};

/// A regular expression that matches the ARN of any bus, or an empty text.
pub(crate) const BUS_ARN: &str =
    "^(arn:[a-z-]+:events:[a-z0-9-]+:[0-9]{12}:event-bus/[A-Za-z0-9._/-]+)?$";

pub(crate) fn parameter(bus: OutsideBus) -> Parameter {
    let about = format!(
        "The ARN of the {}'s bus, in another account, that gets the public events; empty for none",
        bus.name
    );
    Parameter::text(&names::bus_parameter(bus), &about, "").like(BUS_ARN)
}

pub(crate) fn condition(bus: OutsideBus) -> (String, Value) {
    (names::has_bus(bus), given(&names::bus_parameter(bus)))
}

/// A regular expression that matches the id of any AWS account, or an empty text.
pub(crate) const ACCOUNT: &str = "^([0-9]{12})?$";

/// The parameter with the id of the AWS account of a partner that sends commands.
pub(crate) fn sender(Sender { partner, through }: Sender) -> Parameter {
    let about = format!(
        "The account of the {}, which may send commands through the {}'s bus; empty for none",
        partner.name, through.name
    );
    Parameter::text(&names::sender_account(partner), &about, "").like(ACCOUNT)
}

/// The template's condition under which the stack's bus admits the commands of a partner: the ARN
/// of the bus through which the partner sends them, and the partner's account, are both set.
pub(crate) fn admits(Sender { partner, through }: Sender) -> (String, Value) {
    let has_bus = json!({ "Condition": names::has_bus(through) });
    let both = json!({ "Fn::And": [has_bus, given(&names::sender_account(partner))] });
    (names::has_sender(partner), both)
}

pub(crate) fn add(template: &mut Template, topology: &Topology, bus: OutsideBus) {
    let arn = reference(&names::bus_parameter(bus));
    template.section(format!(
        "The {}'s bus, in another account: public events are forwarded to it if {} is given.\n\
         An event that the bus refuses becomes a dead letter in this stack.",
        bus.name,
        names::bus_parameter(bus)
    ));
    let condition = names::has_bus(bus);
    let mut add = |id: String, resource: Resource| {
        template.add_resource(id, &Resource { condition: Some(condition.clone()), ..resource });
    };
    let put = Statement::new("Forward", &["events:PutEvents"], vec![arn.clone()]);
    let role = Role { principal: Principal::EventBridge, statements: vec![put] };
    add(names::bus_role(bus), role.resource());
    for rule in topology.rules.iter().filter(|rule| rule.row.outside_bus() == Some(bus)) {
        let forward = Rule {
            bus: names::BUS,
            name: rule.name.clone(),
            pattern: topology::pattern(rule),
            target: RuleTarget::Bus { arn: arn.clone(), role: names::bus_role(bus) },
            retry: BUS.into(),
            dead_letters: topology.dead_letters(rule),
            state: Value::Null,
        };
        add(topology::resource(rule), forward.resource());
    }
    for sender in topology.senders().into_iter().filter(|sender| sender.through == bus) {
        let policy = BusPolicy {
            bus: names::BUS,
            sid: names::pascal(sender.partner.name),
            account: account_of(&arn),
            source: sender.partner.source,
            detail_types: commands(topology, sender),
            organization: None,
        };
        let condition = Some(names::has_sender(sender.partner));
        let id = format!("{}BusPolicy", names::pascal(sender.partner.name));
        template.add_resource(id, &Resource { condition, ..policy.resource() });
    }
}

/// The names of the commands that a partner's account may send.
pub(crate) fn commands(topology: &Topology, sender: Sender) -> Vec<&'static str> {
    let rows = topology.rows.iter().filter(|row| row.commands_from == Some(sender));
    rows.flat_map(|row| row.api).map(|command| command.detail_type).collect()
}

fn account_of(arn: &Value) -> Value {
    json!({ "Fn::Select": [4, { "Fn::Split": [":", arn] }] })
}
