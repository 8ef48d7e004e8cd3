//! Buses of other accounts: the rules that forward public events to them, and the role with which
//! EventBridge puts them there. All of these exist only if the bus's ARN is given.

use chorus_table::OutsideBus;
use chorus_table::policy::BUS;
use serde_json::Value;

use super::topology::{self, Topology};
use crate::constructs::{Construct, Principal, Resource, Role, Rule, RuleTarget, Statement};
use crate::intrinsics::{given, reference};
use crate::template::Parameter;
use crate::{Template, names};

/// A regular expression for a bus's ARN, or an empty text.
const BUS_ARN: &str = "^(arn:[a-z-]+:events:[a-z0-9-]+:[0-9]{12}:event-bus/[A-Za-z0-9._/-]+)?$";

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

pub(crate) fn add(template: &mut Template, topology: &Topology, bus: OutsideBus) {
    let arn = reference(&names::bus_parameter(bus));
    template.section(format!(
        "The {}'s bus, in another account: public events are forwarded to it where {} is given.\n\
         What it refuses becomes a dead letter here.",
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
}
