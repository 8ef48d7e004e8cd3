//! Reads `numeric`: one comparison, or a range with its lower bound first.

use super::Parser;
use crate::comparison::{Comparison, NumberRange};
use crate::error::{PatternError, PatternFault as Fault};
use crate::json::Reason;
use crate::number::{self, Key};

impl Parser<'_> {
    /// Reads a number that can be compared exactly.
    pub(super) fn comparable(&mut self) -> Result<Key, PatternError> {
        let text = self.number()?;
        let Some(key) = number::key(text) else {
            return self.fail(Fault::Unrepresentable(text.to_owned()));
        };
        match self.limits.numeric_bound {
            Some(bound) if number::value_of(key).abs() > bound => {
                self.fail(Fault::OutOfBounds(text.to_owned()))
            }
            _ => Ok(key),
        }
    }

    pub(super) fn numeric(&mut self) -> Result<Comparison, PatternError> {
        if !self.cursor.eat(b'[') {
            return self.fail(Fault::WrongOperand { operator: "numeric", takes: "an array" });
        }
        let first = self.numeric_term()?;
        if self.cursor.eat(b']') {
            return Ok(Comparison::Range(half_line(first)));
        }
        if !matches!(first.0, ">" | ">=") {
            return self.fail(Fault::NumericForm);
        }
        let comma = self.cursor.expect(b',', Reason::Comma);
        self.json(comma)?;
        let second = self.numeric_term()?;
        if !matches!(second.0, "<" | "<=") || !self.cursor.eat(b']') {
            return self.fail(Fault::NumericForm);
        }
        if first.1 >= second.1 {
            let [bottom, top] = [first.1, second.1].map(|key| number::value_of(key).to_string());
            return self.fail(Fault::EmptyRange(bottom, top));
        }
        let keys = (half_line(first).keys.0, half_line(second).keys.1);
        Ok(Comparison::Range(NumberRange { written: [first, second].into(), keys }))
    }

    fn numeric_term(&mut self) -> Result<(&'static str, Key), PatternError> {
        let operator = match self.cursor.peek() {
            Some(b'"') => self.string()?,
            _ => return self.fail(Fault::NumericForm),
        };
        let known = ["=", "<", "<=", ">", ">="].into_iter().find(|known| *known == operator);
        let Some(known) = known else { return self.fail(Fault::NumericOperator(operator)) };
        if !self.cursor.eat(b',') {
            return self.fail(Fault::NumericForm);
        }
        match self.cursor.peek() {
            Some(b'-' | b'0'..=b'9') => Ok((known, self.comparable()?)),
            _ => self.fail(Fault::NumericForm),
        }
    }
}

/// Returns the range that one comparison accepts. `<` and `>` exclude their number, so the range
/// ends at the next lower or higher key. No number lies between two successive keys.
fn half_line(term: (&'static str, Key)) -> NumberRange {
    let (lowest, highest) = (number::key_of(f64::MIN), number::key_of(f64::MAX));
    let key = term.1;
    let keys = match term.0 {
        "=" => (key, key),
        "<" => (lowest, key - 1),
        "<=" => (lowest, key),
        ">" => (key + 1, highest),
        _ => (key, highest),
    };
    NumberRange { written: [term].into(), keys }
}
