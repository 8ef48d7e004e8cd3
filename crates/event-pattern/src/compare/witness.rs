//! Writes events as JSON. Objects are nested as the fields' paths require, where that is possible.

use std::collections::BTreeMap;

/// The path of a field, and its value as JSON.
pub(super) type Entry = (String, String);

enum Node {
    Value(String),
    Object(BTreeMap<String, Node>),
}

/// Returns an object with the value of each entry at its path.
///
/// If `a` has a value, then `a.b` cannot be nested, because `a` would have to be an object. Such a
/// path is written as one name with dots, `"a.b"`. To a pattern, both spellings are the same path.
pub(super) fn object(entries: &[Entry]) -> String {
    let mut root = BTreeMap::new();
    // Sorting puts `a` before `a.b`. So `a` is placed, and `a.b` becomes one name with dots.
    let mut entries: Vec<&Entry> = entries.iter().collect();
    entries.sort();
    for (path, value) in entries {
        if !place(&mut root, path, value) {
            root.insert(path.clone(), Node::Value(value.clone()));
        }
    }
    written(&root)
}

/// Nests a value at its path. Returns false if another value is already at this path, above it or
/// below it.
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
    // If a value could not be placed, the objects made for this value may be empty. To a pattern,
    // an empty object is not a value, so empty objects are left out.
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

/// Returns one element of an array. The paths of `entries` are relative to the element; an empty
/// path stands for the element itself.
pub(super) fn element(entries: &[Entry]) -> String {
    let (own, below): (Vec<Entry>, Vec<Entry>) =
        entries.iter().cloned().partition(|(path, _)| path.is_empty());
    let mut parts: Vec<String> = own.into_iter().map(|(_, value)| value).collect();
    if !below.is_empty() || parts.is_empty() {
        parts.push(object(&below));
    }
    // EventBridge's engine tells the elements of an array apart only if they are objects or arrays.
    // So an element that is a plain value is wrapped in an array of its own.
    match parts.as_slice() {
        [only] if !below.is_empty() => only.clone(),
        all => format!("[{}]", all.join(",")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_below_another_value_is_kept_in_any_order() {
        let entry = |path: &str, value: &str| (path.to_owned(), value.to_owned());
        let (outer, inner, third) = (entry("a", "1"), entry("a.b", "2"), entry("c.d", "3"));
        for entries in [[&outer, &inner, &third], [&third, &inner, &outer]] {
            let entries = entries.map(Clone::clone);
            assert_eq!(object(&entries), r#"{"a":1,"a.b":2,"c":{"d":3}}"#);
        }
    }
}
