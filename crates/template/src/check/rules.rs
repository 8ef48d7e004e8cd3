//! Checks that the template has a rule for every row that consumes events.

use std::collections::BTreeSet;

use chorus_table::{Rule, Via};

use super::view::View;
use crate::Finding;
use crate::stack::topology::{Topology, resource};

pub(super) fn check(view: View<'_>) -> Vec<Finding> {
    let there: BTreeSet<String> = view.rules().into_iter().map(|rule| rule.id).collect();
    let topology = Topology::of(view.stack);
    let missing = topology.rules.iter().filter(|rule| !there.contains(&resource(rule)));
    missing.map(|rule| left_out(view, rule)).collect()
}

fn left_out(view: View<'_>, rule: &Rule) -> Finding {
    let row = &rule.row;
    if let Via::ApiDestination(partner) = row.via {
        let apis = &view.stack.application.partners;
        let named = apis.iter().find(|api| api.partner == partner);
        if named.and_then(|api| api.path(row.action)).is_none() {
            let problem = format!(
                "calls the {}, but the application declares no endpoint for this row",
                partner.name
            );
            let remedy = format!(
                "Add `.endpoint::<rows::{}>(PATH)` to the partner's PartnerApi",
                row.action
            );
            return Finding::new(row.action, problem, remedy);
        }
    }
    let problem = "consumes events, but no rule delivers them to it";
    let remedy = format!(
        "Add the function of {} to the stack, with a rule that delivers these events",
        row.service.name
    );
    Finding::new(row.action, problem, remedy)
}
