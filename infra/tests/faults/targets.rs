//! Faulty targets, which could not be called, or would get wrong input.

use serde_json::{Value, json};

use crate::{of, planted, remove, statement};

fn target(it: &mut Value) -> &mut Value {
    &mut of(it, "DeliveryStartDeliveryRule")["Targets"][0]
}

#[test]
fn a_partner_without_a_role() {
    planted(
        |it| remove(target(it), "RoleArn"),
        &[("DeliveryStartDeliveryRule", "the target Carrier, but no role")],
    );
}

#[test]
fn a_role_for_another_partner() {
    planted(
        |it| {
            statement(it, "CarrierRole", "Call")["Resource"] =
                json!({ "Fn::GetAtt": ["CarrierConnection", "Arn"] });
        },
        &[
            ("DeliveryStartDeliveryRule", "does not allow events:InvokeApiDestination"),
            ("DeliveryRecallDeliveryRule", "does not allow events:InvokeApiDestination"),
        ],
    );
}

#[test]
fn a_variable_without_a_path_and_a_path_without_a_variable() {
    planted(
        |it| {
            let target = target(it);
            remove(target, "InputPath");
            target["InputTransformer"] = json!({
                "InputPathsMap": { "order": "$.detail.data.order-id", "time": "$.time" },
                "InputTemplate": "{\"order\": <order>, \"at\": <when>, \"all\": <aws.events.event>}",
            });
        },
        &[
            ("DeliveryStartDeliveryRule", "has <when> in its InputTemplate"),
            ("DeliveryStartDeliveryRule", "has a path for time"),
        ],
    );
}

/// A rule must not change the events that it sends to a bus. EventBridge rejects a rule that does,
/// but emulators accept it.
#[test]
fn an_event_that_is_changed_on_its_way_to_a_bus() {
    let changes = [
        ("Input", json!("{}")),
        ("InputPath", json!("$.detail")),
        ("InputTransformer", json!({ "InputPathsMap": {}, "InputTemplate": "{}" })),
    ];
    for (property, value) in changes {
        planted(
            |it| of(it, "EnterpriseForwardOutcomeRule")["Targets"][0][property] = value,
            &[("EnterpriseForwardOutcomeRule", &format!("has {property} for a bus"))],
        );
    }
    planted(
        |it| {
            let target = &mut of(it, "DeliveryStartDeliveryRule")["Targets"][0];
            target["Arn"] = json!({ "Fn::GetAtt": ["Bus", "Arn"] });
        },
        &[
            ("DeliveryStartDeliveryRule", "has InputPath for a bus"),
            ("DeliveryStartDeliveryRule", "does not allow events:PutEvents"),
        ],
    );
}

#[test]
fn a_role_that_does_not_reach_the_bus_of_the_other_account() {
    planted(
        |it| {
            statement(it, "EnterpriseBusRole", "Forward")["Resource"] =
                json!({ "Fn::GetAtt": ["Bus", "Arn"] });
        },
        &[("EnterpriseForwardOutcomeRule", "does not allow events:PutEvents on it")],
    );
}

#[test]
fn a_path_that_leads_nowhere() {
    planted(
        |it| target(it)["InputPath"] = json!("$.detial"),
        &[("DeliveryStartDeliveryRule", "reads $.detial, but no event that the rule matches has")],
    );
}

/// A queue's message group has to be the tenant. No linter knows this rule, and EventBridge accepts
/// any text. So only Chorus's own checks report a wrong message group.
#[test]
fn a_queue_that_does_not_tell_tenants_apart() {
    for (group, told) in [
        (json!(null), "without a message group"),
        (json!({ "MessageGroupId": "$.detail.metadata.tennant" }), "with the message group"),
    ] {
        planted(
            |it| of(it, "NotificationSendEmailRule")["Targets"][0]["SqsParameters"] = group,
            &[("NotificationSendEmailRule", told)],
        );
    }
}
