//! Reads the text of a path.

use super::filter;
use super::{Path, PathError, Root, Step};

/// The maximum nesting of a filter. A deeper filter is refused, so that it cannot overflow the
/// stack.
const MAX_NESTING: usize = 32;
/// The maximum number of steps in a path. A value written to a deeper place would exceed the
/// default limit of a payload's depth anyway.
const MAX_STEPS: usize = 100;

/// Reads a path. Spaces after the path are ignored, as in Step Functions.
pub(super) fn path(text: &str, words_only: bool) -> Result<Path, PathError> {
    let mut cursor = Cursor { text, rest: text, nesting: 0, words_only };
    let root = cursor.root()?;
    let steps = cursor.steps()?;
    if !cursor.is_done() {
        return Err(cursor.refuse("unexpected text"));
    }
    Ok(Path { text: text.to_owned(), root, steps })
}

/// How far the text of a path was read. The filters in the path are read with the same cursor.
pub(super) struct Cursor<'a> {
    text: &'a str,
    rest: &'a str,
    pub(super) nesting: usize,
    /// Whether a name after a dot is limited to letters, digits and underscores.
    words_only: bool,
}

impl<'a> Cursor<'a> {
    pub(super) fn refuse(&self, reason: impl Into<String>) -> PathError {
        let read = self.text.len() - self.rest.len();
        PathError {
            path: self.text.to_owned(),
            reason: reason.into(),
            at: self.text[..read].chars().count() + 1,
        }
    }

