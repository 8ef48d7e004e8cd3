//! The services' code implements the design table. A row, service or state machine that the code
//! leaves out is reported.

use chorus_design::{Finding, prove, wiring};
use chorus_events::services;
use chorus_events::table::TABLE;
use chorus_kernel::Function;
use chorus_table::Table;

fn functions() -> Vec<Function> {
    chorus_services::described().into_iter().map(|described| described.function).collect()
}

fn function<'a>(functions: &'a mut [Function], name: &str) -> &'a mut Function {
    functions.iter_mut().find(|it| it.service.name == name).expect("the list has it")
}

fn findings(change: impl FnOnce(&mut Vec<Function>)) -> Vec<Finding> {
    let mut functions = functions();
    change(&mut functions);
    wiring(&TABLE, &functions)
}

#[track_caller]
fn assert_findings(findings: &[Finding], expected: &[(&str, &str)]) {
    let found_pairs = findings.iter().map(|found| (found.subject.as_str(), found.problem.as_str()));
    assert_eq!(found_pairs.collect::<Vec<_>>(), expected);
}

#[test]
fn the_services_do_what_the_table_says() {
    assert_eq!(prove(&TABLE, &functions()), []);
}

#[test]
fn a_row_without_an_action_is_found() {
    let found = findings(|all| {
        function(all, "inventory").handlers.retain(|it| it.row().action != "ReserveItem");
    });
    assert_findings(&found, &[("ReserveItem", "has no action in the function of Inventory")]);
}

#[test]
fn a_service_that_is_left_out_of_the_functions_is_found() {
    let found = findings(|all| all.retain(|it| it.service != services::EVENT_LOG));
    assert_findings(&found, &[("Event log", "is a service without a function")]);
}

#[test]
fn a_service_that_is_there_twice_is_found() {
    let found = findings(|all| all.push(all[0].clone()));
    assert_findings(&found, &[("Order", "has 2 functions in the list, but needs exactly one")]);
}

#[test]
fn a_service_that_is_not_in_the_list_of_services_is_found() {
    let known: Vec<_> =
        services::ALL.into_iter().filter(|service| *service != services::EVENT_LOG).collect();
    let found = wiring(&Table { services: known.leak(), ..TABLE }, &functions());
    assert_findings(&found, &[("Event log", "is not in the list of services")]);
}

#[test]
fn a_service_without_a_row_is_found() {
    let rows: Vec<_> =
        TABLE.rows.iter().filter(|row| row.service != services::EVENT_LOG).copied().collect();
    let found = wiring(&Table { rows: rows.leak(), ..TABLE }, &functions());
    let orphan = "is implemented in the function of Event log, but the table has no row for it in that service";
    assert_findings(
        &found,
        &[("Event log", "is a service without a row"), ("RecordEvent", orphan)],
    );
}

#[test]
fn an_action_in_the_function_of_another_service_is_found() {
    let found = findings(|all| {
        let strayed = function(all, "event-log").handlers.pop().expect("it has one");
        function(all, "analytics").handlers.push(strayed);
    });
    let elsewhere = "is implemented in the function of Analytics, but the table has no row for it in that service";
    let missing = "has no action in the function of Event log";
    assert_findings(&found, &[("RecordEvent", missing), ("RecordEvent", elsewhere)]);
}

#[test]
fn a_machine_without_a_definition_is_found() {
    let found = findings(|all| function(all, "payment").machines.clear());
    let undefined = "starts a state machine that its service does not define";
    assert_findings(&found, &[("CollectPayment", undefined)]);
}

#[test]
fn proving_runs_both_checks() {
    let rows: Vec<_> =
        TABLE.rows.iter().filter(|row| row.action != "CancelPayment").copied().collect();
    let found = prove(&Table { rows: rows.leak(), ..TABLE }, &functions());
    let of = |subject: &str| found.iter().any(|finding| finding.subject == subject);
    assert!(of("MakePayment") && of("CancelPayment"), "{found:#?}");
}
