//! Finds the values at a path in an event, and names the place of each value, such as
//! `items[2].sku`.

use std::collections::{HashMap, HashSet};

use crate::json::{Cursor, Reason};

/// An object or an empty array at a path. Patterns match neither as a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NonValue {
    Object,
    EmptyObject,
    EmptyArray,
}

/// What an event has at each requested path.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// The places of the values at each path, in the order in which [`super::Record::values`]
    /// returns the values.
    values: HashMap<String, Vec<String>>,
    non_value: HashMap<String, NonValue>,
}

impl Places {
    /// Reads an event, which must have been scanned without an error.
    pub(crate) fn of(event: &str, asked: &HashSet<&str>) -> Self {
        let mut walk =
            Walk { cursor: Cursor::new(event), asked, places: Self::default(), path: Vec::new() };
        // An event that has been scanned is valid JSON, so no error can occur.
        walk.value("").unwrap_or_default();
        walk.places
    }

    /// Returns the place of each value at `path`, such as `items[2].sku`.
    pub(crate) fn values(&self, path: &str) -> &[String] {
        self.values.get(path).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the kind of the first object or empty array at `path`; `None` if `path` has neither.
    pub(crate) fn non_value(&self, path: &str) -> Option<NonValue> {
        self.non_value.get(path).copied()
    }
}

struct Walk<'w> {
    cursor: Cursor<'w>,
    asked: &'w HashSet<&'w str>,
    places: Places,
    /// The names from the top of the event to the current value.
    path: Vec<String>,
}

impl Walk<'_> {
    fn value(&mut self, at: &str) -> Result<(), Reason> {
        match self.cursor.peek() {
            Some(b'{') => self.object(at),
            Some(b'[') => self.array(at),
            Some(first) => {
                self.cursor.skip_scalar(first)?;
                if let Some(path) = self.asked_path() {
                    self.places.values.entry(path).or_default().push(at.to_owned());
                }
                Ok(())
            }
            None => Err(Reason::Value),
        }
    }

    fn asked_path(&self) -> Option<String> {
        let path = self.path.join(".");
        (!self.path.is_empty() && self.asked.contains(path.as_str())).then_some(path)
    }

    fn note(&mut self, non_value: NonValue) {
        if let Some(path) = self.asked_path() {
            self.places.non_value.entry(path).or_insert(non_value);
        }
    }

    fn object(&mut self, at: &str) -> Result<(), Reason> {
        self.cursor.bump();
        if self.cursor.eat(b'}') {
            self.note(NonValue::EmptyObject);
            return Ok(());
        }
        self.note(NonValue::Object);
        loop {
            let name = self.cursor.key()?.decode().into_owned();
            let inside = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
            self.path.push(name);
            self.value(&inside)?;
            self.path.pop();
            if self.cursor.eat(b'}') {
                return Ok(());
            }
            self.cursor.expect(b',', Reason::Comma)?;
        }
    }

    fn array(&mut self, at: &str) -> Result<(), Reason> {
        self.cursor.bump();
        if self.cursor.eat(b']') {
            self.note(NonValue::EmptyArray);
            return Ok(());
        }
        for index in 0.. {
            self.value(&format!("{at}[{index}]"))?;
            if self.cursor.eat(b']') {
                break;
            }
            self.cursor.expect(b',', Reason::Comma)?;
        }
        Ok(())
    }
}