    pub(super) fn enter(&mut self) -> Result<(), PathError> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return Err(self.refuse("a filter is nested more than 32 deep"));
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.rest.trim_start().is_empty()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.rest = &self.rest[next.len_utf8()..];
        Some(next)
    }

    pub(super) fn eat(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    pub(super) fn expect(&mut self, token: &str) -> Result<(), PathError> {
        if self.eat(token) { Ok(()) } else { Err(self.refuse(format!("expected '{token}'"))) }
    }

    pub(super) fn spaces(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    pub(super) fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|next| !keep(next)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    pub(super) fn root(&mut self) -> Result<Root, PathError> {
        if self.eat("$$") {
            return Ok(Root::Context);
        }
        self.expect("$")?;
        let name = self.take_while(|next| next == '_' || next.is_alphanumeric());
        Ok(if name.is_empty() { Root::Input } else { Root::Variable(name.to_owned()) })
    }

    /// Reads steps, up to the first character that cannot start a step.
    pub(super) fn steps(&mut self) -> Result<Vec<Step>, PathError> {
        let mut steps = Vec::new();
        loop {
            if steps.len() > MAX_STEPS {
                return Err(self.refuse("more than 100 steps"));
            }
            if self.eat("..") {
                steps.push(Step::Descend);
                steps.push(self.dotted()?);
            } else if self.eat(".") {
                steps.push(self.dotted()?);
            } else if self.eat("[") {
                steps.push(self.bracketed()?);
            } else {
                return Ok(steps);
            }
        }
    }

    fn dotted(&mut self) -> Result<Step, PathError> {
        if self.eat("*") {
            return Ok(Step::Wildcard);
        }
        // Step Functions accepts a superfluous dot before a bracket: `$.lines.[0]`.
        if self.eat("[") {
            return self.bracketed();
        }
        let name = self.take_while(is_name);
        if self.words_only && name.contains(|next: char| !next.is_alphanumeric() && next != '_') {
            let advice = format!("in a function, this name is written ['{name}']");
            return Err(self.refuse(advice));
        }
        if name.is_empty() {
            return Err(self.refuse("expected a name"));
        }
        if self.peek() == Some('(') {
            return Err(self.refuse("functions are not supported in paths"));
        }
        Ok(Step::Name(name.to_owned()))
    }

    fn bracketed(&mut self) -> Result<Step, PathError> {
        self.spaces();
        let step = match self.peek() {
            Some('*') => {
                self.next();
                Step::Wildcard
            }
            Some('?') => {
                self.next();
                self.spaces();
                self.expect("(")?;
                let filter = filter::parse(self)?;
                self.expect(")")?;
                Step::Filter(filter)
            }
            Some('\'' | '"') => self.names()?,
            _ => self.numbers()?,
        };
        self.spaces();
        self.expect("]")?;
        Ok(step)
    }

    fn names(&mut self) -> Result<Step, PathError> {
        let mut names = vec![self.name()?];
        loop {
            self.spaces();
            if !self.eat(",") {
                break;
            }
            self.spaces();
            names.push(self.name()?);
        }
        Ok(match names.len() {
            1 => Step::Name(names.remove(0)),
            _ => Step::Names(names),
        })
    }

    /// Reads a quoted name. A `\` is a part of the name, except before the quote character.
    fn name(&mut self) -> Result<String, PathError> {
        self.quoted_by(|quote, escaped, name| {
            if escaped != quote {
                name.push('\\');
            }
            name.push(escaped);
        })
    }

    /// Reads a quoted string of a filter, and resolves its escapes.
    pub(super) fn quoted(&mut self) -> Result<String, PathError> {
        self.quoted_by(|_, escaped, text| {
            text.push(match escaped {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                other => other,
            });
        })
    }

    /// Reads a text up to its closing quote. At each `\`, `escape` gets the quote, the character
    /// after the `\`, and the text so far, and appends to this text.
    fn quoted_by(&mut self, escape: impl Fn(char, char, &mut String)) -> Result<String, PathError> {
        let quote = match self.next() {
            Some(quote @ ('\'' | '"')) => quote,
            _ => return Err(self.refuse("expected a quoted name")),
        };
        let unclosed = "a name without its closing quote";
        let mut text = String::new();
        loop {
            match self.next() {
                Some(next) if next == quote => return Ok(text),
                Some('\\') => {
                    let escaped = self.next().ok_or_else(|| self.refuse(unclosed))?;
                    escape(quote, escaped, &mut text);
                }
                Some(next) => text.push(next),
                None => return Err(self.refuse(unclosed)),
            }
        }
    }

    fn numbers(&mut self) -> Result<Step, PathError> {
        let first = self.integer()?;
        self.spaces();
        if self.eat(":") {
            return self.slice(first);
        }
        let mut indices = vec![first.ok_or_else(|| self.refuse("expected a number"))?];
        while self.eat(",") {
            self.spaces();
            let next = self.integer()?;
            indices.push(next.ok_or_else(|| self.refuse("expected a number"))?);
            self.spaces();
        }
        Ok(match indices.len() {
            1 => Step::Index(indices[0]),
            _ => Step::Indices(indices),
        })
    }

    fn slice(&mut self, start: Option<i64>) -> Result<Step, PathError> {
        self.spaces();
        let end = self.integer()?;
        self.spaces();
        let step = if self.eat(":") { self.integer()?.unwrap_or(1) } else { 1 };
        if step <= 0 {
            return Err(self.refuse("a slice needs a positive step"));
        }
        Ok(Step::Slice { start, end, step })
    }

    fn integer(&mut self) -> Result<Option<i64>, PathError> {
        let negative = self.eat("-");
        let digits = self.take_while(|next| next.is_ascii_digit());
        if digits.is_empty() {
            return if negative { Err(self.refuse("expected a number")) } else { Ok(None) };
        }
        let number: i64 = digits.parse().map_err(|_| self.refuse("a number out of range"))?;
        Ok(Some(if negative { -number } else { number }))
    }
}

fn is_name(next: char) -> bool {
    next.is_alphanumeric() || matches!(next, '_' | '-' | '$' | '@' | '#' | '/' | '+' | ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn steps(text: &str) -> Vec<Step> {
        path(text, false).unwrap().steps
    }

    #[test]
    fn every_form_of_step_is_read() {
        assert_eq!(steps("$"), []);
        assert_eq!(steps("$.a-b[0]"), [Step::Name("a-b".into()), Step::Index(0)]);
        assert_eq!(
            steps("$['a b']['it\\'s']"),
            [Step::Name("a b".into()), Step::Name("it's".into())]
        );
        assert_eq!(steps("$..b[*]"), [Step::Descend, Step::Name("b".into()), Step::Wildcard]);
        assert_eq!(steps("$[-1][1,2]"), [Step::Index(-1), Step::Indices(vec![1, 2])]);
        assert_eq!(
            steps("$[1:][:2]"),
            [
                Step::Slice { start: Some(1), end: None, step: 1 },
                Step::Slice { start: None, end: Some(2), step: 1 },
            ]
        );
    }

    #[test]
    fn roots_are_told_apart() {
        assert_eq!(path("$$.Execution", false).unwrap().root, Root::Context);
        assert_eq!(path("$order.total", false).unwrap().root, Root::Variable("order".into()));
    }

    #[test]
    fn a_text_that_is_no_path_is_refused_with_its_place() {
        for text in ["", "a", "$.", "$[", "$['a", "$.a b", "$[a]", "$.a()", "$[1", "$[::0]"] {
            assert!(path(text, false).is_err(), "{text}");
        }
        assert_eq!(path("$.a b", false).unwrap_err().at, 4);
    }
}
