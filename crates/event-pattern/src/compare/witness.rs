//! Writes events as JSON, with nested objects where the paths allow it.

use std::collections::BTreeMap;

/// The path of a field, and its value as JSON.
pub(super) type Entry = (String, String);

enum Node {
    Value(String),
    Object(BTreeMap<String, Node>),
}

/// Returns an object with the value of each entry at its path.
///
/// A field that cannot be nested because another field has a value on its path is written with dots
/// in its name. To a pattern this is the same path.
pub(super) fn object(entries: &[Entry]) -> String {
    let mut root = BTreeMap::new();
    for (path, value) in entries {
        if !place(&mut root, path, value) {
            root.insert(path.clone(), Node::Value(value.clone()));
        }
    }
    written(&root)
}

/// Places a value; returns false if another one is in the way.
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
    // The parents of a value that could not be placed may be left empty. No pattern sees them, so
    // they are left out.
    let shown =
        members.iter().filter(|(_, node)| !matches!(node, Node::Object(all) if all.is_empty()));
    format!("{{{}}}", shown.map(member).collect::<Vec<_>>().join(","))
}

/// Returns an array of the values, or the value itself if there is only one.
pub(super) fn array(values: &[&str]) -> String {
    match values {
        [one] => (*one).to_owned(),
        all => format!("[{}]", all.join(",")),
    }
}

/// Returns one element of an array, made of entries whose paths are relative to it; an empty path
/// is that of the element itself.
pub(super) fn element(entries: &[Entry]) -> String {
    let (own, below): (Vec<Entry>, Vec<Entry>) =
        entries.iter().cloned().partition(|(path, _)| path.is_empty());
    let mut parts: Vec<String> = own.into_iter().map(|(_, value)| value).collect();
    if !below.is_empty() || parts.is_empty() {
        parts.push(object(&below));
    }
    // To the engine, only objects and arrays keep their values apart from those of other elements,
    // so a bare value is wrapped in an array.
    match parts.as_slice() {
        [only] if !below.is_empty() => only.clone(),
        all => format!("[{}]", all.join(",")),
    }
}
