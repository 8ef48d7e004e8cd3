//! The IAM statements of each function, for its own tables, its own events on the bus and its own
//! failure queue.

use std::collections::{BTreeMap, BTreeSet};

use chorus_kernel::{
    Function, IDEMPOTENCY_TABLE, Index, PERSON_KEYS_TABLE, RowOutputs, TableSpec, UNPUBLISHED_INDEX,
};
use chorus_table::{EventSpec, KeyUse, RowSpec, Service};
use serde_json::{Value, json};

use super::machines::arn_by_name;
use super::topology::Topology;
use crate::constructs::Statement;
use crate::intrinsics::{arn, substitute};
use crate::machine::{Machine, is_published_by_machines};
use crate::names;
use crate::{Application, TableAccess};

/// The DynamoDB operations that a service's actions use on the service's own tables. IAM has no
/// permission for a transaction: its writes and condition checks need their own permissions.
pub(crate) const OWN_TABLE_ACTIONS: &[&str] = &[
    "dynamodb:BatchGetItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
];

/// The DynamoDB operations that a service's actions use on an index of a table.
const INDEX_ACTIONS: &[&str] = &["dynamodb:Query"];

/// Operations on idempotency records for a service with rows that make external calls. For such a
/// row, one `BatchGetItem` reads both the record and the state on which the row's action decides.
const RECORD_ACTIONS_OF_CALLERS: &[&str] =
    &["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"];

/// Operations on idempotency records for a service whose rows make no external calls, but publish
/// events or start state machines.
pub(crate) const RECORD_ACTIONS: &[&str] =
    &["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"];

/// Operations on idempotency records for a service whose rows neither publish events nor start
/// state machines.
const RECORD_ACTIONS_WITHOUT_OUTPUT: &[&str] = &["dynamodb:GetItem", "dynamodb:PutItem"];

/// The sweeper's operations on idempotency records.
pub(crate) const SWEEP_ACTIONS: &[&str] =
    &["dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"];

/// Operations on the queues that a function receives from: Lambda polls them for the function, and
/// the function changes the visibility of a message on which it failed.
const RECEIVE_ACTIONS: &[&str] = &[
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ChangeMessageVisibility",
];

/// All statements of the function of a service.
pub(crate) fn of_service(
    topology: &Topology,
    function: &Function,
    application: &Application,
) -> Vec<Statement> {
    let service = function.service;
    let mut statements = common(topology, service.name);
    statements.extend(own_tables(&function.tables, &application.access));
    let mut rows = topology.rows.iter().filter(|row| row.service == service);
    let calls = function.handlers.iter().any(|handler| handler.calls());
    // A record of a row that neither publishes nor starts a machine is never marked as published,
    // so it is never updated.
    let marks = rows.any(|row| !row.emits.is_empty() || row.starts_machine);
    let actions = match (calls, marks) {
        (true, _) => RECORD_ACTIONS_OF_CALLERS,
        (false, true) => RECORD_ACTIONS,
        (false, false) => RECORD_ACTIONS_WITHOUT_OUTPUT,
    };
    statements.push(Statement::new("Records", actions, vec![records()]));
    statements.extend(of_keys(topology, service));
    statements.extend(publishing(published_by_functions(topology, |row| row.service == service)));
    statements.extend(machine_permissions(topology, |owner| owner == service));
    let sources: Vec<Value> = topology.sources(service).iter().map(|queue| arn(queue)).collect();
    if !sources.is_empty() {
        statements.push(Statement::new("OwnQueues", RECEIVE_ACTIONS, sources));
    }
    let further = application.grants.iter().filter(|(whose, _)| *whose == service);
    statements.extend(further.map(|(_, statement)| statement.clone()));
    statements
}

