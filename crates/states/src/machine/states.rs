//! Reads one state.

use super::choice;
use super::distributed;
use super::fields::{Fields, MAX_SECONDS};
use super::integrations;
use super::read::{Flows, query_language};
use super::recovery;
use super::resource::{Pattern, Resource};
use super::{CommonFields, Items, Kind, Map, Mode, Next, Pass, Seconds, State, Task, Text, Wait};
use crate::json::Json;
use crate::path::Path;
use crate::problem::Code;
use crate::template::Template;
use crate::timestamp;

/// Reads a state and reports its problems. An invalid field is replaced by a default, so that the
/// other fields are still read. Returns `None` if the type is missing or unknown.
pub(super) fn read(fields: &mut Fields<'_>, flows: &mut Flows) -> Option<State> {
    query_language(fields);
    let name = fields.required_text("Type", TYPES)?;
    let kind = match name {
        "Pass" => pass(fields),
        "Task" => task(fields),
        "Choice" => choice::read(fields),
        "Wait" => wait(fields),
        "Succeed" => Kind::Succeed,
        "Fail" => fail(fields),
        "Parallel" => parallel(fields, flows),
        "Map" => map(fields, flows),
        other => {
            fields.advise("Type", format!("'{other}' is unknown"), TYPES);
            return None;
        }
    };
    let comment = fields.text("Comment").map(str::to_owned);
    let (mut input_path, mut output_path) = (super::Selector::Whole, super::Selector::Whole);
    if name != "Fail" && !fields.jsonata {
        input_path = fields.selector("InputPath");
        output_path = fields.selector("OutputPath");
    }
    let assign = match name {
        "Fail" | "Succeed" => None,
        _ => fields.object_template("Assign"),
    };
    let output = if name == "Fail" { None } else { fields.output() };
    let next = match kind {
        Kind::Choice(..) | Kind::Succeed | Kind::Fail { .. } => None,
        _ => Some(next(fields)),
    };
    fields.finish(&format!("a {name} state"));
    let jsonata = fields.jsonata;
    Some(State { kind, comment, input_path, output_path, assign, output, jsonata, next })
}

const TYPES: &str = "the types are Pass, Task, Choice, Wait, Succeed, Fail, Parallel and Map";

fn next(fields: &mut Fields<'_>) -> Next {
    let next = fields.text("Next").map(str::to_owned);
    let end = fields.flag("End");
    match (next, end) {
        (Some(next), None | Some(false)) => {
            if end.is_some() {
                fields.advise("End", "cannot be combined with Next", "leave out one of the two");
            }
            Next::State(next)
        }
        (None, Some(true)) => Next::End,
        (Some(_), Some(true)) => {
            fields.advise("End", "cannot be combined with Next", "leave out one of the two");
            Next::End
        }
        (None, _) => {
            let remedy = "name the next state with Next, or let the state end with \"End\": true";
            if !fields.has("Next") {
                fields.advise("Next", "is missing, and End is not true", remedy);
            }
            Next::End
        }
    }
}

fn pass(fields: &mut Fields<'_>) -> Kind {
    if fields.jsonata {
        let result_path = super::ResultPath::Replace;
        return Kind::Pass(Pass { parameters: None, result: None, result_path });
    }
    let result = fields.take("Result");
    let computed = |key: &&String| key.ends_with(".$");
    if let Some(key) =
        result.and_then(Json::as_object).and_then(|members| members.keys().find(computed))
    {
        let reason = format!("'{key}' is not evaluated: a Result is passed on as it is");
        let remedy = "use Parameters to have it evaluated";
        fields.coded(Code::PassResultIsStatic).warn("Result", reason, remedy);
    }
    Kind::Pass(Pass {
        parameters: fields.template("Parameters"),
        result: result.cloned(),
        result_path: fields.result_path(),
    })
}

fn fan(fields: &mut Fields<'_>) -> CommonFields {
    let jsonpath = !fields.jsonata;
    CommonFields {
        parameters: fields.arguments(),
        result_selector: if jsonpath { fields.object_template("ResultSelector") } else { None },
        result_path: if jsonpath { fields.result_path() } else { super::ResultPath::Replace },
        retry: recovery::retriers(fields),
        catch: recovery::catchers(fields),
    }
}

