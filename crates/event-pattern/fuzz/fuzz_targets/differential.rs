//! Compares the matcher with a slow and simple one, on patterns and events made from the fuzzer's
//! bytes.

#![no_main]

#[path = "../../tests/reference/mod.rs"]
mod reference;

use event_pattern::{Limits, Matcher, Pattern};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};

const NAMES: [&str; 6] = ["a", "b", "c", "a.b", "a-b", "b.c"];
const TEXTS: [&str; 14] = [
    "",
    "a",
    "A",
    "ab",
    "aB",
    "abc",
    "bca",
    "order-1",
    "ORDER",
    "é",
    "x*y",
    "10.0.0.1",
    "2001:db8::1",
    "a\nb",
];
const NUMBERS: [&str; 9] = ["0", "-0.0", "1", "1.0", "1e0", "-3.5", "301.8", "3.018e2", "1000"];
const WILDCARDS: [&str; 9] = ["*", "a*", "*b", "a*c", "*r*", "x\\*y", "*a*b*", "", "o*r-*"];
const BLOCKS: [&str; 4] = ["10.0.0.0/8", "10.0.0.0/31", "2001:db8::/32", "0.0.0.0/1"];

/// The fuzzer's bytes, each of which makes one choice. After the last byte, each choice gets a 0.
struct Choices<'a>(std::slice::Iter<'a, u8>);

impl Choices<'_> {
    fn below(&mut self, bound: usize) -> usize {
        usize::from(*self.0.next().unwrap_or(&0)) % bound
    }

    fn of(&mut self, list: &[&str]) -> String {
        list[self.below(list.len())].to_owned()
    }

    fn number(&mut self) -> Value {
        serde_json::from_str(&self.of(&NUMBERS)).expect("JSON")
    }

    fn leaf(&mut self) -> Value {
        match self.below(8) {
            0..4 => self.of(&TEXTS).into(),
            4..6 => self.number(),
            6 => Value::Bool(self.below(2) == 0),
            _ => Value::Null,
        }
    }

    fn object(&mut self, depth: usize, member: fn(&mut Self, usize) -> Value) -> Value {
        let mut object = Map::new();
        for _ in 0..=self.below(3) {
            object.insert(self.of(&NAMES), member(self, depth));
        }
        object.into()
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 1 } else { 4 }) {
            1 => (0..self.below(4)).map(|_| self.value(depth - 1)).collect(),
            2 | 3 => self.object(depth - 1, Self::value),
            _ => self.leaf(),
        }
    }

    fn pattern(&mut self, depth: usize) -> Value {
        let mut object = self.object(depth, Self::member);
        if depth > 0 && self.below(3) == 0 {
            let branches = (0..2 + self.below(2)).map(|_| self.pattern(depth - 1));
            object["$or"] = branches.collect();
        }
        object
    }

    fn member(&mut self, depth: usize) -> Value {
        if depth > 0 && self.below(3) == 0 {
            return self.pattern(depth - 1);
        }
        (0..=self.below(3)).map(|_| self.comparison()).collect()
    }

    fn one_or_list(&mut self, one: impl Fn(&mut Self) -> Value) -> Value {
        if self.below(2) == 0 {
            one(self)
        } else {
            (0..=self.below(2)).map(|_| one(self)).collect()
        }
    }

    fn comparison(&mut self) -> Value {
        let text = |own: &mut Self| Value::from(own.of(&TEXTS));
        let affix = |own: &mut Self| Value::from(own.of(&TEXTS[1..]));
        match self.below(18) {
            0..4 => self.leaf(),
            4 => json!({ "prefix": self.of(&TEXTS) }),
            5 => json!({ "suffix": self.of(&TEXTS) }),
            6 => json!({ "equals-ignore-case": self.of(&TEXTS) }),
            7 => json!({ "prefix": { "equals-ignore-case": self.of(&TEXTS) } }),
            8 => json!({ "suffix": { "equals-ignore-case": self.of(&TEXTS) } }),
            9 => json!({ "wildcard": self.of(&WILDCARDS) }),
            10 => json!({ "numeric": [self.of(&["=", "<", "<=", ">", ">="]), self.number()] }),
            11 => json!({ "numeric": [self.of(&[">", ">="]), 0, self.of(&["<", "<="]), 1000] }),
            12 => json!({ "cidr": self.of(&BLOCKS) }),
            13 => json!({ "exists": self.below(2) == 0 }),
            14 => json!({ "anything-but": self.one_or_list(text) }),
            15 => json!({ "anything-but": self.one_or_list(Self::number) }),
            16 => json!({ "anything-but": { "prefix": self.one_or_list(affix) } }),
            _ => json!({ "anything-but": { "suffix": self.one_or_list(affix) } }),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices(data.iter());
    let patterns: Vec<Value> = (0..=choices.below(3)).map(|_| choices.pattern(2)).collect();
    let event = choices.object(3, Choices::value);
    let text = event.to_string();
    let mut matcher = Matcher::new();
    let mut expected = Vec::new();
    for (id, pattern) in patterns.iter().enumerate() {
        let limits = Limits::generous();
        let parsed = Pattern::parse_within(pattern.to_string(), &limits).expect("a valid pattern");
        let verdict = reference::matches(pattern, &event);
        assert_eq!(parsed.matches(&text), Ok(verdict), "{pattern} on {event}");
        assert_eq!(parsed.explain(&text).expect("an event").matched, verdict);
        matcher.add(id, &parsed);
        if verdict {
            expected.push(id);
        }
    }
    assert_eq!(matcher.matches(&text), Ok(expected), "{patterns:?} on {event}");
    matcher.remove(&0);
    let left = matcher.matches(&text).expect("an event");
    assert!(!left.contains(&0));
});