/// The permission to use people's encryption keys; `None` if no row of the service uses them.
fn of_keys(topology: &Topology, service: Service) -> Option<Statement> {
    const READ: &[&str] = &["dynamodb:GetItem"];
    const MAKE: &[&str] = &["dynamodb:GetItem", "dynamodb:PutItem"];
    // The transaction that stores encrypted data checks that the key has not been destroyed.
    const SEAL: &[&str] = &[
        "dynamodb:BatchGetItem",
        "dynamodb:ConditionCheckItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
    ];
    let actions = match topology.key_use(service) {
        KeyUse::None => return None,
        KeyUse::Opens => READ,
        KeyUse::Seals => SEAL,
        KeyUse::Destroys => MAKE,
    };
    Some(Statement::new("PersonKeys", actions, vec![arn(&names::table(PERSON_KEYS_TABLE.name))]))
}

/// All statements of the sweeper. The sweeper publishes committed events that a service left
/// unpublished, and moves undelivered events to the queue of dead letters.
pub(crate) fn of_sweeper(topology: &Topology) -> Vec<Statement> {
    let index = UNPUBLISHED_INDEX.name;
    let index = substitute(format!("${{{}.Arn}}/index/{index}", records_table()));
    let mut statements = common(topology, names::SWEEPER);
    statements.push(Statement::new("Records", SWEEP_ACTIONS, vec![records(), index]));
    statements.extend(publishing(published_by_functions(topology, |_| true)));
    statements.extend(machine_permissions(topology, |_| true));
    statements.push(Statement::new("OwnQueues", RECEIVE_ACTIONS, vec![arn(names::UNDELIVERED)]));
    let dead_letters = vec![arn(names::DEAD_LETTERS)];
    statements.push(Statement::new("DeadLetters", &["sqs:SendMessage"], dead_letters));
    statements
}

/// The events that the sweeper may publish for each row. The sweeper treats a record with any other
/// event as forged. The events of a state machine's tasks are left out, because the machine
/// publishes them.
pub(super) fn outputs(topology: &Topology) -> RowOutputs {
    let rows = topology.rows.iter().filter(|row| row.partner().is_none());
    RowOutputs::of(rows.map(|row| {
        let by_machine = is_published_by_machines(&topology.machines, row);
        if by_machine { RowSpec { emits: &[], ..*row } } else { *row }
    }))
}

/// The permissions to start the state machines of the services that `of` selects, to complete the
/// machines' tasks by task token, and to send heartbeats for the tasks.
fn machine_permissions(topology: &Topology, of: impl Fn(Service) -> bool) -> Vec<Statement> {
    struct SignalGrant {
        sid: &'static str,
        actions: &'static [&'static str],
        applies_to: fn(&Machine, &[RowSpec]) -> bool,
        /// Whether the grant includes machines of earlier releases, whose executions may still run.
        retired_too: bool,
    }
    const SIGNALS: [SignalGrant; 3] = [
        SignalGrant {
            sid: "StartMachines",
            actions: &["states:StartExecution"],
            applies_to: Machine::is_started_by_a_row,
            retired_too: false,
        },
        SignalGrant {
            sid: "AnswerMachines",
            actions: &["states:SendTaskSuccess"],
            applies_to: |machine, _| machine.waits_for_answers(),
            retired_too: true,
        },
        SignalGrant {
            sid: "KeepMachinesWaiting",
            actions: &["states:SendTaskHeartbeat"],
            applies_to: |machine, _| machine.waits_for_heartbeats(),
            retired_too: false,
        },
    ];
    let statement = |SignalGrant { sid, actions, applies_to, retired_too }: SignalGrant| {
        let machines = topology.machines.iter().filter(|machine| of(machine.service));
        let targets = machines.filter(|machine| applies_to(machine, topology.rows));
        let mut arns: Vec<Value> = targets.map(|machine| arn_by_name(machine.spec.name)).collect();
        if retired_too {
            let retired = topology.retired.iter().filter(|(service, _)| of(*service));
            arns.extend(retired.map(|(_, machine)| arn_by_name(machine)));
        }
        (!arns.is_empty()).then(|| Statement::new(sid, actions, arns))
    };
    SIGNALS.into_iter().filter_map(statement).collect()
}

