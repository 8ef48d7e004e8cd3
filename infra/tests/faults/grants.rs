//! Grants that are wider, or narrower, than what is done.

use serde_json::json;

use crate::{planted, remove, statement};

#[test]
fn every_action() {
    planted(
        |it| statement(it, "CustomsRole", "OwnTables")["Action"] = json!("dynamodb:*"),
        &[("CustomsRole", "is granted dynamodb:*")],
    );
}

#[test]
fn every_resource() {
    planted(
        |it| statement(it, "CustomsRole", "OwnTables")["Resource"] = json!("*"),
        &[("CustomsRole", "is granted dynamodb:GetItem, dynamodb:PutItem")],
    );
}

#[test]
fn an_action_that_nothing_takes() {
    planted(
        |it| {
            let actions = &mut statement(it, "CustomsRole", "OwnTables")["Action"];
            actions.as_array_mut().unwrap().push(json!("dynamodb:DeleteItem"));
        },
        &[("CustomsRole", "is granted dynamodb:DeleteItem, which CustomsFunction never does")],
    );
}

#[test]
fn the_queue_of_another_function() {
    planted(
        |it| {
            statement(it, "CustomsRole", "OwnFailures")["Resource"] = json!([
                { "Fn::GetAtt": ["CustomsFailures", "Arn"] },
                { "Fn::GetAtt": ["PaymentFailures", "Arn"] },
            ]);
        },
        &[("CustomsRole", "sqs:SendMessage on PaymentFailures, where CustomsFunction does not")],
    );
}

#[test]
fn the_table_of_another_service() {
    planted(
        |it| {
            statement(it, "CustomsRole", "OwnTables")["Resource"] =
                json!({ "Fn::GetAtt": ["OrderTable", "Arn"] });
        },
        &[
            ("CustomsRole", "is granted OrderTable, which CustomsFunction does not own"),
            ("CustomsRole", "may not dynamodb:GetItem, dynamodb:PutItem, dynamodb:Query"),
        ],
    );
}

#[test]
fn words_of_another_service() {
    planted(
        |it| {
            let condition = &mut statement(it, "CustomsRole", "PublishCustoms")["Condition"];
            condition["ForAllValues:StringEquals"]["events:detail-type"] =
                json!(["CustomsDeclared", "OrderCanceled"]);
        },
        &[("CustomsRole", "may say OrderCanceled, which CustomsFunction never does")],
    );
}

#[test]
fn any_word_at_all() {
    planted(
        |it| remove(statement(it, "CustomsRole", "PublishCustoms"), "Condition"),
        &[
            ("CustomsRole", "PutEvents is not bound by events:source"),
            ("CustomsRole", "PutEvents is not bound by events:detail-type"),
            ("CustomsRole", "may not say CustomsDeclared"),
        ],
    );
}

#[test]
fn a_word_that_the_table_has_and_the_role_has_not() {
    planted(
        |it| {
            let condition = &mut statement(it, "PaymentRole", "PublishPayments")["Condition"];
            let said = &mut condition["ForAllValues:StringEquals"]["events:detail-type"];
            said.as_array_mut().unwrap().retain(|name| name != "PaymentCanceled");
        },
        &[("PaymentRole", "may not say PaymentCanceled")],
    );
}

#[test]
fn a_function_that_nobody_knows_may_touch_nothing() {
    planted(
        |it| {
            let role = it["Resources"]["CustomsRole"].clone();
            let mut function = it["Resources"]["CustomsFunction"].clone();
            remove(&mut function["Properties"], "Events");
            function["Properties"]["FunctionName"] = json!("intruder");
            function["Properties"]["Role"] = json!({ "Fn::GetAtt": ["IntruderRole", "Arn"] });
            it["Resources"]["IntruderRole"] = role;
            it["Resources"]["IntruderFunction"] = function;
        },
        &[
            ("IntruderRole", "is granted CustomsTable"),
            ("IntruderRole", "is granted IdempotencyTable"),
            ("IntruderRole", "may say com.customs"),
            ("IntruderRole", "may say CustomsDeclared"),
        ],
    );
}
