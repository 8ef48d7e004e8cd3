//! Reads the items of a distributed Map from a file's content, and puts them into batches.

use crate::json::{Json, Object};
use crate::machine::Format;

/// Reads the items from a file's content, or from a listing of files. If `content` is a string, it
/// is parsed in the given format; otherwise it is already parsed.
pub(super) fn read(
    format: &Format,
    pointer: Option<&str>,
    content: &Json,
) -> Result<Vec<Json>, String> {
    if let Format::Other(kind) = format {
        return Err(format!("{kind} is not supported: use JSON, JSONL, CSV or a listing"));
    }
    let pointed = |content: &Json| match pointer {
        None => listed(content),
        Some(pointer) => match pointed_at(content, pointer).and_then(Json::as_array) {
            Some(items) => Ok(items.to_vec()),
            None => Err(format!("The file has no array at the pointer '{pointer}'")),
        },
    };
    let Json::String(text) = content else { return pointed(content) };
    match format {
        Format::Json | Format::Listing => {
            let content: Json =
                text.parse().map_err(|error| format!("The file is not JSON: {error}"))?;
            pointed(&content)
        }
        Format::JsonLines => {
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            let read =
                |line: &str| line.parse().map_err(|error| format!("A line is not JSON: {error}"));
            lines.map(read).collect()
        }
        Format::Csv { headers, delimiter } => rows(text, headers.as_deref(), *delimiter),
        Format::Other(_) => Ok(Vec::new()),
    }
}

/// Returns the value at a JSON pointer (RFC 6901).
fn pointed_at<'j>(content: &'j Json, pointer: &str) -> Option<&'j Json> {
    pointer.split('/').skip(1).try_fold(content, |value, step| match value {
        Json::Array(items) => items.get(step.parse::<usize>().ok()?),
        value => value.get(&step.replace("~1", "/").replace("~0", "~")),
    })
}

fn listed(content: &Json) -> Result<Vec<Json>, String> {
    let items = content.get("Contents").unwrap_or(content).as_array();
    items.map(<[Json]>::to_vec).ok_or("Attempting to map over non-iterable node.".to_owned())
}

/// Reads rows of CSV, each as an object of strings with the headers as keys. A missing cell becomes
/// an empty string; a surplus cell is left out.
fn rows(text: &str, given: Option<&[String]>, delimiter: u8) -> Result<Vec<Json>, String> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut rows = reader.records();
    let unreadable = |error: csv::Error| format!("The file is not CSV: {error}");
    let headers: Vec<String> = match given {
        Some(headers) => headers.to_vec(),
        None => match rows.next() {
            Some(first) => first.map_err(unreadable)?.iter().map(str::to_owned).collect(),
            None => return Ok(Vec::new()),
        },
    };
    let mut distinct: Vec<&String> = headers.iter().collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < headers.len() {
        return Err("CSV headers cannot contain duplicates.".to_owned());
    }
    rows.map(|row| {
        let row = row.map_err(unreadable)?;
        let cell = |place: usize| Json::from(row.get(place).unwrap_or_default());
        let members = headers.iter().enumerate().map(|(place, name)| (name.as_str(), cell(place)));
        Ok(Json::object(members))
    })
    .collect()
}

/// Puts the items into batches and returns the inputs of the iterations. `most_items` and
/// `most_bytes` are the maximum numbers of items and of bytes in a batch.
pub(super) fn batched(
    items: Vec<Json>,
    most_items: Option<u64>,
    most_bytes: Option<u64>,
    input: Option<&Json>,
) -> Vec<Json> {
    let most =
        most_items.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX).max(1));
    let bytes = most_bytes.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
    // The size of a batch is the size of the iteration's whole input.
    let own = input.map_or(0, |input| r#""BatchInput":,"#.len() + input.size());
    let around = r#"{"Items":[]}"#.len() + own;
    let mut batches: Vec<(Vec<Json>, usize)> = Vec::new();
    for item in items {
        let size = item.size();
        match batches.last_mut() {
            Some((batch, total)) if batch.len() < most && *total + size < bytes => {
                batch.push(item);
                // One more byte for the comma before the item.
                *total += size + 1;
            }
            _ => batches.push((vec![item], around + size)),
        }
    }
    let whole = |(items, _)| {
        let mut members = Object::new();
        members.extend(input.map(|input| ("BatchInput".to_owned(), input.clone())));
        members.insert("Items".to_owned(), Json::Array(items));
        Json::Object(members)
    };
    batches.into_iter().map(whole).collect()
}
