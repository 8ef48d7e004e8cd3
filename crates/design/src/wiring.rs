//! Checks that the code implements the table and nothing more: each service has a function, each
//! row an action, and each state machine a definition.

use chorus_kernel::Function;
use chorus_table::{RowSpec, Service, Table};

use crate::Finding;

/// Reports differences between the table of an application and `functions`, which are all the
/// functions that the application runs.
#[must_use]
pub fn wiring(table: &Table, functions: &[Function]) -> Vec<Finding> {
    let mut findings = services(table, functions);
    findings.extend(table.rows.iter().flat_map(|row| without_code(row, functions)));
    findings.extend(functions.iter().flat_map(|function| without_row(table, function)));
    findings
}

fn services(table: &Table, functions: &[Function]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for service in table.services {
        let name = service.title;
        match functions.iter().filter(|function| function.service == *service).count() {
            1 => {}
            0 => findings.push(Finding::new(
                name,
                "is a service without a function",
                "Add its function to the list of all functions, or remove the service",
            )),
            more => findings.push(Finding::new(
                name,
                format!("has {more} functions in the list, but needs exactly one"),
                "List only one: a single function handles every message of a service",
            )),
        }
        if !table.rows.iter().any(|row| row.service == *service) {
            let remedy = "Give it a row, or remove it from the list of services";
            findings.push(Finding::new(name, "is a service without a row", remedy));
        }
    }
    let used = table.rows.iter().map(|row| row.service);
    let used = used.chain(functions.iter().map(|function| function.service));
    let mut unlisted: Vec<Service> = used.filter(|it| !table.services.contains(it)).collect();
    unlisted.sort_unstable();
    unlisted.dedup();
    findings.extend(unlisted.into_iter().map(|service| {
        let remedy = "Declare the service in `services!`";
        Finding::new(service.title, "is not in the list of services", remedy)
    }));
    findings
}

/// Reports rows without an action in their service's function. A row needs no action if the bus
/// itself calls the row's partner, or forwards events to another account.
fn without_code(row: &RowSpec, functions: &[Function]) -> Vec<Finding> {
    let Some(function) = functions.iter().find(|function| function.service == row.service) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let answered = function.handlers.iter().any(|handler| handler.row() == *row);
    if !answered && row.has_code() {
        let problem = format!("has no action in the function of {}", row.service.title);
        let remedy = "Register the row's action in that function with `action`, `external_action` or \
                      `starts`";
        findings.push(Finding::new(row.action, problem, remedy));
    }
    let defined = function.machines.iter().any(|machine| machine.name == row.action);
    if row.starts_machine && !defined {
        let problem = "starts a state machine that its service does not define";
        let remedy = "Register the machine in the service's function with `machine`";
        findings.push(Finding::new(row.action, problem, remedy));
    }
    findings
}

/// Reports actions of a function that have no row in the table, or whose row belongs to another
/// service.
fn without_row(table: &Table, function: &Function) -> Vec<Finding> {
    let mut findings = Vec::new();
    for row in function.handlers.iter().map(|handler| handler.row()) {
        if !table.rows.contains(&row) || row.service != function.service {
            let problem = format!(
                "is implemented in the function of {}, but the table has no row for it in that service",
                function.service.title
            );
            let remedy = "Register the action in its own service, or add the row";
            findings.push(Finding::new(row.action, problem, remedy));
        }
    }
    findings
}
