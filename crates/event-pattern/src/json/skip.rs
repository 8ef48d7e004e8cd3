//! Passes over a value that nobody asked for, checking it all the same, in constant stack space.

use super::{Cursor, JsonError, MAX_DEPTH};

/// One bit per open container: set for an object, clear for an array.
struct Nesting {
    bits: [u64; MAX_DEPTH.div_ceil(64)],
    depth: usize,
}

impl Nesting {
    fn push(&mut self, object: bool) -> bool {
        let Some(word) = self.bits.get_mut(self.depth / 64) else { return false };
        let bit = 1 << (self.depth % 64);
        *word = if object { *word | bit } else { *word & !bit };
        self.depth += 1;
        true
    }

    fn in_object(&self) -> bool {
        let top = self.depth - 1;
        self.bits[top / 64] & (1 << (top % 64)) != 0
    }
}

impl Cursor<'_> {
    /// Consumes one scalar; the first byte, `next`, has been peeked.
    #[inline]
    pub(crate) fn skip_scalar(&mut self, next: u8) -> Result<(), JsonError> {
        match next {
            b'"' => {
                self.bump();
                self.string_end().map(drop)
            }
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number().map(drop),
        }
    }

    /// Consumes one value of any kind.
    #[inline]
    pub(crate) fn skip_value(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'{' | b'[') => self.skip_container(),
            Some(next) => self.skip_scalar(next),
            None => Err(self.error("expected a value")),
        }
    }

    fn skip_container(&mut self) -> Result<(), JsonError> {
        let mut nesting = Nesting { bits: [0; MAX_DEPTH.div_ceil(64)], depth: 0 };
        self.open(&mut nesting)?;
        while nesting.depth > 0 {
            match self.peek() {
                Some(b',') => {
                    self.bump();
                    if nesting.in_object() {
                        self.key()?;
                    }
                    self.value_or_open(&mut nesting)?;
                }
                Some(b'}') if nesting.in_object() => {
                    self.bump();
                    nesting.depth -= 1;
                }
                Some(b']') if !nesting.in_object() => {
                    self.bump();
                    nesting.depth -= 1;
                }
                _ => return Err(self.error("expected a comma or the end of the container")),
            }
        }
        Ok(())
    }

    /// Consumes an opening bracket and all that opens directly behind it, up to a first value.
    fn open(&mut self, nesting: &mut Nesting) -> Result<(), JsonError> {
        loop {
            let object = self.peek() == Some(b'{');
            self.bump();
            if !nesting.push(object) {
                return Err(self.error("the document nests too deeply"));
            }
            if self.eat(if object { b'}' } else { b']' }) {
                nesting.depth -= 1;
                return Ok(());
            }
            if object {
                self.key()?;
            }
            match self.peek() {
                Some(b'{' | b'[') => {}
                Some(next) => return self.skip_scalar(next),
                None => return Err(self.error("expected a value")),
            }
        }
    }

    fn value_or_open(&mut self, nesting: &mut Nesting) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'{' | b'[') => self.open(nesting),
            Some(next) => self.skip_scalar(next),
            None => Err(self.error("expected a value")),
        }
    }
}
