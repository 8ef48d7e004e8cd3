//! The values found in one event, by path, with the array elements that they are in.

use super::trie::PathId;
use crate::comparison::Value;
use crate::number::{self, Key};

/// The number that means no element, no array or no value.
pub(crate) const NONE: u32 = u32::MAX;

/// Buffers with space for more values than this are freed. Smaller buffers are kept for the next
/// event.
const KEPT_VALUES: usize = 1 << 14;

#[derive(Debug, Clone, Copy)]
enum Kind {
    Null,
    False,
    True,
    Number,
    /// The value is a slice of the event.
    Text,
    /// The value is a slice of [`Record::decoded`].
    Decoded,
}

/// A value that was found: an entry in the linked list of its path.
#[derive(Debug, Clone, Copy)]
struct Held {
    kind: Kind,
    start: u32,
    end: u32,
    key: Option<Key>,
    element: u32,
    next: u32,
}

/// The values at one path, as a linked list.
#[derive(Debug, Clone, Copy, Default)]
struct Head {
    epoch: u32,
    first: u32,
    last: u32,
    /// Whether one of the values is inside an array element that is an object or an array.
    nested: bool,
}

/// An array element that is an object or an array. Elements are numbered in the order of their
/// opening brackets, so that the elements inside an element have consecutive numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element {
    pub(super) array: u32,
    pub(super) parent: u32,
    pub(super) last: u32,
}

/// The values of one event at the paths of patterns.
#[derive(Debug, Default)]
pub(crate) struct Record {
    epoch: u32,
    heads: Vec<Head>,
    values: Vec<Held>,
    touched: Vec<PathId>,
    pub(super) decoded: String,
    pub(super) elements: Vec<Element>,
    /// The numbers of the first and of the last element inside each array.
    pub(super) arrays: Vec<(u32, u32)>,
    pub(super) frames: Vec<super::scan::Frame>,
}

impl Record {
    /// Clears the record and makes space for `paths` paths.
    pub(super) fn clear(&mut self, paths: usize) {
        self.epoch = self.epoch.wrapping_add(1);
        if self.epoch == 0 || self.heads.len() < paths {
            self.heads.clear();
            self.heads.resize(paths, Head::default());
            self.epoch = 1;
        }
        self.values.clear();
        self.touched.clear();
        self.decoded.clear();
        self.elements.clear();
        self.arrays.clear();
        self.frames.clear();
    }

    pub(super) fn is_worth_keeping(&self) -> bool {
        self.values.capacity() <= KEPT_VALUES
            && self.elements.capacity() <= KEPT_VALUES
            && self.decoded.capacity() <= KEPT_VALUES * 16
    }

    /// The paths at which the event has values, in the order of first appearance.
    pub(crate) fn touched(&self) -> &[PathId] {
        &self.touched
    }

    fn head(&self, path: PathId) -> Option<&Head> {
        self.heads.get(path as usize).filter(|head| head.epoch == self.epoch)
    }

    /// Whether the event has a value at `path`.
    #[inline]
    pub(crate) fn holds(&self, path: PathId) -> bool {
        self.head(path).is_some()
    }

    /// Whether a value at `path` is inside an array element that is an object or an array.
    #[inline]
    pub(crate) fn is_nested(&self, path: PathId) -> bool {
        self.head(path).is_some_and(|head| head.nested)
    }

    /// The values at `path`, each with the innermost array element around it.
    #[inline]
    pub(crate) fn values<'v>(
        &'v self,
        event: &'v str,
        path: PathId,
    ) -> impl Iterator<Item = (Value<'v>, u32)> + 'v {
        let mut at = self.head(path).map_or(NONE, |head| head.first);
        std::iter::from_fn(move || {
            let held = self.values.get(at as usize)?;
            at = held.next;
            Some((self.value(event, held), held.element))
        })
    }

    #[inline]
    fn value<'v>(&'v self, event: &'v str, held: &Held) -> Value<'v> {
        let range = held.start as usize..held.end as usize;
        match held.kind {
            Kind::Null => Value::Null,
            Kind::False => Value::Bool(false),
            Kind::True => Value::Bool(true),
            Kind::Number => Value::Number { text: &event[range], key: held.key },
            Kind::Text => Value::Text(&event[range]),
            Kind::Decoded => Value::Text(&self.decoded[range]),
        }
    }

    pub(super) fn add_word(&mut self, path: PathId, element: u32, first: u8) {
        let kind = match first {
            b'n' => Kind::Null,
            b't' => Kind::True,
            _ => Kind::False,
        };
        self.add(path, Held { kind, start: 0, end: 0, key: None, element, next: NONE });
    }

    pub(super) fn add_number(&mut self, path: PathId, element: u32, start: u32, text: &str) {
        let end = start + text.len() as u32;
        let key = number::key(text);
        self.add(path, Held { kind: Kind::Number, start, end, key, element, next: NONE });
    }

    pub(super) fn add_text(&mut self, path: PathId, element: u32, start: u32, end: u32) {
        self.add(path, Held { kind: Kind::Text, start, end, key: None, element, next: NONE });
    }

    /// Adds a string as a value at `path`. The caller has appended the string to `decoded`, where
    /// the string begins at the offset `start`.
    pub(super) fn add_decoded(&mut self, path: PathId, element: u32, start: usize) {
        let (start, end) = (start as u32, self.decoded.len() as u32);
        self.add(path, Held { kind: Kind::Decoded, start, end, key: None, element, next: NONE });
    }

    #[inline]
    fn add(&mut self, path: PathId, held: Held) {
        let index = self.values.len() as u32;
        let nested = held.element != NONE;
        self.values.push(held);
        let head = &mut self.heads[path as usize];
        if head.epoch == self.epoch {
            self.values[head.last as usize].next = index;
            head.last = index;
            head.nested |= nested;
        } else {
            *head = Head { epoch: self.epoch, first: index, last: index, nested };
            self.touched.push(path);
        }
    }
}
