//! The template's outputs, which a person needs after the deployment.

use super::Stack;
use serde_json::json;

use super::api::{API, USER_POOL, USER_POOL_CLIENT};
use super::parameters::OWN_POOL;
use super::topology::Topology;
use crate::Template;
use crate::intrinsics::{either, reference, substitute};
use crate::names;

pub(crate) fn add(template: &mut Template, stack: &Stack, topology: &Topology) {
    if stack.has_api() {
        let url = format!("https://${{{API}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}");
        template.output("ApiUrl", stack.application.api, substitute(url));
        for (name, about) in [(USER_POOL, "The pool"), (USER_POOL_CLIENT, "The client of the pool")]
        {
            let about = format!("{about} that issues tokens to callers");
            let none = json!("none: JwtIssuer gives tokens");
            template.output(format!("{name}Id"), &about, either(OWN_POOL, reference(name), none));
        }
    }
    template.output("BusName", "The bus", reference(names::BUS));
    template.output(
        "ArchiveName",
        "The archive that events are replayed from",
        reference("Archive"),
    );
    let dashboard = substitute(
        "https://${AWS::Region}.console.aws.amazon.com/cloudwatch/home?region=${AWS::Region}\
         #dashboards:name=${AWS::StackName}",
    );
    template.output("DashboardUrl", "The dashboard", dashboard);
    for output in &stack.application.outputs {
        template.output(output.name, output.description, output.value.clone());
    }
    for machine in &topology.machines {
        let machine = names::machine(machine.spec.name);
        template.output(format!("{machine}Arn"), "The state machine", reference(&machine));
    }
    let dead = topology.consumed_dead_letters().into_iter().map(|(queue, _)| queue);
    for queue in std::iter::once(names::DEAD_LETTERS.to_owned()).chain(dead) {
        template.output(
            format!("{queue}Url"),
            "The queue of events that could not be delivered",
            reference(&queue),
        );
    }
    let url = reference(names::UNDELIVERED);
    let about = "The queue of events that could not be delivered, until they are logged";
    template.output(format!("{}Url", names::UNDELIVERED), about, url);
    for service in topology.queued() {
        let queue = names::queue(service);
        template.output(
            format!("{queue}Url"),
            "The queue of messages for the function",
            reference(&queue),
        );
    }
    for name in &topology.functions {
        if let Some(queue) = topology.redrive(name) {
            let url = reference(&queue);
            template.output(
                format!("{queue}Url"),
                "The queue of events that the function gets again",
                url,
            );
        }
        let queue = names::failures(name);
        template.output(
            format!("{queue}Url"),
            "The queue of events on which the function failed",
            reference(&queue),
        );
    }
}
