//! Parses the JSON definition of a state machine, and reports keys that an object has twice.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use crate::json::wire::without_minus_zero;
use crate::json::{Json, Object};

/// Parses the text. Also returns the paths of repeated keys, such as `/States/A/Next`.
pub(crate) fn read(text: &str) -> Result<(Json, Vec<String>), serde_json::Error> {
    let repeated = RefCell::new(Vec::new());
    let text = without_minus_zero(text);
    let mut deserializer = serde_json::Deserializer::from_str(&text);
    let place = Place { pointer: String::new(), repeated: &repeated };
    let value = place.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok((value, repeated.into_inner()))
}

struct Place<'a> {
    pointer: String,
    repeated: &'a RefCell<Vec<String>>,
}

impl Place<'_> {
    fn inside(&self, part: impl fmt::Display) -> Self {
        Self { pointer: format!("{}/{part}", self.pointer), repeated: self.repeated }
    }
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Number::from_f64(value).map_or(Json::Null, Json::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element_seed(self.inside(items.len()))? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut members = Object::new();
        while let Some(key) = map.next_key::<String>()? {
            let place = self.inside(&key);
            let pointer = place.pointer.clone();
            let value = map.next_value_seed(place)?;
            if members.insert(key, value).is_some() {
                self.repeated.borrow_mut().push(pointer);
            }
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_key_is_reported_with_its_place() {
        let (_, repeated) = read(r#"{"a":1,"b":[{"c":1,"c":2}],"a":3}"#).unwrap();
        assert_eq!(repeated, ["/b/0/c", "/a"]);
    }

    #[test]
    fn a_text_after_the_value_is_refused() {
        assert!(read("{} {}").is_err());
    }
}
