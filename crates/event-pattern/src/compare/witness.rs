//! Writes events as JSON: objects inside each other where the paths allow it.

use std::collections::BTreeMap;

/// A field and what it holds, as JSON.
pub(super) type Entry = (String, String);

enum Node {
    Value(String),
    Object(BTreeMap<String, Node>),
}

/// An object that holds each entry's value at its path.
///
/// A field that lies both at and below another is written with dots in its name, which is the same
/// path to a pattern.
pub(super) fn object(entries: &[Entry]) -> String {
    let mut root = BTreeMap::new();
    for (path, value) in entries {
        if !place(&mut root, path, value) {
            root.insert(path.clone(), Node::Value(value.clone()));
        }
    }
    written(&root)
}

/// Places a value, unless something else is in the way.
fn place(root: &mut BTreeMap<String, Node>, path: &str, value: &str) -> bool {
    let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
    let mut at = root;
    if last.len() < path.len() {
        for name in parents.split('.') {
            let node = at.entry(name.to_owned()).or_insert_with(|| Node::Object(BTreeMap::new()));
            let Node::Object(members) = node else { return false };
            at = members;
        }
    }
    if at.contains_key(last) {
        return false;
    }
    at.insert(last.to_owned(), Node::Value(value.to_owned()));
    true
}

fn written(members: &BTreeMap<String, Node>) -> String {
    let member = |(name, node): (&String, &Node)| {
        let value = match node {
            Node::Value(value) => value.clone(),
            Node::Object(members) => written(members),
        };
        format!("{}:{value}", serde_json::Value::from(name.as_str()))
    };
    // Parents of a value that found no place may be left without members, which no pattern sees.
    let shown =
        members.iter().filter(|(_, node)| !matches!(node, Node::Object(all) if all.is_empty()));
    format!("{{{}}}", shown.map(member).collect::<Vec<_>>().join(","))
}

/// An array of what stands in `values`; a single one stands for itself.
pub(super) fn array(values: &[&str]) -> String {
    match values {
        [one] => (*one).to_owned(),
        all => format!("[{}]", all.join(",")),
    }
}

/// One element of an array, from entries relative to it; an empty path is the element itself.
pub(super) fn element(entries: &[Entry]) -> String {
    let (own, below): (Vec<Entry>, Vec<Entry>) =
        entries.iter().cloned().partition(|(path, _)| path.is_empty());
    let mut parts: Vec<String> = own.into_iter().map(|(_, value)| value).collect();
    if !below.is_empty() || parts.is_empty() {
        parts.push(object(&below));
    }
    // A bare value lies in no element of its own: an array around it does.
    match parts.as_slice() {
        [only] if !below.is_empty() => only.clone(),
        all => format!("[{}]", all.join(",")),
    }
}
