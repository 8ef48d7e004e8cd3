//! What a person needs once the stack is there.

use super::api::API;
use super::carrier;
use super::parameters::GENERATES_WEBHOOK_SECRET;
use super::topology::Topology;
use crate::Template;
use crate::intrinsics::{either, reference, substitute};
use crate::names;

pub(crate) fn add(template: &mut Template, topology: &Topology) {
    let url =
        substitute(format!("https://${{{API}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}"));
    template.output("ApiUrl", "Where orders are placed", url);
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
    let secret = either(
        GENERATES_WEBHOOK_SECRET,
        reference(carrier::generated_secret()),
        serde_json::json!("as given"),
    );
    template.output("WebhookSecretArn", "The secret that the carrier needs", secret);
    for machine in &topology.machines {
        let machine = names::machine(machine.spec.name);
        template.output(format!("{machine}Arn"), "The state machine", reference(&machine));
    }
    let dead = topology.consumed_dead_letters().into_iter().map(|(queue, _)| queue);
    for queue in std::iter::once(names::DEAD_LETTERS.to_owned()).chain(dead) {
        template.output(format!("{queue}Url"), "What could not be delivered", reference(&queue));
    }
    for service in topology.queued() {
        let queue = names::queue(service);
        template.output(format!("{queue}Url"), "What waits for the function", reference(&queue));
    }
    for name in &topology.functions {
        let queue = names::failures(name);
        template.output(format!("{queue}Url"), "What the function failed on", reference(&queue));
    }
}
