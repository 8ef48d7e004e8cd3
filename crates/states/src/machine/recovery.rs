//! Reads the entries of `Retry` (retriers) and of `Catch` (catchers).

use super::ResultPath;
use super::fields::{Fields, MAX_SECONDS};
use crate::failure::ALL;
use crate::template::Template;

/// The greatest `MaxDelaySeconds` that Step Functions accepts: 366 days.
const MAX_DELAY: u64 = 31_622_400;

#[derive(Debug, Clone)]
pub(crate) struct Retrier {
    pub(crate) error_equals: Vec<String>,
    pub(crate) interval_seconds: u64,
    pub(crate) max_attempts: u64,
    pub(crate) backoff_rate: f64,
    pub(crate) max_delay_seconds: Option<u64>,
    pub(crate) full_jitter: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Catcher {
    pub(crate) error_equals: Vec<String>,
    pub(crate) result_path: ResultPath,
    pub(crate) assign: Option<Template>,
    /// The `Output` of a catcher in JSONata.
    pub(crate) output: Option<Template>,
    pub(crate) next: String,
}

pub(super) fn retriers(fields: &mut Fields<'_>) -> Vec<Retrier> {
    let mut entries = fields.objects("Retry");
    let last = entries.len().saturating_sub(1);
    let read = |(position, entry): (usize, &mut Fields<'_>)| retrier(entry, position == last);
    entries.iter_mut().enumerate().map(read).collect()
}

pub(super) fn catchers(fields: &mut Fields<'_>) -> Vec<Catcher> {
    let mut entries = fields.objects("Catch");
    let last = entries.len().saturating_sub(1);
    let read = |(position, entry): (usize, &mut Fields<'_>)| catcher(entry, position == last);
    entries.iter_mut().enumerate().filter_map(read).collect()
}

fn retrier(entry: &mut Fields<'_>, is_last: bool) -> Retrier {
    let error_equals = error_equals(entry, is_last);
    let interval = entry.integer("IntervalSeconds", 0..=MAX_SECONDS);
    if interval == Some(0) {
        entry.warn("IntervalSeconds", "0 is not positive", "Step Functions requires 1 or more");
    }
    let max_attempts = entry.integer("MaxAttempts", 0..=MAX_SECONDS).unwrap_or(3);
    let max_delay_seconds = entry.integer("MaxDelaySeconds", 1..=MAX_DELAY);
    let interval_seconds = interval.unwrap_or(1);
    if let Some(max_delay) = max_delay_seconds
        && max_delay < interval_seconds
    {
        let reason = format!("{max_delay} is less than IntervalSeconds, {interval_seconds}");
        entry.refuse("MaxDelaySeconds", reason);
    }
    let backoff_rate = match entry.take("BackoffRate") {
        None => 2.0,
        Some(value) => match value.as_f64() {
            Some(rate) if rate >= 1.0 => rate,
            _ => {
                entry.refuse("BackoffRate", format!("must be a number from 1.0 on, not {value}"));
                2.0
            }
        },
    };
    let full_jitter = match entry.text("JitterStrategy") {
        None | Some("NONE") => false,
        Some("FULL") => true,
        Some(other) => {
            entry.advise("JitterStrategy", format!("'{other}' is unknown"), "use FULL or NONE");
            false
        }
    };
    entry.finish("a retrier");
    Retrier {
        error_equals,
        interval_seconds,
        max_attempts,
        backoff_rate,
        max_delay_seconds,
        full_jitter,
    }
}

fn catcher(entry: &mut Fields<'_>, is_last: bool) -> Option<Catcher> {
    let error_equals = error_equals(entry, is_last);
    let result_path = if entry.jsonata { ResultPath::Replace } else { entry.result_path() };
    let output = entry.output();
    let assign = entry.object_template("Assign");
    let next = entry.required_text("Next", "name the state that handles the error");
    entry.finish("a catcher");
    Some(Catcher { error_equals, result_path, assign, output, next: next?.to_owned() })
}

fn error_equals(entry: &mut Fields<'_>, is_last: bool) -> Vec<String> {
    const NAME: &str = "ErrorEquals";
    if !entry.has(NAME) {
        entry.missing(NAME, "list the error names that it handles");
        return Vec::new();
    }
    let items = entry.array(NAME).unwrap_or_default();
    let mut names = Vec::with_capacity(items.len());
    for item in items {
        match item.as_str() {
            Some(name) => names.push(name.to_owned()),
            None => entry.refuse(NAME, format!("must hold strings, not {}", item.kind())),
        }
    }
    if items.is_empty() {
        entry.refuse(NAME, "must name at least one error");
    }
    if names.iter().any(|name| name == ALL) {
        if names.len() > 1 {
            entry.advise(
                NAME,
                format!("{ALL} cannot be combined with other names"),
                "it must be the only name",
            );
        }
        if !is_last {
            let remedy = "nothing after it can match: make it the last one";
            entry.advise(NAME, format!("{ALL} is not in the last entry"), remedy);
        }
    }
    for name in names.iter().filter(|name| name.starts_with("States.") && !is_known(name)) {
        let remedy = "names that start with 'States.' are reserved for Step Functions";
        entry.warn(NAME, format!("'{name}' is not an error name of Step Functions"), remedy);
    }
    names
}

fn is_known(name: &str) -> bool {
    const KNOWN: [&str; 18] = [
        "ALL",
        "BranchFailed",
        "DataLimitExceeded",
        "ExceedToleratedFailureThreshold",
        "HeartbeatTimeout",
        "Http.Socket",
        "IntrinsicFailure",
        "ItemReaderFailed",
        "NoChoiceMatched",
        "ParameterPathFailure",
        "Permissions",
        "QueryEvaluationError",
        "ReferencePathConflict",
        "ResultPathMatchFailure",
        "ResultWriterFailed",
        "Runtime",
        "TaskFailed",
        "Timeout",
    ];
    name.strip_prefix("States.").is_some_and(|name| KNOWN.contains(&name))
}
