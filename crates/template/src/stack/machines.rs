//! The services' state machines, with roles and logs that derive from their definitions.

use chorus_kernel::MachineSpec;
use serde_json::{Value, json};

use super::Stack;
use super::grants::publishing;
use super::parameters::MACHINE_LOG_LEVEL;
use super::topology::Topology;
use crate::Template;
use crate::check::variables;
use crate::constructs::{LogGroup, Principal, Role, StateMachine, Statement};
use crate::intrinsics::{arn, reference, substitute};
use crate::machine::{Machine, Task, substituted};
use crate::names;

/// The permissions with which Step Functions delivers a state machine's logs. These permissions
/// cannot be restricted to resources.
pub(crate) const LOG_DELIVERY: &[&str] = &[
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
];

const TRACES: &[&str] = &[
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
];

/// The name of the managed rule that notifies Step Functions of the end of a nested execution.
const NESTED_RULE: &str = "StepFunctionsGetEventsForStepFunctionsExecutionRule";

pub(crate) fn add(template: &mut Template, stack: &Stack, topology: &Topology) {
    if topology.machines.is_empty() {
        return;
    }
    template.section(format!(
        "State machines, each within one service. Their definitions are files in {}/;\n\
         a role allows exactly the calls of its machine's definition, and the events of its tasks.",
        stack.application.definitions
    ));
    for machine in &topology.machines {
        let name = machine.spec.name;
        let log_group = LogGroup {
            name: format!("/aws/vendedlogs/states/${{AWS::StackName}}-{}", names::kebab(name)),
            days: "LogRetentionDays",
        };
        template.add(names::machine_logs(name), &log_group);
        let statements = statements(machine, topology);
        let role = Role { principal: Principal::StepFunctions, statements };
        template.add(names::machine_role(name), &role);
        let construct = StateMachine {
            name: names::kebab(name),
            definition: machine.file.clone(),
            substitutions: substitutions(machine, topology),
            role: names::machine_role(name),
            log_group: names::machine_logs(name),
            log_level: MACHINE_LOG_LEVEL,
        };
        template.add(names::machine(name), &construct);
    }
}

/// The ARN of a state machine, made from its name. A `Ref` would be circular if the machine invokes
/// the function that needs the ARN, because the machine also refers to that function.
pub(crate) fn arn_by_name(machine: &str) -> Value {
    substitute(format!("{}:stateMachine:{}", account("states"), physical(machine)))
}

/// A JSON object with the machine's timeouts, each as a reference to its template parameter; `None`
/// if the machine has no timeouts.
pub(crate) fn limits(machine: &MachineSpec) -> Option<Value> {
    let limit = |(name, _): &(&str, u32)| format!("\"{name}\": ${{{name}}}");
    let limits: Vec<String> = machine.limits.iter().map(limit).collect();
    (!limits.is_empty()).then(|| substitute(format!("{{{}}}", limits.join(", "))))
}

fn account(service: &str) -> String {
    format!("arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}")
}

fn physical(machine: &str) -> String {
    format!("${{AWS::StackName}}-{}", names::kebab(machine))
}

/// The value of each `${Name}` in the definition. An unknown name is left out, and a check of the
/// template reports it.
fn substitutions(machine: &Machine, topology: &Topology) -> Vec<(String, Value)> {
    let mut names: Vec<&str> = variables(machine.spec.definition).collect();
    names.sort_unstable();
    names.dedup();
    let meant = |name: &str| Some((name.to_owned(), meaning(name, topology)?));
    names.into_iter().filter_map(meant).collect()
}

/// The value of a `${Name}` in a definition: the bus, a function, a machine or a timeout.
fn meaning(name: &str, topology: &Topology) -> Option<Value> {
    let mut machines = topology.machines.iter();
    if name == names::BUS {
        return Some(reference(names::BUS));
    }
    if topology.functions.iter().any(|function| names::function(function) == name) {
        return Some(arn(name));
    }
    if machines.clone().any(|machine| machine.spec.name == name) {
        return Some(arn(&names::machine(name)));
    }
    let limits = |machine: &Machine| machine.spec.limits.iter().any(|(limit, _)| *limit == name);
    machines.any(limits).then(|| reference(name))
}

/// All statements of a state machine's role: for the calls in the machine's definition, for logs
/// and for traces.
pub(crate) fn statements(machine: &Machine, topology: &Topology) -> Vec<Statement> {
    // The actions of log delivery and of X-Ray cannot be restricted to resources.
    let mut statements = vec![
        Statement::new("LogDelivery", LOG_DELIVERY, vec![json!("*")]),
        Statement::new("Traces", TRACES, vec![json!("*")]),
    ];
    let functions = called(machine, "lambda:invoke", "FunctionName");
    if !functions.is_empty() {
        let functions = functions.into_iter().map(arn).collect();
        statements.push(Statement::new("OwnTasks", &["lambda:InvokeFunction"], functions));
    }
    if machine.definition.tasks().any(|task| task.calls("events:putEvents")) {
        statements
            .extend(publishing(machine.publishing_rows(topology.rows).flat_map(|row| row.emits)));
    }
    statements.extend(nesting(machine));
    statements
}

/// IAM statements for nested executions (`startExecution.sync:2`).
fn nesting(machine: &Machine) -> Vec<Statement> {
    let nested = called(machine, "states:startExecution", "StateMachineArn");
    if nested.is_empty() {
        return Vec::new();
    }
    let of_nested = |of: &dyn Fn(&str) -> Value| nested.iter().map(|name| of(name)).collect();
    let execution =
        |name: &str| substitute(format!("{}:execution:{}:*", account("states"), physical(name)));
    let rule = substitute(format!("{}:rule/{NESTED_RULE}", account("events")));
    vec![
        Statement::new(
            "Nested",
            &["states:StartExecution"],
            of_nested(&|name| arn(&names::machine(name))),
        ),
        Statement::new(
            "NestedExecutions",
            &["states:DescribeExecution", "states:StopExecution"],
            of_nested(&execution),
        ),
        Statement::new(
            "NestedEnds",
            &["events:PutTargets", "events:PutRule", "events:DescribeRule"],
            vec![rule],
        ),
    ]
}

/// Looks at the tasks that make the call `call`. For each task whose `parameter` has the value
/// `${Name}`, returns `Name`.
fn called<'a>(machine: &'a Machine, call: &str, parameter: &str) -> Vec<&'a str> {
    let tasks = machine.definition.tasks().filter(|task| task.calls(call));
    let name = |task: Task<'a>| substituted(&task.parameters()[parameter]);
    let mut names: Vec<&str> = tasks.filter_map(name).collect();
    names.sort_unstable();
    names.dedup();
    names
}
