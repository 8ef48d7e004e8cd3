//! Faults in roles: permissions that are wider or narrower than needed.

use serde_json::json;

use crate::{planted, remove, statement};

#[test]
fn every_action() {
    planted(
        |it| statement(it, "CustomerRole", "OwnTables")["Action"] = json!("dynamodb:*"),
        &[("CustomerRole", "is granted dynamodb:*")],
    );
}

#[test]
fn every_resource() {
    planted(
        |it| statement(it, "CustomerRole", "OwnTables")["Resource"] = json!("*"),
        &[("CustomerRole", "is granted dynamodb:GetItem, dynamodb:BatchGetItem, dynamodb:PutItem")],
    );
}

#[test]
fn an_action_that_nothing_takes() {
    planted(
        |it| {
            let actions = &mut statement(it, "CustomerRole", "OwnTables")["Action"];
            actions.as_array_mut().unwrap().push(json!("dynamodb:DeleteItem"));
        },
        &[("CustomerRole", "is granted dynamodb:DeleteItem, which CustomerFunction never uses")],
    );
}

#[test]
fn the_queue_of_another_function() {
    planted(
        |it| {
            statement(it, "CustomerRole", "OwnFailures")["Resource"] = json!([
                { "Fn::GetAtt": ["CustomerFailures", "Arn"] },
                { "Fn::GetAtt": ["CustomerRedrive", "Arn"] },
                { "Fn::GetAtt": ["PaymentFailures", "Arn"] },
            ]);
        },
        &[(
            "CustomerRole",
            "sqs:SendMessage on PaymentFailures, where CustomerFunction never uses it",
        )],
    );
}

#[test]
fn the_table_of_another_service() {
    planted(
        |it| {
            statement(it, "CustomerRole", "OwnTables")["Resource"] =
                json!({ "Fn::GetAtt": ["OrderTable", "Arn"] });
        },
        &[
            ("CustomerRole", "is granted OrderTable, which CustomerFunction does not own"),
            (
                "CustomerRole",
                "is not granted dynamodb:BatchGetItem, dynamodb:GetItem, dynamodb:PutItem",
            ),
        ],
    );
}

#[test]
fn events_of_another_service() {
    planted(
        |it| {
            let condition = &mut statement(it, "CustomerRole", "PublishCustomers")["Condition"];
            let detail_types = &mut condition["ForAllValues:StringEquals"]["events:detail-type"];
            detail_types.as_array_mut().unwrap().push(json!("OrderCanceled"));
        },
        &[("CustomerRole", "may publish OrderCanceled, which CustomerFunction never publishes")],
    );
}

#[test]
fn any_word_at_all() {
    planted(
        |it| remove(statement(it, "CustomerRole", "PublishCustomers"), "Condition"),
        &[
            ("CustomerRole", "PutEvents has no condition on events:source"),
            ("CustomerRole", "PutEvents has no condition on events:detail-type"),
            ("CustomerRole", "is not allowed to publish CustomerDescribed"),
            ("CustomerRole", "is not allowed to publish CustomerErased"),
            ("CustomerRole", "is not allowed to publish CustomerUpdated"),
            ("CustomerRole", "is not allowed to publish ErrorCustomerDescribed"),
        ],
    );
}

#[test]
fn an_event_that_the_table_has_and_the_role_has_not() {
    planted(
        |it| {
            let condition = &mut statement(it, "PaymentRole", "PublishPayments")["Condition"];
            let detail_types = &mut condition["ForAllValues:StringEquals"]["events:detail-type"];
            detail_types.as_array_mut().unwrap().retain(|name| name != "PaymentCanceled");
        },
        &[("PaymentRole", "is not allowed to publish PaymentCanceled")],
    );
}

#[test]
fn a_function_that_nobody_knows_may_touch_nothing() {
    planted(
        |it| {
            let role = it["Resources"]["CustomerRole"].clone();
            let mut function = it["Resources"]["CustomerFunction"].clone();
            remove(&mut function["Properties"], "Events");
            function["Properties"]["FunctionName"] = json!("intruder");
            function["Properties"]["Role"] = json!({ "Fn::GetAtt": ["IntruderRole", "Arn"] });
            it["Resources"]["IntruderRole"] = role;
            it["Resources"]["IntruderFunction"] = function;
        },
        &[
            ("IntruderRole", "is granted CustomerTable"),
            ("IntruderRole", "is granted IdempotencyTable"),
            ("IntruderRole", "is granted PersonKeysTable"),
            ("IntruderRole", "may publish com.customers"),
            ("IntruderRole", "may publish CustomerDescribed"),
            ("IntruderRole", "may publish CustomerErased"),
            ("IntruderRole", "may publish CustomerUpdated"),
            ("IntruderRole", "may publish ErrorCustomerDescribed"),
        ],
    );
}
