//! Puts faults into the template of a small application, and asserts that the checks find them.

use chorus_template::{Finding, Stack, check, synthesize};
use serde_json::{Value, json};

use crate::{desk, with_partners};

/// Calls `plant`, which puts a fault into the template, and asserts that the checks find this fault
/// and nothing else.
#[track_caller]
fn planted(plant: impl FnOnce(&mut Value), subject: &str, problem: &str) {
    let stack = desk();
    let mut document = synthesize(&stack).document();
    plant(&mut document);
    is_found(&document, &stack, subject, problem);
    let findings = check(&document, &stack);
    assert_eq!(findings.len(), 1, "{findings:#?}");
}

#[track_caller]
fn is_found(document: &Value, stack: &Stack, subject: &str, problem: &str) {
    let findings = check(document, stack);
    let is = |one: &Finding| one.subject == subject && one.problem.contains(problem);
    let found = findings.iter().any(|one| is(one) && !one.remedy.is_empty());
    assert!(found, "{findings:#?}");
}

fn of<'a>(document: &'a mut Value, id: &str) -> &'a mut Value {
    &mut document["Resources"][id]["Properties"]
}

fn event<'a>(document: &'a mut Value, function: &str, name: &str) -> &'a mut Value {
    &mut of(document, function)["Events"][name]["Properties"]
}

/// Puts the state machine's definition inline into the template, and modifies the states of the
/// definition with `change`.
fn definition(document: &mut Value, change: impl FnOnce(&mut Value)) {
    let properties = of(document, "HandleTicketMachine");
    let text = include_str!("state-machines/handle-ticket.asl.json");
    properties["Definition"] = serde_json::from_str(text).unwrap();
    properties.as_object_mut().unwrap().remove("DefinitionUri");
    change(&mut properties["Definition"]["States"]);
}

#[test]
fn a_pattern_that_no_event_of_the_table_matches() {
    planted(
        |it| {
            let pattern = &mut event(it, "PagerFunction", "RingPager")["Pattern"];
            pattern["detail"] = json!({ "urgency": [{ "numeric": [">=", 2] }] });
        },
        "PagerFunctionRingPager",
        "matches no event of the design table",
    );
}

#[test]
fn a_rule_whose_dead_letters_are_lost() {
    planted(
        |it| {
            event(it, "PagerFunction", "RingPager")["DeadLetterConfig"] = Value::Null;
        },
        "PagerFunctionRingPager",
        "has no dead-letter queue",
    );
}

#[test]
fn a_function_whose_failures_are_lost() {
    planted(
        |it| of(it, "DeskFunction")["EventInvokeConfig"] = Value::Null,
        "DeskFunction",
        "has no failure destination",
    );
}

#[test]
fn a_grant_of_more_than_is_done() {
    planted(
        |it| {
            let statements = &mut of(it, "PagerRole")["Policies"][0]["PolicyDocument"]["Statement"];
            statements.as_array_mut().unwrap().push(json!({
                "Sid": "Tickets",
                "Effect": "Allow",
                "Action": "dynamodb:GetItem",
                "Resource": { "Fn::GetAtt": ["DeskTable", "Arn"] },
            }));
        },
        "PagerRole",
        "is granted DeskTable, which PagerFunction does not own",
    );
}

#[test]
fn code_that_is_not_there() {
    planted(
        |it| of(it, "DeskFunction")["CodeUri"] = json!("functions/dsk"),
        "DeskFunction",
        "names functions/dsk as CodeUri",
    );
}

#[test]
fn a_reference_to_nothing() {
    planted(
        |it| it["Outputs"]["BusName"]["Value"] = json!({ "Ref": "Buss" }),
        "Outputs.BusName",
        "refers to Buss",
    );
}

#[test]
fn a_rule_that_is_left_out() {
    let stack = desk();
    let mut document = synthesize(&stack).document();
    of(&mut document, "PagerFunction").as_object_mut().unwrap().remove("Events");
    is_found(&document, &stack, "RingPager", "consumes events, but no rule delivers them to it");
}

#[test]
fn a_service_that_is_left_out() {
    let mut stack = desk();
    stack.functions.pop();
    let document = synthesize(&stack).document();
    is_found(&document, &stack, "RingPager", "no rule delivers them to it");
}

#[test]
fn a_partner_without_an_endpoint_for_a_row_that_calls_it() {
    let mut stack = with_partners();
    stack.application.partners.remove(0);
    let document = synthesize(&stack).document();
    is_found(
        &document,
        &stack,
        "RingPager",
        "calls the siren, but the application declares no endpoint for this row",
    );
}

#[test]
fn a_choice_that_compares_what_nothing_answers() {
    let misspelt = |it: &mut Value| {
        definition(it, |states| {
            states["IsResolved"]["Choices"][1]["StringEquals"] = json!("withdrawn ");
            let known = json!({
                "Not": { "Variable": "$.agent.outcome", "StringEquals": "withdrawn" },
                "Next": "Done",
            });
            states["IsResolved"]["Choices"].as_array_mut().unwrap().push(known);
        });
    };
    planted(misspelt, "HandleTicketMachine", "compares outcome with withdrawn  in IsResolved");
}

#[test]
fn an_answer_that_no_choice_compares() {
    planted(
        |it| {
            definition(it, |states| {
                states["IsResolved"]["Choices"].as_array_mut().unwrap().pop();
            });
        },
        "HandleTicketMachine",
        "may get the answer withdrawn in outcome",
    );
}

#[test]
fn an_alarm_of_a_name_that_is_taken() {
    planted(
        |it| {
            let name = of(it, "ApiErrorsAlarm")["AlarmName"].clone();
            of(it, "DeadLettersDepthAlarm")["AlarmName"] = name;
        },
        "DeadLettersDepthAlarm",
        "has the same name as ApiErrorsAlarm",
    );
}
