//! Moves through JSON text token by token.

use super::{JsonError, Text};

/// A position in JSON text.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    pos: usize,
}

impl<'a> Cursor<'a> {
    /// Starts at the beginning of `text`.
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, pos: 0 }
    }

    /// The byte offset of the next byte to be read.
    pub(crate) fn offset(&self) -> usize {
        self.pos
    }

    #[inline]
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    pub(crate) fn error(&self, reason: &'static str) -> JsonError {
        JsonError { reason, offset: self.pos }
    }

    /// The next byte that is not white space, without consuming it.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        let bytes = self.bytes();
        while let Some(&byte) = bytes.get(self.pos) {
            if byte > b' ' || !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.pos += 1;
        }
        None
    }

    /// Consumes the byte that [`Cursor::peek`] returned.
    #[inline]
    pub(crate) fn bump(&mut self) {
        self.pos += 1;
    }

    /// Consumes `byte` after white space, if it is next.
    #[inline]
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.pos += 1;
        }
        found
    }

    /// Consumes `byte` after white space, or fails with `reason`.
    #[inline]
    pub(crate) fn expect(&mut self, byte: u8, reason: &'static str) -> Result<(), JsonError> {
        if self.eat(byte) { Ok(()) } else { Err(self.error(reason)) }
    }

    /// Fails unless nothing but white space is left.
    pub(crate) fn finish(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.error("unexpected text after the end of the document")),
        }
    }

    /// Reads a member's name and the colon after it.
    #[inline]
    pub(crate) fn key(&mut self) -> Result<Text<'a>, JsonError> {
        self.expect(b'"', "expected a member name in double quotes")?;
        let key = self.string()?;
        if self.bytes().get(self.pos) == Some(&b':') {
            self.pos += 1;
        } else {
            self.expect(b':', "expected a colon after the member name")?;
        }
        Ok(key)
    }

    /// Reads the rest of a string whose opening quote is consumed.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Text<'a>, JsonError> {
        let start = self.pos;
        let escaped = self.string_end()?;
        Ok(Text { raw: &self.text[start..self.pos - 1], escaped })
    }

    /// Moves behind the closing quote; tells whether there was an escape.
    #[inline]
    pub(super) fn string_end(&mut self) -> Result<bool, JsonError> {
        let bytes = self.bytes();
        let mut escaped = false;
        loop {
            self.pos = plain_end(bytes, self.pos);
            match bytes.get(self.pos) {
                Some(b'"') => {
                    self.pos += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(self.error("a control character inside a string")),
                None => return Err(self.error("a string without its closing quote")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        match self.bytes().get(self.pos + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.pos += 2;
                Ok(())
            }
            Some(b'u') => match self.bytes().get(self.pos + 2..self.pos + 6) {
                Some(hex) if hex.iter().all(u8::is_ascii_hexdigit) => {
                    self.pos += 6;
                    Ok(())
                }
                _ => Err(self.error("a \\u escape without four hexadecimal digits")),
            },
            _ => Err(self.error("an unknown escape inside a string")),
        }
    }

    /// Reads a number and returns it as written.
    pub(crate) fn number(&mut self) -> Result<&'a str, JsonError> {
        let start = self.pos;
        if self.bytes().get(self.pos) == Some(&b'-') {
            self.pos += 1;
        }
        match self.bytes().get(self.pos) {
            Some(b'0') => self.pos += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.error("expected a value")),
        }
        if self.bytes().get(self.pos) == Some(&b'.') {
            self.pos += 1;
            self.some_digits()?;
        }
        if matches!(self.bytes().get(self.pos), Some(b'e' | b'E')) {
            self.pos += 1;
            if matches!(self.bytes().get(self.pos), Some(b'+' | b'-')) {
                self.pos += 1;
            }
            self.some_digits()?;
        }
        match self.bytes().get(self.pos) {
            Some(byte) if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-') => {
                Err(self.error("a malformed number"))
            }
            _ => Ok(&self.text[start..self.pos]),
        }
    }

    fn digits(&mut self) {
        while self.bytes().get(self.pos).is_some_and(u8::is_ascii_digit) {
            self.pos += 1;
        }
    }

    fn some_digits(&mut self) -> Result<(), JsonError> {
        let start = self.pos;
        self.digits();
        if self.pos == start { Err(self.error("a number lacks a digit")) } else { Ok(()) }
    }

    /// Consumes `word` (`true`, `false`, `null`), or fails.
    pub(crate) fn word(&mut self, word: &str) -> Result<(), JsonError> {
        let end = self.pos + word.len();
        let ends_here = !self.bytes().get(end).is_some_and(u8::is_ascii_alphanumeric);
        if self.bytes().get(self.pos..end) == Some(word.as_bytes()) && ends_here {
            self.pos = end;
            Ok(())
        } else {
            Err(self.error("expected a value"))
        }
    }
}

/// The first position at or after `pos` that holds a quote, a backslash or a control character.
#[inline]
fn plain_end(bytes: &[u8], mut pos: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    while let Some(chunk) = bytes.get(pos..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        let quotes = word ^ (ONES * b'"' as u64);
        let slashes = word ^ (ONES * b'\\' as u64);
        // A byte's high bit is set where the byte is zero (below 0x20 for `controls`); bits above
        // the lowest one set may be wrong, so only the lowest is used.
        let zero_quotes = quotes.wrapping_sub(ONES) & !quotes;
        let zero_slashes = slashes.wrapping_sub(ONES) & !slashes;
        let controls = word.wrapping_sub(ONES * 0x20) & !word;
        let found = (zero_quotes | zero_slashes | controls) & HIGHS;
        if found != 0 {
            return pos + (found.trailing_zeros() / 8) as usize;
        }
        pos += 8;
    }
    while let Some(&byte) = bytes.get(pos) {
        if byte == b'"' || byte == b'\\' || byte < 0x20 {
            break;
        }
        pos += 1;
    }
    pos
}
