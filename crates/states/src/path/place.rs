//! Writes a value to the place that a reference path names.

use super::{Path, Step};
use crate::json::{Json, Object};

/// Writes the value into the target. Missing objects along the path are created; array items must
/// exist.
///
/// Returns false, and leaves the target as it was, if the path does not fit the target.
pub(crate) fn put(path: &Path, target: &mut Json, value: Json) -> bool {
    if !fits(&path.steps, target) {
        return false;
    }
    let mut place = target;
    for step in &path.steps {
        place = match (step, place) {
            (Step::Name(name), Json::Object(members)) => {
                members.entry(name.clone()).or_insert_with(|| Json::Object(Object::new()))
            }
            (Step::Index(index), Json::Array(items)) => {
                let index = usize::try_from(*index).unwrap_or(usize::MAX);
                match items.get_mut(index) {
                    Some(item) => item,
                    None => return false,
                }
            }
            _ => return false,
        };
    }
    *place = value;
    true
}

fn fits(steps: &[Step], target: &Json) -> bool {
    let mut place = Some(target);
    for step in steps {
        place = match (step, place) {
            (Step::Name(name), Some(Json::Object(members))) => members.get(name),
            (Step::Name(_), None) => None,
            (Step::Index(index), Some(Json::Array(items))) => {
                match usize::try_from(*index).ok().and_then(|index| items.get(index)) {
                    Some(item) => Some(item),
                    None => return false,
                }
            }
            _ => return false,
        };
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn putting(path: &str, target: &str) -> Option<String> {
        let mut target: Json = target.parse().unwrap();
        let path = Path::parse(path).unwrap();
        put(&path, &mut target, Json::Bool(true)).then(|| target.to_string())
    }

    #[test]
    fn objects_on_the_way_are_made() {
        assert_eq!(putting("$.a.b", "{}").unwrap(), r#"{"a":{"b":true}}"#);
        assert_eq!(putting("$.a[1]", r#"{"a":[1,2]}"#).unwrap(), r#"{"a":[1,true]}"#);
        assert_eq!(putting("$", "1").unwrap(), "true");
    }

    #[test]
    fn a_scalar_on_the_way_and_an_index_past_the_end_do_not_fit() {
        assert_eq!(putting("$.a.b", r#"{"a":1}"#), None);
        assert_eq!(putting("$.a", r#""text""#), None);
        assert_eq!(putting("$.a[2]", r#"{"a":[1,2]}"#), None);
        assert_eq!(putting("$.a[0]", "{}"), None);
    }
}