fn common(topology: &Topology, name: &str) -> Vec<Statement> {
    let logs = arn(&names::logs(name));
    let failures = [names::failures(name)].into_iter().chain(topology.redrive(name));
    let failures = failures.map(|queue| arn(&queue)).collect();
    vec![
        Statement::new("Logs", &["logs:CreateLogStream", "logs:PutLogEvents"], vec![logs]),
        // The X-Ray actions cannot be restricted to resources, so the statement allows `*`.
        Statement::new(
            "Traces",
            &["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
            vec![json!("*")],
        ),
        Statement::new("OwnFailures", &["sqs:SendMessage"], failures),
    ]
}

fn records_table() -> String {
    names::table(IDEMPOTENCY_TABLE.name)
}

fn records() -> Value {
    arn(&records_table())
}

/// The statements for a service's tables and their indexes. Tables and indexes on which the service
/// uses the same operations share a statement.
fn own_tables(tables: &[TableSpec], known: &[TableAccess]) -> Vec<Statement> {
    let mut places: BTreeMap<&'static [&'static str], Vec<Value>> = BTreeMap::new();
    let mut add = |(table, index): (&'static str, Option<&'static str>), otherwise, arn| {
        let access = known.iter().find(|access| (access.table, access.index) == (table, index));
        let actions = access.map_or(otherwise, |access| access.actions);
        places.entry(actions).or_default().push(arn);
    };
    for table in tables {
        let id = names::table(table.name);
        add((table.name, None), OWN_TABLE_ACTIONS, arn(&id));
        for Index { name, .. } in table.indexes {
            let arn = substitute(format!("${{{id}.Arn}}/index/{name}"));
            add((table.name, Some(name)), INDEX_ACTIONS, arn);
        }
    }
    let granted = places.into_iter().filter(|(actions, _)| !actions.is_empty());
    let statement = |(number, (actions, arns)): (usize, (&'static [&'static str], Vec<Value>))| {
        let number = if number == 0 { String::new() } else { (number + 1).to_string() };
        Statement::new(format!("OwnTables{number}"), actions, arns)
    };
    granted.enumerate().map(statement).collect()
}

/// The events that functions publish for the rows that `of` selects: the outputs that no state
/// machine publishes, and the events of partners' circuit breakers.
pub(crate) fn published_by_functions(
    topology: &Topology,
    of: impl Fn(&RowSpec) -> bool,
) -> impl Iterator<Item = &'static EventSpec> {
    let rows = topology.rows.iter().filter(move |row| of(row) && row.partner().is_none());
    rows.flat_map(|row| {
        let by_machine = is_published_by_machines(&topology.machines, row);
        let own = row.emits.iter().filter(move |_| !by_machine);
        own.chain(row.breaker_events())
    })
}

/// Permission to publish these events: a statement for each source, restricted to the detail types
/// of that source. A request with several entries has several sources and several detail types, so
/// the condition on them uses `ForAllValues`. The `Null` condition rejects a request without a
/// source or without a detail type.
pub(super) fn publishing<'a>(events: impl Iterator<Item = &'a EventSpec>) -> Vec<Statement> {
    let mut by_source: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for event in events {
        by_source.entry(event.owner.source()).or_default().insert(event.detail_type);
    }
    let statement = |(source, detail_types): (&str, BTreeSet<&str>)| {
        let sid = format!("Publish{}", source_name(source));
        Statement::new(sid, &["events:PutEvents"], vec![arn(names::BUS)]).condition(json!({
            "ForAllValues:StringEquals": {
                "events:source": [source],
                "events:detail-type": detail_types,
            },
            "Null": { "events:source": "false", "events:detail-type": "false" },
        }))
    };
    by_source.into_iter().map(statement).collect()
}

/// Turns `com.event-log` into `EventLog`, because a statement's `Sid` consists of letters and
/// digits.
fn source_name(source: &str) -> String {
    let own = source.split_once('.').map_or(source, |(_, own)| own);
    names::pascal(&own.replace('.', "-"))
}
