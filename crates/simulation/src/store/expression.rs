//! DynamoDB's expressions, as far as the shop uses them. What is not known is refused, loudly:
//! an expression that is added later is added here, or no run goes on.

use std::cmp::Ordering;

use chorus_kernel::{Condition, Item};
use serde_dynamo::AttributeValue;

/// An expression that is wrong, or not known here.
#[derive(Debug)]
pub(super) struct Invalid(pub(super) String);

/// Whether `text`, with the names and values of `bound`, holds of `item`.
pub(super) fn holds(text: &str, bound: &Condition, item: Option<&Item>) -> Result<bool, Invalid> {
    let mut reader = Reader { words: words(text), bound, item };
    let held = reader.any()?;
    if reader.words.is_empty() { Ok(held) } else { Err(Invalid(format!("unread: {text}"))) }
}

/// Makes the changes of `update` to `item`.
pub(super) fn update(update: &Condition, item: &mut Item) -> Result<(), Invalid> {
    let mut words = words(&update.text);
    let mut clause = "";
    let mut done: Vec<(String, Option<AttributeValue>)> = Vec::new();
    while let Some(word) = next(&mut words) {
        match word {
            "ADD" | "SET" | "REMOVE" => {
                clause = word;
                continue;
            }
            "," => continue,
            _ => {}
        }
        let name = attribute(update, word)?;
        match clause {
            "REMOVE" => done.push((name, None)),
            "SET" => {
                if next(&mut words) != Some("=") {
                    return Err(Invalid(update.text.clone()));
                }
                done.push((name, Some(value(update, next(&mut words))?.clone())));
            }
            "ADD" => {
                let added = number(value(update, next(&mut words))?);
                let before = item.get(&name).map_or(Some(0), number);
                let sum = added.zip(before).and_then(|(a, b)| a.checked_add(b));
                let sum = sum.ok_or_else(|| Invalid(format!("{name} is no whole number")))?;
                done.push((name, Some(AttributeValue::N(sum.to_string()))));
            }
            _ => return Err(Invalid(update.text.clone())),
        }
    }
    for (name, value) in done {
        match value {
            Some(value) => item.insert(name, value),
            None => item.remove(&name),
        };
    }
    Ok(())
}

/// Cuts an expression into words, the first one last.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | ')' | ',' => 1,
            '<' | '>' | '=' => rest.bytes().take_while(|it| b"<>=".contains(it)).count(),
            _ => rest
                .find(|it: char| it.is_whitespace() || "(),<>=".contains(it))
                .unwrap_or(rest.len()),
        };
        let (word, behind) = rest.split_at(length);
        words.push(word);
        rest = behind.trim_start();
    }
    words.reverse();
    words
}

fn next<'a>(words: &mut Vec<&'a str>) -> Option<&'a str> {
    words.pop()
}

fn attribute(bound: &Condition, word: &str) -> Result<String, Invalid> {
    if !word.starts_with('#') {
        return Ok(word.to_owned());
    }
    bound.names.get(word).cloned().ok_or_else(|| Invalid(format!("{word} is not bound")))
}

fn value<'a>(bound: &'a Condition, word: Option<&str>) -> Result<&'a AttributeValue, Invalid> {
    let found = word.and_then(|word| bound.values.get(word));
    found.ok_or_else(|| Invalid(format!("{word:?} is not bound")))
}

fn number(value: &AttributeValue) -> Option<i128> {
    match value {
        AttributeValue::N(digits) => digits.parse().ok(),
        _ => None,
    }
}

struct Reader<'a> {
    words: Vec<&'a str>,
    bound: &'a Condition,
    item: Option<&'a Item>,
}

impl Reader<'_> {
    fn any(&mut self) -> Result<bool, Invalid> {
        let mut held = self.all()?;
        while self.words.last() == Some(&"OR") {
            next(&mut self.words);
            held |= self.all()?;
        }
        Ok(held)
    }

    fn all(&mut self) -> Result<bool, Invalid> {
        let mut held = self.one()?;
        while self.words.last() == Some(&"AND") {
            next(&mut self.words);
            held &= self.one()?;
        }
        Ok(held)
    }

    fn one(&mut self) -> Result<bool, Invalid> {
        let word = next(&mut self.words).ok_or_else(|| Invalid("too short".to_owned()))?;
        match word {
            "NOT" => self.one().map(|held| !held),
            "(" => {
                let held = self.any()?;
                self.expect(")")?;
                Ok(held)
            }
            "attribute_exists" => self.exists(),
            "attribute_not_exists" => self.exists().map(|exists| !exists),
            left => {
                let how = next(&mut self.words).unwrap_or_default();
                let right = next(&mut self.words).unwrap_or_default();
                self.compare(left, how, right)
            }
        }
    }

    fn exists(&mut self) -> Result<bool, Invalid> {
        self.expect("(")?;
        let word = next(&mut self.words).unwrap_or_default();
        let name = attribute(self.bound, word)?;
        self.expect(")")?;
        Ok(self.item.is_some_and(|item| item.contains_key(&name)))
    }

    fn expect(&mut self, expected: &str) -> Result<(), Invalid> {
        match next(&mut self.words) {
            Some(word) if word == expected => Ok(()),
            other => Err(Invalid(format!("{expected} was expected, not {other:?}"))),
        }
    }

    fn operand(&self, word: &str) -> Result<Option<AttributeValue>, Invalid> {
        if word.starts_with(':') {
            return value(self.bound, Some(word)).cloned().map(Some);
        }
        let name = attribute(self.bound, word)?;
        Ok(self.item.and_then(|item| item.get(&name)).cloned())
    }

    fn compare(&self, left: &str, how: &str, right: &str) -> Result<bool, Invalid> {
        let (Some(left), Some(right)) = (self.operand(left)?, self.operand(right)?) else {
            return Ok(false);
        };
        let order = match (&left, &right) {
            (AttributeValue::N(_), AttributeValue::N(_)) => {
                let (left, right) = (number(&left), number(&right));
                let whole = || Invalid("only whole numbers are compared".to_owned());
                Some(left.ok_or_else(whole)?.cmp(&right.ok_or_else(whole)?))
            }
            (AttributeValue::S(left), AttributeValue::S(right)) => Some(left.cmp(right)),
            _ => None,
        };
        Ok(match how {
            "=" => order == Some(Ordering::Equal) || (order.is_none() && left == right),
            "<>" => order != Some(Ordering::Equal),
            "<" => order == Some(Ordering::Less),
            "<=" => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            ">" => order == Some(Ordering::Greater),
            ">=" => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
            other => return Err(Invalid(format!("{other} is not known"))),
        })
    }
}
