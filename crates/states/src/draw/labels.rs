//! The texts of a drawing: the texts in the boxes of states and the labels beside the edges.

use crate::machine::{
    ChoiceRule, Comparison, Items, Kind, Map, Next, Operand, Relation, Seconds, State, Test,
    ValueKind, Wait,
};
use crate::path::Path;
use crate::template::Template;

const MAX_TITLE: usize = 60;
const MAX_LABEL: usize = 56;

/// Returns the edges that leave a state, each with its target, its label and its style.
pub(super) fn edges(state: &State) -> Vec<(&str, String, &'static str)> {
    let mut edges = Vec::new();
    if let Some(Next::State(next)) = &state.next {
        edges.push((next.as_str(), String::new(), "next"));
    }
    if let Kind::Choice(rules, default) = &state.kind {
        let labelled = |rule: &ChoiceRule| test(&rule.test);
        edges.extend(rules.iter().map(|rule| (rule.next.as_str(), labelled(rule), "next")));
        edges.extend(default.iter().map(|next| (next.as_str(), "default".to_owned(), "next")));
    }
    if let Some(fan) = state.kind.fan() {
        edges.extend(fan.catch.iter().map(|catcher| {
            let names: Vec<&str> = catcher
                .error_equals
                .iter()
                .map(|name| if name == "States.ALL" { "any error" } else { name.as_str() })
                .collect();
            (catcher.next.as_str(), names.join(", "), "catch")
        }));
    }
    edges
}

/// Returns the label to draw beside an edge and, if it had to be shortened, the full label.
pub(super) fn edge_label(label: &str) -> (String, Option<String>) {
    let shown = cut(label, MAX_LABEL);
    let whole = (shown != label).then(|| label.to_owned());
    (shown, whole)
}

pub(super) fn title(name: &str) -> String {
    cut(name, MAX_TITLE)
}

/// Returns the second line of a box: a short description of the state's work.
pub(super) fn subtitle(kind: &Kind) -> String {
    cut(&what(kind), MAX_TITLE + 6)
}

/// Returns a state's full name, the description of its work, and its comment, on separate lines.
pub(super) fn tooltip(name: &str, state: &State) -> String {
    let mut lines = vec![name.to_owned(), what(&state.kind)];
    lines.extend(state.comment.clone());
    lines.join("\n")
}

fn what(kind: &Kind) -> String {
    match kind {
        Kind::Task(task) => match task.resource.service() {
            Some((service, action)) => format!("{service}:{action}"),
            None => {
                let name = task.resource.arn().rsplit(':').next().unwrap_or_default();
                let what = if task.resource.is_activity() { "activity" } else { "function" };
                format!("{what} {name}")
            }
        },
        Kind::Wait(Wait::Seconds(Seconds::Fixed(seconds))) => format!("Wait {seconds} s"),
        Kind::Wait(Wait::Seconds(Seconds::Path(path))) => format!("Wait {path} s"),
        Kind::Wait(Wait::Seconds(Seconds::Query(_, query))) => format!("Wait {} s", query.text()),
        Kind::Wait(Wait::TimestampQuery(query)) => format!("Wait until {}", query.text()),
        Kind::Wait(Wait::Timestamp(until)) => format!("Wait until {until}"),
        Kind::Wait(Wait::TimestampPath(path)) => format!("Wait until {path}"),
        Kind::Map(_, map) => {
            let what = if map.distributed.is_some() { "Distributed Map" } else { "Map" };
            format!("{what} over {}", items_source(map))
        }
        Kind::Parallel(_, branches) => format!("Parallel, {} branches", branches.len()),
        other => other.name().to_owned(),
    }
}

/// Returns where a Map takes its items from.
fn items_source(map: &Map) -> String {
    let reader = map.distributed.as_ref().and_then(|distributed| distributed.reader.as_ref());
    if let Some((service, action)) = reader.and_then(|reader| reader.resource.service()) {
        return format!("{service}:{action}");
    }
    match &map.items {
        Items::Path(path) => path.to_string(),
        Items::Template(Template::Query { query, .. }) => query.text().to_owned(),
        Items::Template(_) => "given items".to_owned(),
        Items::Input | Items::QueryInput => "the input".to_owned(),
    }
}

fn test(test: &Test) -> String {
    let join = |tests: &[Test], word: &str| {
        tests.iter().map(self::test).collect::<Vec<_>>().join(&format!(" {word} "))
    };
    match test {
        Test::And(tests) => join(tests, "and"),
        Test::Or(tests) => join(tests, "or"),
        Test::Not(inner) => format!("not {}", self::test(inner)),
        Test::Compare(variable, comparison) => compared(variable, comparison),
        Test::Condition(Template::Query { query, .. }) => query.text().to_owned(),
        Test::Condition(Template::Literal(value)) => value.to_string(),
        Test::Condition(_) => "a condition".to_owned(),
    }
}

fn compared(variable: &Path, comparison: &Comparison) -> String {
    let is = |expected: bool| if expected { "is" } else { "is not" };
    match comparison {
        Comparison::IsPresent(expected) => format!("{variable} {} present", is(*expected)),
        Comparison::IsNull(expected) => format!("{variable} {} null", is(*expected)),
        Comparison::Is(kind, expected) => {
            let kind = match kind {
                ValueKind::String => "a string",
                ValueKind::Numeric => "a number",
                ValueKind::Boolean => "a boolean",
                ValueKind::Timestamp => "a timestamp",
            };
            format!("{variable} {} {kind}", is(*expected))
        }
        Comparison::Matches(pattern) => format!("{variable} ~ {pattern}"),
        Comparison::Value { relation, operand, .. } => {
            let sign = match relation {
                Relation::Equals => "=",
                Relation::LessThan => "<",
                Relation::LessThanEquals => "≤",
                Relation::GreaterThan => ">",
                Relation::GreaterThanEquals => "≥",
            };
            let operand = match operand {
                Operand::Path(path) => path.to_string(),
                Operand::Value(value) => match value.as_str() {
                    Some(text) => text.to_owned(),
                    None => value.to_string(),
                },
            };
            format!("{variable} {sign} {operand}")
        }
    }
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most - 1).collect();
    format!("{}…", kept.trim_end())
}
