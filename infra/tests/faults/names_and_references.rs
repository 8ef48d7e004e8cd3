//! Faults in names and references: names that are too long or used twice, and references to
//! something that does not exist.

use serde_json::json;

use crate::{event, of, planted};

#[test]
fn two_rules_of_one_name() {
    planted(
        |it| event(it, "OrderFunction", "LearnPrice")["RuleName"] = json!("order-ProjectOrder"),
        &[(
            "OrderFunctionProjectOrder",
            "has the same name as OrderFunctionLearnPrice: order-ProjectOrder",
        )],
    );
}

#[test]
fn a_name_that_is_too_long_once_the_stacks_name_stands_before_it() {
    planted(
        |it| {
            of(it, "OrderFunction")["FunctionName"] =
                json!({ "Fn::Sub": format!("${{AWS::StackName}}-{}", "o".repeat(40)) });
        },
        &[("OrderFunction", "65 characters if the stack's name has 24")],
    );
}

#[test]
fn a_queue_name_that_is_too_long() {
    planted(
        |it| of(it, "DeadLetters")["QueueName"] = json!("q".repeat(81)),
        &[("DeadLetters", "81 characters")],
    );
}

#[test]
fn a_reference_to_what_is_not_there() {
    planted(
        |it| of(it, "OrderFunction")["Environment"]["Variables"]["X"] = json!({ "Ref": "Nowhere" }),
        &[("OrderFunction", "refers to Nowhere")],
    );
}

#[test]
fn a_substitution_of_what_is_not_there() {
    planted(
        |it| {
            it["Outputs"]["ApiUrl"]["Value"] =
                json!({ "Fn::Sub": "https://${Apii}.${AWS::Region}" });
        },
        &[("Outputs.ApiUrl", "refers to Apii")],
    );
}

#[test]
fn a_condition_that_is_not_there() {
    planted(
        |it| it["Resources"]["Archive"]["Condition"] = json!("IsProduction"),
        &[("Archive", "depends on the condition IsProduction")],
    );
}

#[test]
fn a_parameter_that_nothing_uses() {
    planted(
        |it| it["Parameters"]["Colour"] = json!({ "Type": "String", "Default": "blue" }),
        &[("Colour", "is a parameter that nothing uses")],
    );
}
