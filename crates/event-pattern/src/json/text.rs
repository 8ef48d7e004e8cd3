//! The contents of JSON strings: with their escapes as written, or decoded.

use std::borrow::Cow;

/// The text between the quotes of a JSON string, with its escapes as written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    pub(crate) raw: &'a str,
    pub(crate) escaped: bool,
}

impl<'a> Text<'a> {
    /// Returns the string with its escapes decoded.
    pub(crate) fn decode(self) -> Cow<'a, str> {
        if !self.escaped {
            return Cow::Borrowed(self.raw);
        }
        let mut decoded = String::with_capacity(self.raw.len());
        unescape(self.raw, &mut decoded);
        Cow::Owned(decoded)
    }
}

/// Decodes the escapes of `raw`, which must be valid, and appends the result to `into`. An unpaired
/// surrogate becomes a question mark, as in EventBridge's engine, which runs on the JVM.
pub(crate) fn unescape(raw: &str, into: &mut String) {
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        into.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let kind = rest.as_bytes().first().copied().unwrap_or(b'\\');
        rest = rest.get(1..).unwrap_or("");
        match kind {
            b'b' => into.push('\u{8}'),
            b'f' => into.push('\u{c}'),
            b'n' => into.push('\n'),
            b'r' => into.push('\r'),
            b't' => into.push('\t'),
            b'u' => rest = unicode(rest, into),
            other => into.push(char::from(other)),
        }
    }
    into.push_str(rest);
}

fn unit(hex: &str) -> Option<u32> {
    hex.get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok())
}

fn unicode<'a>(rest: &'a str, into: &mut String) -> &'a str {
    let Some(first) = unit(rest) else { return rest };
    let after = &rest[4..];
    if (0xD800..0xDC00).contains(&first) {
        let second = after.strip_prefix("\\u").and_then(unit);
        if let Some(low @ 0xDC00..0xE000) = second {
            let code = 0x1_0000 + ((first - 0xD800) << 10) + (low - 0xDC00);
            into.push(char::from_u32(code).unwrap_or('?'));
            return &after[6..];
        }
    }
    into.push(char::from_u32(first).unwrap_or('?'));
    after
}
