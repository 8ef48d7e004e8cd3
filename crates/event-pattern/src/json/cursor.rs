//! Reads JSON text part by part. The position does not move past a part that is refused.

use super::lex::{self, Reason};
use super::{JsonError, Text};

/// A position in JSON text.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    pub(super) pos: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, pos: 0 }
    }

    /// The byte offset of the next byte to be read.
    #[inline]
    pub(crate) fn offset(&self) -> usize {
        self.pos
    }

    #[inline(always)]
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    /// Returns an error with this reason at the current position.
    pub(crate) fn error(&self, reason: Reason) -> JsonError {
        JsonError { reason: reason.text(), offset: self.pos }
    }

    /// Skips white space, and returns the next byte without consuming it.
    #[inline(always)]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        self.pos = lex::space(self.bytes(), self.pos);
        self.bytes().get(self.pos).copied()
    }

    /// Consumes the byte that [`Cursor::peek`] returned.
    #[inline(always)]
    pub(crate) fn bump(&mut self) {
        self.pos += 1;
    }

    /// Skips white space. If the next byte is `byte`, consumes it and returns true.
    #[inline(always)]
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.pos += usize::from(found);
        found
    }

    /// Skips white space and consumes `byte`. Fails with `reason` if the next byte is not `byte`.
    #[inline]
    pub(crate) fn expect(&mut self, byte: u8, reason: Reason) -> Result<(), Reason> {
        if self.eat(byte) { Ok(()) } else { Err(reason) }
    }

    /// Fails if anything but white space is left.
    pub(crate) fn finish(&mut self) -> Result<(), Reason> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(Reason::Trailing),
        }
    }

    /// Reads a member's name and the colon after it.
    #[inline(always)]
    pub(crate) fn key(&mut self) -> Result<Text<'a>, Reason> {
        self.expect(b'"', Reason::Name)?;
        let key = self.string()?;
        self.expect(b':', Reason::Colon)?;
        Ok(key)
    }

    /// Reads the rest of a string whose opening quote is consumed.
    #[inline(always)]
    pub(crate) fn string(&mut self) -> Result<Text<'a>, Reason> {
        let (bytes, start) = (self.bytes(), self.pos);
        let end = lex::plain(bytes, start);
        if bytes.get(end) == Some(&b'"') {
            self.pos = end + 1;
            return Ok(Text { raw: &self.text[start..end], escaped: false });
        }
        self.pos = lex::string(bytes, start)?;
        Ok(Text { raw: &self.text[start..self.pos - 1], escaped: true })
    }

    /// Reads a number and returns it as written.
    #[inline]
    pub(crate) fn number(&mut self) -> Result<&'a str, Reason> {
        let start = self.pos;
        self.pos = lex::number(self.bytes(), start)?;
        Ok(&self.text[start..self.pos])
    }

    /// Consumes one scalar. The caller has peeked the scalar's first byte, `first`.
    #[inline]
    pub(crate) fn skip_scalar(&mut self, first: u8) -> Result<(), Reason> {
        self.pos = lex::scalar(self.bytes(), self.pos, first)?;
        Ok(())
    }
}
