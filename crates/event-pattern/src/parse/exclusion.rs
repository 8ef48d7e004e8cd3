//! Reads what `anything-but` excludes.

use super::Parser;
use crate::comparison::{Affix, Exclusion};
use crate::error::{PatternError, PatternFault as Fault};
use crate::fold::AnyCase;
use crate::json::Reason;
use crate::number::Key;

const TAKES: &str =
    "a string, a number, a list of strings, a list of numbers, or an object with one operator";

impl Parser<'_> {
    pub(super) fn exclusion(&mut self) -> Result<Exclusion, PatternError> {
        match self.cursor.peek() {
            Some(b'{') => {
                self.cursor.bump();
                let name = self.operator_name()?;
                let step = format!(".{name}");
                let exclusion = self.within(&step, |parser| parser.exclusion_by(&name))?;
                self.end_of_operator(&name)?;
                Ok(exclusion)
            }
            Some(b'[') => {
                self.cursor.bump();
                self.excluded_list()
            }
            Some(b'"') => Ok(Exclusion::Texts([self.string()?.into_boxed_str()].into())),
            Some(b'-' | b'0'..=b'9') => Ok(Exclusion::Numbers([self.comparable()?].into())),
            _ => self.fail(Fault::WrongOperand { operator: "anything-but", takes: TAKES }),
        }
    }

    /// Reads a list of strings or numbers, up to its closing bracket. The caller has consumed the
    /// opening bracket.
    fn excluded_list(&mut self) -> Result<Exclusion, PatternError> {
        let mut texts: Vec<Box<str>> = Vec::new();
        let mut keys: Vec<Key> = Vec::new();
        loop {
            match self.cursor.peek() {
                Some(b'"') => texts.push(self.string()?.into()),
                Some(b'-' | b'0'..=b'9') => keys.push(self.comparable()?),
                _ => {
                    return self
                        .fail(Fault::WrongOperand { operator: "anything-but", takes: TAKES });
                }
            }
            if !self.more()? {
                break;
            }
        }
        texts.sort_unstable();
        texts.dedup();
        keys.sort_unstable();
        keys.dedup();
        match (texts.is_empty(), keys.is_empty()) {
            (false, true) => Ok(Exclusion::Texts(texts.into())),
            (true, false) => Ok(Exclusion::Numbers(keys.into())),
            _ => self.fail(Fault::MixedList),
        }
    }

    /// Consumes a comma and returns true, or consumes a closing bracket and returns false.
    fn more(&mut self) -> Result<bool, PatternError> {
        if self.cursor.eat(b']') {
            return Ok(false);
        }
        let comma = self.cursor.expect(b',', Reason::Comma);
        self.json(comma).map(|()| true)
    }

    fn exclusion_by(&mut self, name: &str) -> Result<Exclusion, PatternError> {
        let is_list = self.cursor.peek() == Some(b'[');
        match name {
            // If `$or` is a field in the pattern, EventBridge's engine uses its older compiler,
            // which supports fewer forms of `anything-but`.
            "wildcard" if !self.unfolds => self.fail(Fault::UnknownExclusion(name.to_owned())),
            "prefix" | "suffix" if !self.unfolds && is_list => {
                let operator = if name == "prefix" { "prefix" } else { "suffix" };
                self.fail(Fault::WrongOperand { operator, takes: "a string" })
            }
            "prefix" => {
                let texts = self.strings("prefix")?;
                self.none_empty("prefix", &texts)?;
                Ok(Exclusion::Prefixes(texts.iter().map(|text| Affix::prefix(text)).collect()))
            }
            "suffix" => {
                let texts = self.strings("suffix")?;
                self.none_empty("suffix", &texts)?;
                Ok(Exclusion::Suffixes(texts.iter().map(|text| Affix::suffix(text)).collect()))
            }
            "equals-ignore-case" => {
                let texts = self.strings("equals-ignore-case")?;
                Ok(Exclusion::AnyCases(texts.iter().map(|text| AnyCase::new(text)).collect()))
            }
            "wildcard" => {
                let texts = self.strings("wildcard")?;
                let wildcards: Result<_, _> =
                    texts.iter().map(|text| self.wildcard(text)).collect();
                wildcards.map(Exclusion::Wildcards)
            }
            _ => self.fail(Fault::UnknownExclusion(name.to_owned())),
        }
    }

    fn none_empty(&self, name: &'static str, texts: &[String]) -> Result<(), PatternError> {
        if texts.iter().any(String::is_empty) {
            self.fail(Fault::EmptyExclusion(name))
        } else {
            Ok(())
        }
    }

    /// Reads a string or a list of strings; the list may be empty.
    fn strings(&mut self, operator: &'static str) -> Result<Vec<String>, PatternError> {
        let wrong = Fault::WrongOperand { operator, takes: "a string or a list of strings" };
        match self.cursor.peek() {
            Some(b'"') => Ok(vec![self.string()?]),
            Some(b'[') => {
                self.cursor.bump();
                let mut texts = Vec::new();
                if self.cursor.eat(b']') {
                    return Ok(texts);
                }
                loop {
                    match self.cursor.peek() {
                        Some(b'"') => texts.push(self.string()?),
                        _ => return self.fail(wrong),
                    }
                    if !self.more()? {
                        return Ok(texts);
                    }
                }
            }
            _ => self.fail(wrong),
        }
    }
}
