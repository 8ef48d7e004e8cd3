//! Reads a request's body as JSON. Every error names the field and the broken rule, in terms of
//! JSON instead of Rust.

mod objects;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_path_to_error::{Path, Segment};

use crate::{FieldError, Problem};
use objects::Objects;

/// Reads a body of JSON as a `T`.
///
/// # Errors
/// 400 if the body is not JSON; 422, with the field and the rule, if it does not have the type `T`.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let text = std::str::from_utf8(body)
        .map_err(|error| malformed(&format!("the body must be UTF-8: {error}")))?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(Objects(&mut reader)).map_err(|error| {
        // A field's error is reported only if the whole body is JSON.
        match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => field_problem(error.path(), &error.inner().to_string()),
            Err(error) => malformed(&format!("the body must be JSON: {error}")),
        }
    })?;
    reader.end().map_err(|error| malformed(&format!("the body must be JSON: {error}")))?;
    Ok(value)
}

/// Whether a body with this media type may be JSON. Accepts JSON's own types, an absent type, and
/// the type that `curl -d` sends by default for every body.
pub(crate) fn may_be_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(essence.as_str(), "" | "application/json" | "application/x-www-form-urlencoded")
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn malformed(detail: &str) -> Problem {
    Problem::new(400, "malformed", detail)
}

/// The problem for a field that breaks a rule; the problem contains the field's JSON pointer.
fn field_problem(path: &Path, message: &str) -> Problem {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    let mut field = pointer(path);
    let named = |prefix: &str| message.strip_prefix(prefix)?.strip_suffix('`');
    let rule = if let Some(name) = named("missing field `") {
        field = format!("{field}/{name}");
        "must be given".to_owned()
    } else if let Some(name) = named("duplicate field `") {
        field = format!("{field}/{name}");
        "must be given once".to_owned()
    } else {
        in_words(message)
    };
    if !field.is_empty() {
        return Problem::field(422, field, rule);
    }
    let mut problem = Problem::new(422, "invalid-field", format!("the body {rule}"));
    problem.errors.push(FieldError { field, rule });
    problem
}

/// The path of an error as a JSON pointer (RFC 6901). It is empty if the whole body is wrong.
fn pointer(path: &Path) -> String {
    let step = |step: &Segment| match step {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Enum { variant } => format!("/{variant}"),
        Segment::Unknown => String::new(),
    };
    path.iter().map(step).collect()
}

/// Turns serde's message "invalid type: X, expected Y" into "must be Y, not X"; other messages stay
/// as they are.
fn in_words(message: &str) -> String {
    let mismatch = ["invalid type: ", "invalid value: "]
        .into_iter()
        .find_map(|kind| message.strip_prefix(kind)?.split_once(", expected "));
    let Some((found, expected)) = mismatch else { return message.to_owned() };
    let found = match found {
        "map" => "an object",
        "sequence" => "an array",
        other => other,
    };
    let expected = match expected {
        "i64" | "u64" => "a whole number",
        "u32" => "a whole number from 0 to 4294967295",
        "a sequence" => "an array",
        other if other.starts_with("struct ") => "an object",
        other => other,
    };
    format!("must be {expected}, not {found}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Mailing {
        #[allow(dead_code, reason = "only what is refused matters here")]
        to: Vec<Address>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Address {
        #[allow(dead_code, reason = "only what is refused matters here")]
        number: i64,
    }

    #[track_caller]
    fn refused(body: &str) -> (u16, String, String) {
        let problem = read::<Mailing>(body.as_bytes()).unwrap_err();
        let FieldError { field, rule } = problem.errors.into_iter().next().unwrap();
        (problem.status, field, rule)
    }

    #[test]
    fn what_is_no_json_is_malformed_even_where_it_would_not_fit_either() {
        for body in
            ["", "{", "[1,", r#"{"to":[]} x"#, r#"{"to":[]"#, r#"{"sender":NaN}"#, "\u{feff}{}"]
        {
            let problem = read::<Mailing>(body.as_bytes()).unwrap_err();
            assert_eq!((problem.status, problem.errors.len()), (400, 0), "{body}: {problem:?}");
        }
        assert_eq!(read::<Mailing>(b"{\"to\":\"\xff\"}").unwrap_err().status, 400);
    }

    #[test]
    fn a_missing_or_repeated_field_is_named_itself() {
        let rule = |rule: &str| rule.to_owned();
        assert_eq!(refused("{}"), (422, rule("/to"), rule("must be given")));
        assert_eq!(refused(r#"{"to":[{}]}"#).1, "/to/0/number");
        let twice = refused(r#"{"to":[{"number":1,"number":1}]}"#);
        assert_eq!((twice.1.as_str(), twice.2.as_str()), ("/to/0/number", "must be given once"));
        assert_eq!(refused(r#"{"to":[],"from":1}"#).1, "/from");
    }

    #[test]
    fn an_object_is_never_given_as_an_array() {
        for (body, field) in [("[[]]", ""), (r#"{"to":[[1]]}"#, "/to/0")] {
            let (status, place, rule) = refused(body);
            assert_eq!((status, place.as_str()), (422, field));
            assert_eq!(rule, "must be an object, not an array");
        }
    }

    #[test]
    fn rules_are_reported_in_the_words_of_json() {
        let rule = |number: &str| refused(&format!(r#"{{"to":[{{"number":{number}}}]}}"#)).2;
        assert_eq!(rule("1.5"), "must be a whole number, not floating point `1.5`");
        assert_eq!(rule("{}"), "must be a whole number, not an object");
        assert_eq!(refused(r#"{"to":1}"#).2, "must be an array, not integer `1`");
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_point() {
        for body in [r#"{"to":[{"number":3.0}]}"#, r#"{"to":[{"number":-2e3}]}"#] {
            read::<Mailing>(body.as_bytes()).unwrap();
        }
        let (_, _, rule) = refused(r#"{"to":[{"number":1e300}]}"#);
        assert!(rule.starts_with("must be a whole number"), "{rule}");
    }

    #[test]
    fn a_body_that_says_that_it_is_something_else_is_not_read() {
        for media in ["application/json", "application/json; charset=utf-8", "application/ld+json"]
        {
            assert!(may_be_json(media), "{media}");
        }
        assert!(may_be_json("application/x-www-form-urlencoded"), "what `curl -d` says");
        for media in ["text/plain", "application/xml", "multipart/form-data; boundary=json"] {
            assert!(!may_be_json(media), "{media}");
        }
    }
}
