//! Reads one element of the array that a pattern gives for a field: a plain value, or an object
//! that names an operator.

use super::Parser;
use crate::address::{self, Address, AddressRange};
use crate::comparison::{Affix, Comparison};
use crate::error::{PatternError, PatternFault as Fault};
use crate::fold::AnyCase;
use crate::json::Reason;
use crate::number;
use crate::wildcard::{self, Wildcard};

const A_STRING: &str = "a string";

impl<'t> Parser<'t> {
    /// Reads one element of a field's array; `None` stands for `{"exists": false}`.
    pub(super) fn comparison(&mut self) -> Result<Option<Comparison>, PatternError> {
        match self.cursor.peek() {
            Some(b'{') => {
                self.cursor.bump();
                self.operator()
            }
            Some(b'[') => self.fail(Fault::NestedArray),
            Some(next) => self.plain(next).map(Some),
            None => self.fail(Fault::NotJson(self.cursor.error(Reason::Value))),
        }
    }

    fn plain(&mut self, next: u8) -> Result<Comparison, PatternError> {
        match next {
            b'"' => {
                let text = self.string()?;
                Ok(match Address::parse(&text) {
                    Some(address) => {
                        Comparison::Address(text.into(), AddressRange::single(address))
                    }
                    None => Comparison::Text(text.into()),
                })
            }
            b'-' | b'0'..=b'9' => {
                let text = self.number()?;
                Ok(Comparison::Number(text.into(), number::key(text)))
            }
            b't' | b'f' | b'n' => {
                let word = self.cursor.skip_scalar(next);
                self.json(word)?;
                Ok(if next == b'n' { Comparison::Null } else { Comparison::Bool(next == b't') })
            }
            _ => {
                let wrong = self.cursor.skip_value();
                self.json(wrong)?;
                self.fail(Fault::NestedArray)
            }
        }
    }

    /// Reads a string. The caller has checked that a string is next.
    pub(super) fn string(&mut self) -> Result<String, PatternError> {
        self.cursor.bump();
        let text = self.cursor.string();
        Ok(self.json(text)?.decode().into_owned())
    }

    /// Reads a number. The caller has checked that a number is next.
    pub(super) fn number(&mut self) -> Result<&'t str, PatternError> {
        let text = self.cursor.number();
        self.json(text)
    }

    /// Reads a string as the operand of `operator`; fails if no string is next.
    fn text(&mut self, operator: &'static str) -> Result<String, PatternError> {
        match self.cursor.peek() {
            Some(b'"') => self.string(),
            _ => self.fail(Fault::WrongOperand { operator, takes: A_STRING }),
        }
    }

    /// Reads the single member of an operator's object, and the closing bracket. The caller has
    /// consumed the opening bracket.
    fn operator(&mut self) -> Result<Option<Comparison>, PatternError> {
        let name = self.operator_name()?;
        let step = format!(".{name}");
        let comparison = self.within(&step, |parser| parser.operand(&name))?;
        self.end_of_operator(&name)?;
        Ok(comparison)
    }

    pub(super) fn operator_name(&mut self) -> Result<String, PatternError> {
        if self.cursor.eat(b'}') {
            return self.fail(Fault::NoOperator);
        }
        let key = self.cursor.key();
        Ok(self.json(key)?.decode().into_owned())
    }

    pub(super) fn end_of_operator(&mut self, name: &str) -> Result<(), PatternError> {
        match self.cursor.peek() {
            Some(b'}') => {
                self.cursor.bump();
                Ok(())
            }
            Some(b',') => self.fail(Fault::SecondMember(name.to_owned())),
            _ => {
                let error = self.cursor.error(Reason::Comma);
                self.fail(Fault::NotJson(error))
            }
        }
    }

    fn operand(&mut self, name: &str) -> Result<Option<Comparison>, PatternError> {
        Ok(Some(match name {
            "exactly" => Comparison::Text(self.text("exactly")?.into()),
            "prefix" => match self.any_case_or_text("prefix")? {
                (true, text) => Comparison::PrefixAnyCase(Affix::any_case(&Affix::prefix(&text))),
                (false, text) => Comparison::Prefix(Affix::prefix(&text)),
            },
            "suffix" => match self.any_case_or_text("suffix")? {
                (true, text) => Comparison::SuffixAnyCase(Affix::any_case(&Affix::suffix(&text))),
                (false, text) => Comparison::Suffix(Affix::suffix(&text)),
            },
            "equals-ignore-case" => {
                Comparison::AnyCase(AnyCase::new(&self.text("equals-ignore-case")?))
            }
            "wildcard" => {
                let text = self.text("wildcard")?;
                Comparison::Wildcard(self.wildcard(&text)?)
            }
            "anything-but" => Comparison::AnythingBut(self.exclusion()?),
            "numeric" => self.numeric()?,
            "exists" => return Ok(self.exists()?.then_some(Comparison::Exists)),
            "cidr" => {
                let text = self.text("cidr")?;
                let range = self.cidr(&text)?;
                Comparison::Cidr(text.into(), range)
            }
            _ => return self.fail(Fault::UnknownOperator(name.to_owned())),
        }))
    }

    /// Reads a string, or the object `{"equals-ignore-case": string}`. The flag is true if the
    /// object was read.
    fn any_case_or_text(&mut self, name: &'static str) -> Result<(bool, String), PatternError> {
        if !self.cursor.eat(b'{') {
            return Ok((false, self.text(name)?));
        }
        let inner = self.operator_name()?;
        if inner != "equals-ignore-case" {
            return self.fail(Fault::WrongOperand {
                operator: name,
                takes: "a string or {\"equals-ignore-case\": a string}",
            });
        }
        let text =
            self.within(".equals-ignore-case", |parser| parser.text("equals-ignore-case"))?;
        self.end_of_operator(&inner)?;
        Ok((true, text))
    }

    pub(super) fn wildcard(&mut self, text: &str) -> Result<Wildcard, PatternError> {
        match Wildcard::parse(text) {
            Ok(wildcard) => Ok(wildcard),
            Err(wildcard::Fault::Consecutive) => self.fail(Fault::ConsecutiveStars),
            Err(wildcard::Fault::Escape) => self.fail(Fault::WildcardEscape),
        }
    }

    fn exists(&mut self) -> Result<bool, PatternError> {
        let next = self.cursor.peek();
        if !matches!(next, Some(b't' | b'f')) {
            return self.fail(Fault::WrongOperand { operator: "exists", takes: "true or false" });
        }
        let word = self.cursor.skip_scalar(next.unwrap_or(b't'));
        self.json(word)?;
        Ok(next == Some(b't'))
    }

    fn cidr(&mut self, text: &str) -> Result<AddressRange, PatternError> {
        match AddressRange::cidr(text) {
            Ok(range) => Ok(range),
            Err(address::Fault::Mask(most)) => self.fail(Fault::CidrMask(most)),
            Err(_) => self.fail(Fault::Cidr(text.to_owned())),
        }
    }
}