fn task(fields: &mut Fields<'_>) -> Kind {
    let resource = fields
        .required_text("Resource", "name the function, activity or service integration to call")
        .unwrap_or_default();
    if resource.is_empty() && fields.has("Resource") {
        fields.refuse("Resource", "is empty");
    }
    let timeout = fields.seconds("TimeoutSeconds", 1..=MAX_SECONDS);
    let heartbeat = fields.seconds("HeartbeatSeconds", 1..=MAX_SECONDS);
    if let (Some(Seconds::Fixed(timeout)), Some(Seconds::Fixed(heartbeat))) = (&timeout, &heartbeat)
        && heartbeat >= timeout
    {
        let remedy = "a heartbeat must come due before the timeout does";
        let reason = format!("{heartbeat} is not less than TimeoutSeconds, {timeout}");
        fields.advise("HeartbeatSeconds", reason, remedy);
    }
    let resource = Resource::new(resource);
    integrations::check(fields, &resource);
    let credentials = credentials(fields);
    let fan = fan(fields);
    let given = fan.parameters.as_ref();
    let asks = given
        .is_some_and(|given| given.paths().into_iter().any(names_token) || given.queries_context());
    let has_token = match resource.pattern() {
        Pattern::Callback => true,
        Pattern::RunJob => asks,
        Pattern::RequestResponse => resource.is_activity(),
    };
    let task = Task { resource, has_token, credentials, timeout, heartbeat, fan };
    if task.resource.pattern() == Pattern::Callback {
        callback(fields, &task, asks);
    }
    Kind::Task(Box::new(task))
}

fn credentials(fields: &mut Fields<'_>) -> Option<Template> {
    let given = fields.object("Credentials")?;
    if !given.has("RoleArn") && !given.has("RoleArn.$") {
        given.missing("RoleArn", "name the role that the task takes on");
    }
    fields.object_template("Credentials")
}

/// Whether the path reads the task's token, or the whole context object, which includes the token.
fn names_token(path: &Path) -> bool {
    let path = path.to_string();
    path.starts_with("$$.Task") || path.trim_end() == "$$" || path.starts_with("$$[")
}

/// Warns if no field passes on the task token of a callback (`hands_over` is false). Also warns of
/// a callback that has neither a timeout nor a heartbeat.
fn callback(fields: &Fields<'_>, task: &Task, hands_over: bool) {
    if !hands_over {
        let remedy = "pass $$.Task.Token in Parameters";
        fields.warn(
            "Parameters",
            "the task token is not passed on, so nobody can answer the task",
            remedy,
        );
    }
    if task.timeout.is_none() && task.heartbeat.is_none() {
        let remedy = "without a timeout, an execution that gets no answer waits for up to a year";
        fields.warn("TimeoutSeconds", "is missing in a task with .waitForTaskToken", remedy);
    }
}

fn wait(fields: &mut Fields<'_>) -> Kind {
    if let Some(query) = fields.query("Timestamp") {
        return Kind::Wait(Wait::TimestampQuery(query));
    }
    const FIELDS: [&str; 4] = ["Seconds", "SecondsPath", "Timestamp", "TimestampPath"];
    let given = FIELDS.iter().filter(|field| fields.has(field)).count();
    if given != 1 {
        let remedy = "give exactly one of Seconds, SecondsPath, Timestamp and TimestampPath";
        fields.advise(
            "",
            format!("a Wait state has {given} fields that say how long to wait"),
            remedy,
        );
    }
    let seconds = match fields.query("Seconds") {
        Some(query) => Some(Seconds::Query("Seconds".to_owned(), query)),
        None => fields.integer("Seconds", 0..=MAX_SECONDS).map(Seconds::Fixed),
    };
    if fields.jsonata {
        for name in ["SecondsPath", "TimestampPath"] {
            if fields.take(name).is_some() {
                fields.refuse(name, "is for JSONPath");
            }
        }
    }
    let path = fields.reference("SecondsPath").map(Seconds::Path);
    let until = fields.text("Timestamp").and_then(|text| {
        let parsed = timestamp::parse(text);
        if parsed.is_none() {
            let remedy = "such as 2026-11-20T10:47:00Z";
            fields.advise("Timestamp", format!("'{text}' is not an RFC 3339 timestamp"), remedy);
        }
        parsed.map(Wait::Timestamp)
    });
    let until_path = fields.reference("TimestampPath").map(Wait::TimestampPath);
    let wait = seconds.or(path).map(Wait::Seconds).or(until).or(until_path);
    Kind::Wait(wait.unwrap_or(Wait::Seconds(Seconds::Fixed(0))))
}

