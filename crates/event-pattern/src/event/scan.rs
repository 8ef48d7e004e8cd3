//! Scans an event's text once: records the values at the paths of patterns and skips everything
//! else. Does not recurse, however deeply the event nests.

use super::record::{Element, NONE, Record};
use super::trie::{PathId, PathTrie, ROOT};
use crate::error::EventError;
use crate::json::{Cursor, MAX_DEPTH, Reason, unescape};

/// An open object or array that may contain values to record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    node: PathId,
    /// The number of the innermost array element that contains this container's members; [`NONE`]
    /// outside of arrays.
    element: u32,
    is_object: bool,
    /// Whether this container is itself the array element with the number `element`.
    is_element: bool,
    /// The array's number, if this container is an array; [`NONE`] until an element of the array is
    /// an object or an array.
    array: u32,
}

/// How much of an event is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The whole event.
    #[default]
    Whole,
    /// The event up to the point at which a value has been found at every path. If an object
    /// repeats a name, the later values of that name are missed.
    UntilFound,
}

struct Scanner<'a> {
    cursor: Cursor<'a>,
    trie: &'a PathTrie,
    reading: Reading,
    /// How many arrays are open. While an array is open, a path may get more values.
    open_arrays: usize,
    record: &'a mut Record,
}

/// Records the values of `event` at the paths of `trie`.
pub(super) fn scan(
    event: &str,
    trie: &PathTrie,
    reading: Reading,
    record: &mut Record,
) -> Result<(), EventError> {
    let cursor = Cursor::new(event);
    let mut scanner = Scanner { cursor, trie, reading, open_arrays: 0, record };
    let is_object = scanner.cursor.peek() == Some(b'{');
    let scanned = if is_object { scanner.object() } else { scanner.cursor.skip_value() };
    scanned
        .and_then(|()| if scanner.has_found_all() { Ok(()) } else { scanner.cursor.finish() })
        .map_err(|reason| EventError::NotJson(scanner.cursor.error(reason)))?;
    if is_object { Ok(()) } else { Err(EventError::NotAnObject) }
}

