//! Finds where the parts of JSON text end.
//!
//! Each function takes the text and a position in it, and returns the position after the part.
//! Positions and reasons are passed in registers; this contributes most to the speed.

/// Why a text is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Value,
    Name,
    Colon,
    Comma,
    Control,
    Quote,
    Escape,
    Unicode,
    Number,
    Digit,
    Depth,
    Trailing,
    Empty,
}

impl Reason {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Value => "expected a value",
            Self::Name => "expected a member name in double quotes",
            Self::Colon => "expected a colon after the member name",
            Self::Comma => "expected a comma or the end of the object or array",
            Self::Control => "a control character inside a string must be written as an escape",
            Self::Quote => "expected the closing quote of a string",
            Self::Escape => "expected one of \" \\ / b f n r t u after a backslash",
            Self::Unicode => "expected four hexadecimal digits after \\u",
            Self::Number => "expected the end of the number",
            Self::Digit => "expected a digit in the number",
            Self::Depth => "objects and arrays must be nested at most 1000 levels deep",
            Self::Trailing => "unexpected text after the end of the document",
            Self::Empty => "the text is empty",
        }
    }
}

/// Skips white space.
#[inline(always)]
pub(super) fn space(bytes: &[u8], mut pos: usize) -> usize {
    while let Some(&byte) = bytes.get(pos) {
        if byte > b' ' || !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            break;
        }
        pos += 1;
    }
    pos
}

/// Returns the position of the first quote, backslash or control character from `pos` on, or the
/// end of the text.
#[inline(always)]
pub(super) fn plain(bytes: &[u8], mut pos: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    while let Some(chunk) = bytes.get(pos..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        let quotes = word ^ (ONES * b'"' as u64);
        let slashes = word ^ (ONES * b'\\' as u64);
        // In each variable below, the high bit of a byte marks the same byte of `chunk` as a quote,
        // as a backslash, or as a control character. Marks above the lowest mark may be wrong,
        // because a subtraction can borrow from the next byte. So only the lowest mark is used.
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

/// Returns the position after a string; `pos` is right after the string's opening quote.
#[inline(always)]
pub(super) fn string(bytes: &[u8], pos: usize) -> Result<usize, Reason> {
    let end = plain(bytes, pos);
    if bytes.get(end) == Some(&b'"') { Ok(end + 1) } else { escaped(bytes, end) }
}

/// The slow path of [`string`]; `pos` is at the first backslash or control character, or at the end
/// of the text.
#[cold]
fn escaped(bytes: &[u8], mut pos: usize) -> Result<usize, Reason> {
    loop {
        match bytes.get(pos) {
            Some(b'"') => return Ok(pos + 1),
            Some(b'\\') => pos = escape(bytes, pos)?,
            Some(_) => return Err(Reason::Control),
            None => return Err(Reason::Quote),
        }
        pos = plain(bytes, pos);
    }
}

fn escape(bytes: &[u8], pos: usize) -> Result<usize, Reason> {
    match bytes.get(pos + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(pos + 2),
        Some(b'u') => match bytes.get(pos + 2..pos + 6) {
            Some(hex) if hex.iter().all(u8::is_ascii_hexdigit) => Ok(pos + 6),
            _ => Err(Reason::Unicode),
        },
        _ => Err(Reason::Escape),
    }
}

#[inline(always)]
fn digits(bytes: &[u8], mut pos: usize) -> usize {
    while bytes.get(pos).is_some_and(u8::is_ascii_digit) {
        pos += 1;
    }
    pos
}

fn some_digits(bytes: &[u8], pos: usize) -> Result<usize, Reason> {
    let end = digits(bytes, pos);
    if end == pos { Err(Reason::Digit) } else { Ok(end) }
}

/// Returns the position after the number that begins at `pos`.
#[inline]
pub(super) fn number(bytes: &[u8], mut pos: usize) -> Result<usize, Reason> {
    if bytes.get(pos) == Some(&b'-') {
        pos += 1;
    }
    pos = match bytes.get(pos) {
        Some(b'0') => pos + 1,
        Some(b'1'..=b'9') => digits(bytes, pos + 1),
        _ => return Err(Reason::Value),
    };
    if bytes.get(pos) == Some(&b'.') {
        pos = some_digits(bytes, pos + 1)?;
    }
    if matches!(bytes.get(pos), Some(b'e' | b'E')) {
        pos += 1;
        if matches!(bytes.get(pos), Some(b'+' | b'-')) {
            pos += 1;
        }
        pos = some_digits(bytes, pos)?;
    }
    match bytes.get(pos) {
        Some(byte) if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-') => {
            Err(Reason::Number)
        }
        _ => Ok(pos),
    }
}

/// Returns the position after the literal `text`; fails if `pos` is not at this literal.
#[inline]
fn literal(bytes: &[u8], pos: usize, text: &[u8]) -> Result<usize, Reason> {
    let end = pos + text.len();
    let ends_here = !bytes.get(end).is_some_and(u8::is_ascii_alphanumeric);
    if bytes.get(pos..end) == Some(text) && ends_here { Ok(end) } else { Err(Reason::Value) }
}

/// Returns the position after the scalar at `pos`, whose first byte is `first`.
#[inline(always)]
pub(super) fn scalar(bytes: &[u8], pos: usize, first: u8) -> Result<usize, Reason> {
    match first {
        b'"' => string(bytes, pos + 1),
        b't' => literal(bytes, pos, b"true"),
        b'f' => literal(bytes, pos, b"false"),
        b'n' => literal(bytes, pos, b"null"),
        _ => number(bytes, pos),
    }
}

/// Returns the position after a member's name and its colon.
#[inline(always)]
pub(super) fn key(bytes: &[u8], pos: usize) -> Result<usize, Reason> {
    let start = space(bytes, pos);
    if bytes.get(start) != Some(&b'"') {
        return Err(Reason::Name);
    }
    let end = string(bytes, start + 1)?;
    let colon = space(bytes, end);
    if bytes.get(colon) == Some(&b':') { Ok(colon + 1) } else { Err(Reason::Colon) }
}
