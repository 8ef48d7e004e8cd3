//! Reads the values at a path. A definite path, which has only names and indices, gives a single
//! value; any other path gives a list.

use std::fmt::Write;

use super::{Path, Step};
use crate::json::Json;

/// The values that a path found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Found<'a> {
    /// The value of a definite path, which has only names and indices.
    One(&'a Json),
    /// The values of a path that is not definite.
    Many(Vec<&'a Json>),
    /// The result of a path that ends in several names, such as `$.a['b','c']`: an object with
    /// these members. If the path before the names is not definite, an array of such objects.
    Made(Json),
}

/// Why a path found nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing {
    /// The reason in the words of Step Functions, such as `No results for path: $['a']`.
    pub(crate) reason: String,
    /// Whether the path ends in an index, and only this index found nothing.
    pub(crate) past_end: bool,
}

impl Found<'_> {
    pub(crate) fn into_owned(self) -> Json {
        match self {
            Self::One(value) => value.clone(),
            Self::Many(values) => Json::Array(values.into_iter().cloned().collect()),
            Self::Made(value) => value,
        }
    }
}

impl Path {
    /// Reads the values at the path, starting from the value of its root.
    pub(crate) fn select<'a>(&self, root: &'a Json) -> Result<Found<'a>, Missing> {
        if let Some((Step::Names(names), before)) = self.steps.split_last() {
            let found = walk(before, root, root)?;
            let mut objects = found.into_iter().map(|value| members(names, value));
            return Ok(Found::Made(if before.iter().all(is_definite) {
                objects.next().unwrap_or_default()
            } else {
                Json::Array(objects.collect())
            }));
        }
        let found = walk(&self.steps, root, root)?;
        Ok(if self.is_definite() { Found::One(found[0]) } else { Found::Many(found) })
    }
}

/// The maximum number of values that a path may find at any of its steps. Without this limit,
/// `$..*..*..*` over nested arrays could find any number of values.
const MAX_FOUND: usize = 100_000;

/// Follows the steps. If all steps are names and indices, a missing value is an error. Otherwise a
/// missing value is left out of the result.
pub(super) fn walk<'a>(
    steps: &[Step],
    from: &'a Json,
    root: &'a Json,
) -> Result<Vec<&'a Json>, Missing> {
    let mut found = vec![from];
    let definite = steps.iter().all(is_definite);
    for (position, step) in steps.iter().enumerate() {
        if *step == Step::Descend {
            found = everything_below(found)?;
            continue;
        }
        let mut next = Vec::new();
        for value in found {
            apply(step, value, root, &mut next);
            if next.len() > MAX_FOUND {
                return Err(too_many());
            }
        }
        if definite && next.is_empty() {
            return Err(missing(steps, position));
        }
        found = next;
    }
    Ok(found)
}

/// Returns an object with the named members of the value; leaves out names that the value lacks.
fn members(names: &[String], value: &Json) -> Json {
    let member = |name: &String| Some((name.clone(), value.get(name)?.clone()));
    Json::object(names.iter().filter_map(member))
}

fn is_definite(step: &Step) -> bool {
    matches!(step, Step::Name(_) | Step::Index(_))
}

fn too_many() -> Missing {
    Missing { reason: format!("More than {MAX_FOUND} results"), past_end: false }
}

fn everything_below(found: Vec<&Json>) -> Result<Vec<&Json>, Missing> {
    let mut all = Vec::new();
    let mut pending: Vec<&Json> = found.into_iter().rev().collect();
    while let Some(value) = pending.pop() {
        match value {
            Json::Array(items) => pending.extend(items.iter().rev()),
            Json::Object(members) => pending.extend(members.values().rev()),
            _ => continue,
        }
        all.push(value);
        if all.len() > MAX_FOUND {
            return Err(too_many());
        }
    }
    Ok(all)
}

