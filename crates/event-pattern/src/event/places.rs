//! Where in an event's text the values of a path stand, written as one reads it: `items[2].sku`.

use std::collections::{HashMap, HashSet};

use crate::json::{Cursor, Reason};

/// What stands at a path without being a value that a pattern can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hollow {
    Object,
    EmptyObject,
    EmptyArray,
}

/// The places of all paths that are asked for, in the order in which their values are recorded.
#[derive(Debug, Default)]
pub(crate) struct Places {
    values: HashMap<String, Vec<String>>,
    hollow: HashMap<String, Hollow>,
}

impl Places {
    /// Reads an event that has been scanned without an error.
    pub(crate) fn of(event: &str, asked: &HashSet<&str>) -> Self {
        let mut walk =
            Walk { cursor: Cursor::new(event), asked, places: Self::default(), path: Vec::new() };
        // A scanned event has no fault to tell of.
        walk.value("").unwrap_or_default();
        walk.places
    }

    /// Where the values of a path stand.
    pub(crate) fn values(&self, path: &str) -> &[String] {
        self.values.get(path).map(Vec::as_slice).unwrap_or_default()
    }

    /// What stands there that is no value.
    pub(crate) fn hollow(&self, path: &str) -> Option<Hollow> {
        self.hollow.get(path).copied()
    }
}

struct Walk<'w> {
    cursor: Cursor<'w>,
    asked: &'w HashSet<&'w str>,
    places: Places,
    /// The names on the way.
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

    fn note(&mut self, hollow: Hollow) {
        if let Some(path) = self.asked_path() {
            self.places.hollow.entry(path).or_insert(hollow);
        }
    }

    fn object(&mut self, at: &str) -> Result<(), Reason> {
        self.cursor.bump();
        if self.cursor.eat(b'}') {
            self.note(Hollow::EmptyObject);
            return Ok(());
        }
        self.note(Hollow::Object);
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
            self.note(Hollow::EmptyArray);
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