fn fail(fields: &mut Fields<'_>) -> Kind {
    let mut text = |name: &str| {
        let by_path = format!("{name}Path");
        if fields.has(name) && fields.has(&by_path) {
            fields.advise(
                name,
                format!("cannot be combined with {by_path}"),
                "keep one of the two",
            );
        }
        if let Some(query) = fields.query(name) {
            return Some(Text::Query(name.to_owned(), query));
        }
        let fixed = fields.text(name).map(|text| Text::Fixed(text.to_owned()));
        if fields.jsonata {
            return fixed;
        }
        let computed = fields.expression(&by_path).map(Text::Computed);
        fixed.or(computed)
    };
    Kind::Fail { error: text("Error"), cause: text("Cause") }
}

fn parallel(fields: &mut Fields<'_>, flows: &mut Flows) -> Kind {
    let fan = fan(fields);
    if !fields.has("Branches") {
        fields.missing("Branches", "a Parallel state needs at least one branch");
    }
    let given = fields.has("Branches");
    let mut branches = fields.objects("Branches");
    if given && branches.is_empty() {
        fields.refuse("Branches", "has no branch");
    }
    let branches = branches.iter_mut().map(|branch| {
        let flow = flows.flow(branch);
        branch.finish("a branch");
        flow
    });
    Kind::Parallel(fan, branches.collect())
}

fn map(fields: &mut Fields<'_>, flows: &mut Flows) -> Kind {
    for (new, old) in [("ItemProcessor", "Iterator"), ("ItemSelector", "Parameters")] {
        if fields.has(new) && fields.has(old) {
            fields.advise(old, format!("cannot be combined with {new}"), &format!("keep {new}"));
            fields.take(old);
        }
    }
    let item_selector = fields.template("ItemSelector");
    let mut fan = fan(fields);
    let item_selector = item_selector.or(fan.parameters.take());
    let items = items(fields);
    let max_concurrency = fields.seconds("MaxConcurrency", 0..=MAX_SECONDS);
    let name = if fields.has("ItemProcessor") { "ItemProcessor" } else { "Iterator" };
    if !fields.has(name) {
        fields.missing("ItemProcessor", "a Map needs the states to run per item");
    }
    let mut mode = Mode::Inline;
    let processor = match fields.object(name) {
        None => usize::MAX,
        Some(mut processor) => {
            if let Some(mut config) = processor.object("ProcessorConfig") {
                mode = distributed::mode(&mut config);
            }
            let flow = flows.flow(&mut processor);
            processor.finish("an item processor");
            flow
        }
    };
    let distributed = match mode {
        Mode::Distributed => Some(distributed::read(fields)),
        Mode::Inline => {
            distributed::check_ignored(fields);
            None
        }
    };
    let map = Map { items, item_selector, max_concurrency, processor, distributed };
    Kind::Map(fan, Box::new(map))
}

fn items(fields: &mut Fields<'_>) -> Items {
    if !fields.jsonata {
        return fields.path("ItemsPath").map_or(Items::Input, Items::Path);
    }
    let template = fields.template("Items");
    if let Some(Template::Literal(value)) = &template
        && value.as_array().is_none()
        && value.as_object().is_none()
    {
        let reason = format!("must be an array or a JSONata expression, not {}", value.kind());
        fields.refuse("Items", reason);
    }
    template.map_or(Items::QueryInput, Items::Template)
}
