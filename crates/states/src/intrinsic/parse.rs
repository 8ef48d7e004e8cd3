//! Reads an intrinsic function call.

use super::{Argument, Call, CallError, Function};
use crate::json::Json;
use crate::path::Path;

/// The maximum nesting of calls that Step Functions accepts.
const MAX_NESTING: usize = 10;

/// Reads a text that consists of one call of an intrinsic function.
pub(crate) fn parse(text: &str) -> Result<Call, CallError> {
    let mut reader = Reader { text, at: 0, nesting: 0 };
    reader.spaces();
    let call = reader.call()?;
    reader.spaces();
    if reader.at < text.len() {
        return Err(reader.refuse("unexpected text after the call"));
    }
    Ok(call)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    nesting: usize,
}

impl<'a> Reader<'a> {
    fn refuse(&self, reason: impl Into<String>) -> CallError {
        CallError { text: self.text.to_owned(), reason: reason.into() }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn spaces(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn eat(&mut self, token: char) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len_utf8();
        }
        found
    }

    fn call(&mut self) -> Result<Call, CallError> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return Err(self.refuse("calls are nested more than ten deep"));
        }
        let start = self.at;
        let rest = self.rest();
        let end = rest
            .find(|next: char| !next.is_ascii_alphanumeric() && next != '.')
            .unwrap_or(rest.len());
        let name = &rest[..end];
        let function = Function::named(name)
            .ok_or_else(|| self.refuse(format!("there is no function '{name}'")))?;
        self.at += end;
        self.spaces();
        if !self.eat('(') {
            return Err(self.refuse(format!("expected '(' after {name}")));
        }
        let arguments = self.arguments()?;
        let (least, most) = function.arity();
        if arguments.len() < least || arguments.len() > most {
            let takes = if least == most { least.to_string() } else { format!("{least} or more") };
            let given = arguments.len();
            return Err(self.refuse(format!("{name} takes {takes} arguments, not {given}")));
        }
        self.nesting -= 1;
        Ok(Call { text: self.text[start..self.at].to_owned(), function, arguments })
    }

    fn arguments(&mut self) -> Result<Vec<Argument>, CallError> {
        let mut arguments = Vec::new();
        self.spaces();
        if self.eat(')') {
            return Ok(arguments);
        }
        loop {
            self.spaces();
            arguments.push(self.argument()?);
            self.spaces();
            if self.eat(')') {
                return Ok(arguments);
            }
            if !self.eat(',') {
                return Err(self.refuse("expected ',' or ')' after an argument"));
            }
        }
    }

    fn argument(&mut self) -> Result<Argument, CallError> {
        let rest = self.rest();
        if rest.starts_with('\'') {
            return self.string().map(Argument::Text);
        }
        if rest.starts_with("States.") {
            return Ok(Argument::Call(Box::new(self.call()?)));
        }
        if rest.starts_with('$') {
            let end = path_end(rest);
            let path = Path::parse_argument(&rest[..end])
                .map_err(|error| self.refuse(error.to_string()))?;
            self.at += end;
            return Ok(Argument::Path(path));
        }
        let end = rest.find([',', ')', ' ']).unwrap_or(rest.len());
        let word = &rest[..end];
        match word.parse::<Json>() {
            Ok(value @ (Json::Null | Json::Bool(_) | Json::Number(_))) => {
                self.at += end;
                Ok(Argument::Value(value))
            }
            _ => {
                Err(self
                    .refuse(format!("'{word}' is not an argument: strings stand in single quotes")))
            }
        }
    }

    fn string(&mut self) -> Result<String, CallError> {
        let rest = self.rest();
        let mut escaped = false;
        for (position, next) in rest.char_indices().skip(1) {
            match next {
                '\'' | '\\' | '{' | '}' if escaped => escaped = false,
                _ if escaped => {
                    return Err(self.refuse(format!(
                        "a \\ before '{next}': in a string it may only stand before ', {{, }} and \\"
                    )));
                }
                '\\' => escaped = true,
                '\'' => {
                    self.at += position + 1;
                    return Ok(rest[1..position].to_owned());
                }
                _ => {}
            }
        }
        Err(self.refuse("a string without its closing quote"))
    }
}

/// Returns the length of the path at the start of the text. The path ends at the first comma, space
/// or closing parenthesis outside of brackets.
fn path_end(text: &str) -> usize {
    let mut brackets = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    for (position, next) in text.char_indices() {
        match (quote, next) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) => quote = (open != next).then_some(open),
            (None, '\'' | '"') if brackets > 0 => quote = Some(next),
            (None, '[') => brackets += 1,
            (None, ']') => brackets = brackets.saturating_sub(1),
            (None, ',' | ')' | ' ') if brackets == 0 => return position,
            _ => {}
        }
    }
    text.len()
}

/// Returns the text of a string literal, with its escapes resolved.
pub(super) fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut characters = raw.chars().peekable();
    while let Some(next) = characters.next() {
        match (next, characters.peek()) {
            ('\\', Some('\'' | '\\' | '{' | '}')) => text.extend(characters.next()),
            _ => text.push(next),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_keeps_its_arguments_apart() {
        let call =
            parse("States.Format('{}, \\'{}\\'', $['a,b)'].c, States.Array(1, true))").unwrap();
        assert_eq!(call.arguments.len(), 3);
        assert_eq!(call.paths().len(), 1);
    }

    #[test]
    fn a_bad_call_is_refused() {
        for text in [
            "States.Nope(1)",
            "States.UUID(1)",
            "States.Format",
            "States.Format('x'",
            "States.Array(1 2)",
            "States.Array(\"x\")",
            "States.ArrayLength($.)",
            "States.UUID() x",
            r#"States.StringToJson('{\"a\":1}')"#,
            r"States.Format('a\n{}', 1)",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        let deep = format!("{}{}", "States.Array(".repeat(11), ")".repeat(11));
        assert!(parse(&deep).is_err());
    }
}
