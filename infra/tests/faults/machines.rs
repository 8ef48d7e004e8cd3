//! Faulty state machines, which would not run, would wait forever, or would call functions of
//! another service or template.

use serde_json::{Value, json};

use crate::{ROOT, of, planted, statement};

/// Moves a machine's definition from its file into the template, and returns the definition, so
/// that a test can put a fault into it.
fn definition<'a>(it: &'a mut Value, machine: &str) -> &'a mut Value {
    let properties = of(it, machine);
    let path = properties["DefinitionUri"].take();
    let path = format!("{ROOT}/{}", path.as_str().expect("the definition is a file"));
    let text = std::fs::read_to_string(path).expect("the file is there");
    properties["Definition"] = serde_json::from_str(&text).expect("the file is JSON");
    properties.as_object_mut().expect("properties").remove("DefinitionUri");
    &mut of(it, machine)["Definition"]
}

fn state<'a>(it: &'a mut Value, machine: &str, name: &str) -> &'a mut Value {
    &mut definition(it, machine)["States"][name]
}

fn take(value: &mut Value, field: &str) {
    let taken = value.as_object_mut().and_then(|fields| fields.remove(field));
    assert!(taken.is_some(), "there is no {field} to take out");
}

#[test]
fn a_state_that_leads_nowhere() {
    planted(
        |it| state(it, "CollectPaymentMachine", "NobodyLooked")["Next"] = json!("RefusePaymnt"),
        &[("CollectPaymentMachine", "has a definition that Step Functions would reject")],
    );
}

#[test]
fn a_wait_that_nothing_ends() {
    planted(
        |it| {
            take(state(it, "FulfilDeliveryMachine", "MarkDeliveryAsStarted"), "TimeoutSecondsPath");
        },
        &[("FulfilDeliveryMachine", "may wait forever in MarkDeliveryAsStarted")],
    );
}

#[test]
fn a_wait_that_leads_nowhere_when_it_fails() {
    planted(
        |it| take(state(it, "CollectPaymentMachine", "Review"), "Catch"),
        &[("CollectPaymentMachine", "does not catch every error of the waiting task Review")],
    );
}

#[test]
fn a_call_of_what_is_not_of_this_template() {
    planted(
        |it| {
            let parameters = &mut state(it, "CollectPaymentMachine", "MakePayment")["Parameters"];
            parameters["FunctionName"] = json!("a-function-of-somebody");
        },
        &[(
            "CollectPaymentMachine",
            "calls lambda:invoke in MakePayment with a-function-of-somebody",
        )],
    );
    planted(
        |it| {
            of(it, "CollectPaymentMachine")["DefinitionSubstitutions"]["Bus"] =
                json!({ "Ref": "Archive" });
        },
        &[("CollectPaymentMachine", "calls events:putEvents in Say with Archive")],
    );
}

#[test]
fn the_function_of_another_service() {
    planted(
        |it| {
            of(it, "CollectPaymentMachine")["DefinitionSubstitutions"]["PaymentFunction"] =
                json!({ "Fn::GetAtt": ["FraudFunction", "Arn"] });
        },
        &[
            ("CollectPaymentMachine", "invokes FraudFunction for AskCustomer"),
            ("CollectPaymentMachine", "invokes FraudFunction for ConcludePayment"),
            ("CollectPaymentMachine", "invokes FraudFunction for MakePayment"),
            ("CollectPaymentMachine", "invokes FraudFunction for RefusePayment"),
        ],
    );
}

#[test]
fn a_task_that_is_none_of_the_machines() {
    planted(
        |it| {
            let parameters = &mut state(it, "CollectPaymentMachine", "MakePayment")["Parameters"];
            parameters["Payload"]["action"] = json!("CancelPayment");
        },
        &[
            ("CollectPaymentMachine", "invokes CancelPayment in MakePayment"),
            ("CollectPaymentMachine", "never invokes MakePayment"),
        ],
    );
}

#[test]
fn events_of_another_service() {
    planted(
        |it| {
            let say = state(it, "CollectPaymentMachine", "Say");
            say["Parameters"]["Entries"][0]["Source"] = json!("com.orders");
        },
        &[("CollectPaymentMachine", "publishes as com.orders in Say")],
    );
}

#[test]
fn an_event_that_a_task_returns_and_the_machine_may_not_publish() {
    planted(
        |it| {
            let say = statement(it, "CollectPaymentMachineRole", "PublishPayments");
            let words = &mut say["Condition"]["ForAllValues:StringEquals"]["events:detail-type"];
            words.as_array_mut().unwrap().retain(|word| word != "PaymentFailed");
        },
        &[("CollectPaymentMachineRole", "is not allowed to publish PaymentFailed")],
    );
}

#[test]
fn a_grant_that_the_definition_does_not_use() {
    planted(
        |it| {
            let functions = statement(it, "AwaitReviewMachineRole", "OwnTasks");
            functions["Resource"] = json!([
                { "Fn::GetAtt": ["PaymentFunction", "Arn"] },
                { "Fn::GetAtt": ["OrderFunction", "Arn"] },
            ]);
        },
        &[("AwaitReviewMachineRole", "is granted lambda:InvokeFunction on OrderFunction")],
    );
    planted(
        |it| {
            let words = &mut statement(it, "CollectPaymentMachineRole", "PublishPayments")["Condition"]
                ["ForAllValues:StringEquals"]["events:detail-type"];
            words.as_array_mut().unwrap().push(json!("PaymentCanceled"));
        },
        &[("CollectPaymentMachineRole", "may publish PaymentCanceled")],
    );
}

#[test]
fn a_call_that_the_role_does_not_allow() {
    planted(
        |it| {
            let ends = statement(it, "CollectPaymentMachineRole", "NestedExecutions");
            ends["Action"] = json!("states:DescribeExecution");
        },
        &[("CollectPaymentMachineRole", "is not granted states:StopExecution")],
    );
}

#[test]
fn a_function_that_starts_the_machine_of_another_service() {
    planted(
        |it| {
            let start = statement(it, "PaymentRole", "StartMachines");
            let arn = start["Resource"]["Fn::Sub"].as_str().unwrap().to_owned();
            start["Resource"]["Fn::Sub"] = json!(arn.replace("collect-payment", "fulfil-delivery"));
        },
        &[
            ("PaymentRole", "is granted states:StartExecution on arn:"),
            ("PaymentRole", "is not granted states:StartExecution on arn:"),
        ],
    );
}

#[test]
fn a_verdict_that_the_service_does_not_give() {
    planted(
        |it| {
            let choice = &mut state(it, "CollectPaymentMachine", "IsApproved")["Choices"][0];
            choice["StringEquals"] = json!("approved");
        },
        &[
            ("CollectPaymentMachine", "compares verdict with approved in IsApproved"),
            ("CollectPaymentMachine", "may get the answer approve in verdict"),
        ],
    );
}

#[test]
fn an_event_of_a_child_machine_that_its_parent_does_not_publish() {
    planted(
        |it| {
            let result = &mut state(it, "AwaitReviewMachine", "NobodyLooked")["Result"];
            result["verdict"] = json!("unlooked");
        },
        &[
            ("CollectPaymentMachine", "compares verdict with unseen in IsApproved"),
            ("CollectPaymentMachine", "may get the answer unlooked in verdict"),
        ],
    );
}