impl Scanner<'_> {
    fn object(&mut self) -> Result<(), Reason> {
        self.cursor.bump();
        if self.cursor.eat(b'}') {
            return Ok(());
        }
        self.enter(ROOT, true, NONE)?;
        self.members()
    }

    /// Reads members and elements until every container is closed, or nothing is left to find.
    fn members(&mut self) -> Result<(), Reason> {
        while let Some(&frame) = self.record.frames.last() {
            let opened = if frame.is_object { self.member(frame)? } else { self.element(frame)? };
            if !opened && (self.has_found_all() || self.next_or_close()?) {
                break;
            }
        }
        Ok(())
    }

    /// Whether the rest of the event can be left unread.
    #[inline]
    fn has_found_all(&self) -> bool {
        self.reading == Reading::UntilFound
            && self.open_arrays == 0
            && self.record.touched().len() == self.trie.asked()
    }

    /// Closes every container that ends at the cursor, and consumes the comma before the next
    /// member or element. Returns true if nothing is left to read.
    fn next_or_close(&mut self) -> Result<bool, Reason> {
        while let Some(&frame) = self.record.frames.last() {
            match self.cursor.peek() {
                Some(b',') => {
                    self.cursor.bump();
                    return Ok(false);
                }
                Some(b'}') if frame.is_object => {}
                Some(b']') if !frame.is_object => {}
                _ => {
                    return Err(Reason::Comma);
                }
            }
            self.cursor.bump();
            self.leave(frame);
            if self.has_found_all() {
                break;
            }
        }
        Ok(true)
    }

    fn enter(&mut self, node: PathId, is_object: bool, element: u32) -> Result<(), Reason> {
        if self.record.frames.len() >= MAX_DEPTH {
            return Err(Reason::Depth);
        }
        self.open_arrays += usize::from(!is_object);
        let frame = Frame { node, element, is_object, is_element: false, array: NONE };
        self.record.frames.push(frame);
        Ok(())
    }

    fn leave(&mut self, frame: Frame) {
        let last = (self.record.elements.len() as u32).wrapping_sub(1);
        if frame.is_element {
            self.record.elements[frame.element as usize].last = last;
        }
        if let Some(array) = self.record.arrays.get_mut(frame.array as usize) {
            array.1 = last;
        }
        self.open_arrays -= usize::from(!frame.is_object);
        self.record.frames.pop();
    }

    /// Reads one member. Returns true if the member's value is a container and was opened, false if
    /// the value was consumed.
    #[inline]
    fn member(&mut self, frame: Frame) -> Result<bool, Reason> {
        let key = self.cursor.key()?;
        let node = if key.escaped {
            self.trie.follow(frame.node, &key.decode())
        } else {
            self.trie.follow(frame.node, key.raw)
        };
        match node {
            Some(node) => self.value(node, frame.element),
            None => self.cursor.skip_value().map(|()| false),
        }
    }

    /// Reads one element. Returns true if the element is a container and was opened, false if the
    /// element was consumed.
    fn element(&mut self, frame: Frame) -> Result<bool, Reason> {
        if !matches!(self.cursor.peek(), Some(b'{' | b'[')) {
            return self.value(frame.node, frame.element);
        }
        let number = self.record.elements.len() as u32;
        let array = self.array_of(frame, number);
        self.record.elements.push(Element { array, parent: frame.element, last: number });
        let opened = self.value(frame.node, number)?;
        if opened && let Some(top) = self.record.frames.last_mut() {
            top.is_element = true;
        }
        Ok(opened)
    }

    /// Returns the number of the innermost open array, which `frame` describes. An array gets its
    /// number with its first element that is an object or an array; `first` is the number of that
    /// element.
    fn array_of(&mut self, frame: Frame, first: u32) -> u32 {
        if frame.array != NONE {
            return frame.array;
        }
        let array = self.record.arrays.len() as u32;
        self.record.arrays.push((first, first));
        if let Some(top) = self.record.frames.last_mut() {
            top.array = array;
        }
        array
    }

    #[inline]
    fn value(&mut self, node: PathId, element: u32) -> Result<bool, Reason> {
        match self.cursor.peek() {
            Some(b'{') if self.trie.leads_on(node) => {
                self.cursor.bump();
                if self.cursor.eat(b'}') {
                    return Ok(false);
                }
                self.enter(node, true, element).map(|()| true)
            }
            Some(b'[') => {
                self.cursor.bump();
                if self.cursor.eat(b']') {
                    return Ok(false);
                }
                self.enter(node, false, element).map(|()| true)
            }
            Some(b'{') => self.cursor.skip_value().map(|()| false),
            Some(next) if self.trie.is_asked(node) => {
                self.leaf(node, element, next).map(|()| false)
            }
            Some(next) => self.cursor.skip_scalar(next).map(|()| false),
            None => Err(Reason::Value),
        }
    }

    #[inline]
    fn leaf(&mut self, node: PathId, element: u32, next: u8) -> Result<(), Reason> {
        match next {
            b'"' => {
                self.cursor.bump();
                let start = self.cursor.offset() as u32;
                let text = self.cursor.string()?;
                if text.escaped {
                    let start = self.record.decoded.len();
                    unescape(text.raw, &mut self.record.decoded);
                    self.record.add_decoded(node, element, start);
                } else {
                    let end = start + text.raw.len() as u32;
                    self.record.add_text(node, element, start, end);
                }
            }
            b't' | b'f' | b'n' => {
                self.cursor.skip_scalar(next)?;
                self.record.add_word(node, element, next);
            }
            _ => {
                let start = self.cursor.offset() as u32;
                let text = self.cursor.number()?;
                self.record.add_number(node, element, start, text);
            }
        }
        Ok(())
    }
}