fn apply<'a>(step: &Step, value: &'a Json, root: &'a Json, next: &mut Vec<&'a Json>) {
    match (step, value) {
        (Step::Name(name), Json::Object(members)) => next.extend(members.get(name)),
        (Step::Names(names), Json::Object(members)) => {
            next.extend(names.iter().filter_map(|name| members.get(name)));
        }
        (Step::Index(index), Json::Array(items)) => next.extend(at(items, *index)),
        (Step::Indices(indices), Json::Array(items)) => {
            next.extend(indices.iter().filter_map(|index| at(items, *index)));
        }
        (Step::Slice { start, end, step }, Json::Array(items)) => {
            let bound = |edge: i64| {
                let length = items.len() as i64;
                (if edge < 0 { length + edge } else { edge }).clamp(0, length) as usize
            };
            let (start, end) = (bound(start.unwrap_or(0)), bound(end.unwrap_or(i64::MAX)));
            if start < end {
                let step = usize::try_from(*step).unwrap_or(1);
                next.extend(items[start..end].iter().step_by(step));
            }
        }
        (Step::Wildcard, Json::Array(items)) => next.extend(items),
        (Step::Wildcard, Json::Object(members)) => next.extend(members.values()),
        (Step::Filter(filter), Json::Array(items)) => {
            // In Step Functions, `@` matches objects only: a filter never keeps a scalar.
            let objects = items.iter().filter(|item| item.as_object().is_some());
            next.extend(objects.filter(|item| filter.keeps(item, root)));
        }
        (Step::Filter(filter), Json::Object(_)) if filter.keeps(value, root) => next.push(value),
        _ => {}
    }
}

fn at(items: &[Json], index: i64) -> Option<&Json> {
    let index = if index < 0 { items.len() as i64 + index } else { index };
    items.get(usize::try_from(index).ok()?)
}

fn missing(steps: &[Step], position: usize) -> Missing {
    let leaf = position + 1 == steps.len();
    let mut trail = String::from("$");
    for step in &steps[..=position] {
        // Writing to a String cannot fail.
        match step {
            Step::Name(name) => write!(trail, "['{name}']"),
            Step::Index(index) => write!(trail, "[{index}]"),
            _ => Ok(()),
        }
        .unwrap_or_default();
    }
    let reason = if leaf { "No results for path" } else { "Missing property in path" };
    let separator = if leaf { ": " } else { " " };
    Missing {
        reason: format!("{reason}{separator}{trail}"),
        past_end: leaf && matches!(steps[position], Step::Index(_)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORE: &str = r#"{"store":{"book":[
        {"title":"A","price":8,"isbn":"1"},{"title":"B","price":12},{"title":"C","price":9}],
        "bicycle":{"price":20}},"limit":10,"a.b":{"c'd":1}}"#;

    #[track_caller]
    fn read(path: &str) -> String {
        let store: Json = STORE.parse().unwrap();
        let path = Path::parse(path).unwrap();
        match path.select(&store) {
            Ok(found) => found.into_owned().to_string(),
            Err(missing) => missing.reason,
        }
    }

    #[test]
    fn a_definite_path_answers_with_the_value() {
        assert_eq!(read("$.store.book[0].title"), r#""A""#);
        assert_eq!(read("$.store.book[-1].title"), r#""C""#);
        assert_eq!(read("$['a.b']['c\\'d']"), "1");
        assert_eq!(read("$.limit"), "10");
    }

    #[test]
    fn any_other_path_answers_with_a_list() {
        assert_eq!(read("$.store.book[*].price"), "[8,12,9]");
        assert_eq!(read("$..price"), "[8,12,9,20]");
        assert_eq!(read("$.store.book[0:2].title"), r#"["A","B"]"#);
        assert_eq!(read("$.store.book[-2:].title"), r#"["B","C"]"#);
        assert_eq!(read("$.store.book[0,2].title"), r#"["A","C"]"#);
        assert_eq!(read("$.store.book[0]['price','isbn']"), r#"{"price":8,"isbn":"1"}"#);
        assert_eq!(read("$.store.book[?(@.isbn)]['price','x']"), r#"[{"price":8}]"#);
        assert_eq!(read("$.store.book[?(@.isbn)].title"), r#"["A"]"#);
        assert_eq!(read("$.store.book[?(@.price < $.limit && @.title != 'A')].title"), r#"["C"]"#);
        assert_eq!(read("$.store.book[?(!(@.isbn) || @.price == 8.0)].title"), r#"["A","B","C"]"#);
        assert_eq!(read("$.store.book[?(@.title in ['B', 'C'])].price"), "[12,9]");
        assert_eq!(read("$.store.book[*].nope"), "[]");
    }

    #[test]
    fn a_path_that_finds_too_much_is_stopped() {
        let nested: Json = format!("{}{}", "[".repeat(60), "]".repeat(60)).parse().unwrap();
        let path = Path::parse(&format!("${}", "..*".repeat(20))).unwrap();
        assert_eq!(path.select(&nested).unwrap_err(), too_many());
    }

    #[test]
    fn a_missing_place_is_reported_in_the_words_of_the_service() {
        assert_eq!(read("$.nope"), "No results for path: $['nope']");
        assert_eq!(read("$.nope.deep"), "Missing property in path $['nope']");
        assert_eq!(read("$.store.book[5]"), "No results for path: $['store']['book'][5]");
    }
}
