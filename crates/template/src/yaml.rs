//! Writes a template as YAML that people read: intrinsic functions in their short form, small
//! values on one line, a comment above each section.
//!
//! Existing serializers write neither comments nor `!Ref`, and do not quote `2012-10-17`, which is
//! then read as a date. A test reads the output with a YAML parser.

use std::fmt::Write;

use serde_json::{Map, Value};

/// A list or an object is written on one line only if that line has at most this many characters.
const WIDTH: usize = 100;

/// Objects that are nested less deeply than this, such as whole resources, are written on several
/// lines, even if they fit on one line.
const COMPACT_FROM: usize = 3;

/// Keys that come first in an object, in this order; the other keys follow alphabetically.
const FIRST: &[&str] = &[
    "Type",
    "Description",
    "Sid",
    "Effect",
    "Action",
    "Principal",
    "Resource",
    "Version",
    "Id",
    "Arn",
    "openapi",
    "info",
];

/// Intrinsic functions that take a list, and have a short form with a tag.
const LIST_FUNCTIONS: &[&str] =
    &["Fn::If", "Fn::Equals", "Fn::Not", "Fn::And", "Fn::Or", "Fn::Join"];

pub(crate) fn write_entry(out: &mut String, key: &str, value: &Value, depth: usize) {
    indent(out, depth);
    out.push_str(&scalar(key));
    out.push(':');
    let column = 2 * depth + key.len() + 2;
    write_value(out, value, depth, column);
}

/// Writes a value after the text that is already on the line. That text ends at `column`.
fn write_value(out: &mut String, value: &Value, depth: usize, column: usize) {
    if let Some(text) = on_one_line(value, depth, WIDTH.saturating_sub(column)) {
        out.push(' ');
        out.push_str(&text);
        out.push('\n');
        return;
    }
    let (tag, value) = tagged(value);
    if let Some(tag) = tag {
        out.push(' ');
        out.push_str(tag);
    }
    match value {
        Value::Object(fields) => {
            out.push('\n');
            write_fields(out, fields, depth + 1);
        }
        Value::Array(items) => {
            out.push('\n');
            for item in items {
                write_item(out, item, depth + 1);
            }
        }
        Value::String(text) if text.contains('\n') => write_block(out, text, depth + 1),
        plain => {
            out.push(' ');
            out.push_str(&flow(plain).unwrap_or_default());
            out.push('\n');
        }
    }
}

fn write_fields(out: &mut String, fields: &Map<String, Value>, depth: usize) {
    for (key, value) in sorted(fields) {
        write_entry(out, key, value, depth);
    }
}

/// Writes an item of a list. The first field of an object follows the dash on the same line.
fn write_item(out: &mut String, item: &Value, depth: usize) {
    indent(out, depth);
    out.push('-');
    let fits = on_one_line(item, COMPACT_FROM, WIDTH.saturating_sub(2 * depth + 2)).is_some();
    let (tag, inner) = tagged(item);
    match inner {
        Value::Object(fields) if !fits && tag.is_none() => {
            let mut text = String::new();
            write_fields(&mut text, fields, depth + 1);
            out.push(' ');
            out.push_str(text.trim_start());
        }
        _ => write_value(out, item, depth.max(COMPACT_FROM), 2 * depth + 2),
    }
}

fn write_block(out: &mut String, text: &str, depth: usize) {
    out.push_str(if text.ends_with('\n') { " |\n" } else { " |-\n" });
    for line in text.lines() {
        indent(out, depth);
        out.push_str(line);
        out.push('\n');
    }
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n("  ", depth));
}

/// The value on one line; `None` if the value belongs on several lines, or does not fit into `room`
/// characters.
fn on_one_line(value: &Value, depth: usize, room: usize) -> Option<String> {
    let (tag, inner) = tagged(value);
    let text = flow(value)?;
    let is_small = match inner {
        Value::Object(fields) => fields.is_empty() || depth >= COMPACT_FROM,
        Value::Array(items) => {
            let plain = !items.iter().any(|item| item.is_object() || item.is_array());
            plain || tag.is_some() || depth >= COMPACT_FROM
        }
        _ => return Some(text),
    };
    (is_small && text.chars().count() <= room).then_some(text)
}

/// The value in YAML's flow style, on one line; `None` if a text in the value has several lines.
fn flow(value: &Value) -> Option<String> {
    let (tag, inner) = tagged(value);
    let text = match inner {
        Value::Object(fields) => {
            let entry = |(key, value): (&String, &Value)| {
                flow(value).map(|text| format!("{}: {text}", scalar(key)))
            };
            let entries: Option<Vec<String>> = sorted(fields).into_iter().map(entry).collect();
            format!("{{{}}}", entries?.join(", "))
        }
        Value::Array(items) if tag == Some("!GetAtt") => {
            let parts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            parts.join(".")
        }
        Value::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(flow).collect();
            format!("[{}]", items?.join(", "))
        }
        Value::String(text) if text.contains('\n') => return None,
        Value::String(text) => scalar(text),
        other => other.to_string(),
    };
    Some(tag.map_or_else(|| text.clone(), |tag| format!("{tag} {text}")))
}

/// Splits an intrinsic function into its tag and its argument; any other value has no tag.
fn tagged(value: &Value) -> (Option<&'static str>, &Value) {
    let Value::Object(fields) = value else { return (None, value) };
    let (1, Some((name, argument))) = (fields.len(), fields.iter().next()) else {
        return (None, value);
    };
    let tag = match name.as_str() {
        "Ref" if argument.is_string() => "!Ref",
        "Fn::Sub" if argument.is_string() => "!Sub",
        "Fn::GetAtt" if argument.is_array() => "!GetAtt",
        function => match LIST_FUNCTIONS.iter().find(|known| **known == function) {
            Some(&"Fn::If") => "!If",
            Some(&"Fn::Equals") => "!Equals",
            Some(&"Fn::Not") => "!Not",
            Some(&"Fn::And") => "!And",
            Some(&"Fn::Or") => "!Or",
            Some(&"Fn::Join") => "!Join",
            _ => return (None, value),
        },
    };
    (Some(tag), argument)
}

fn sorted(fields: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let rank = |key: &str| FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len());
    let mut sorted: Vec<_> = fields.iter().collect();
    sorted.sort_by(|(a, _), (b, _)| rank(a).cmp(&rank(b)).then_with(|| a.cmp(b)));
    sorted
}

/// Writes a text as a YAML scalar. Omits the quotes only if every YAML parser still reads the
/// scalar as a text, and not, for example, as a number.
fn scalar(text: &str) -> String {
    const WORDS: &[&str] = &["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:$ ()=?".contains(c);
    let starts_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || "/$".contains(c));
    let ambiguous = WORDS.contains(&text.to_ascii_lowercase().as_str())
        || text.contains(": ")
        || text.ends_with([':', ' ']);
    if starts_plain && !ambiguous && text.chars().all(plain) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\t' => quoted.push_str("\\t"),
            '\n' => quoted.push_str("\\n"),
            c if c.is_control() => {
                // Writing to a String cannot fail.
                write!(quoted, "\\u{:04x}", c as u32).unwrap_or_default();
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
