//! Builds JSON from the events of a YAML parser, with tags turned into intrinsic functions.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};
use serde_json::{Map, Value, json};

use crate::error::{TemplateError, TemplateFault as Fault};
use crate::indentation::Indented;
use crate::place::{Location, push_step};
use crate::scalar;

const MOST_LEVELS: usize = 100;
const MOST_VALUES: usize = 1_000_000;

/// A document, and the positions of its parts.
#[derive(Debug, Default)]
pub(crate) struct Document {
    pub(crate) value: Value,
    /// The positions, by JSON pointer.
    pub(crate) locations: HashMap<String, Location>,
    /// The keys that an object contains more than once: the JSON pointer and the position of each
    /// repetition. `value` contains the last occurrence.
    pub(crate) duplicates: Vec<(String, Location)>,
}

struct Builder<'t> {
    parser: Parser<'t, saphyr_parser::StrInput<'t>>,
    anchors: HashMap<usize, (Value, usize)>,
    pointer: String,
    levels: usize,
    values: usize,
    document: Document,
}

/// Reads the first document of `text`.
pub(crate) fn read(text: &str) -> Result<Document, TemplateError> {
    let mut indented = Indented::new(text);
    loop {
        match read_strictly(&indented.text) {
            Ok(document) => return Ok(indented.as_written(document)),
            Err(error) if indented.indent_more(&error) => {}
            Err(error) => return Err(indented.error_as_written(error)),
        }
    }
}

fn read_strictly(text: &str) -> Result<Document, TemplateError> {
    let mut builder = Builder {
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        pointer: String::new(),
        levels: 0,
        values: 0,
        document: Document::default(),
    };
    loop {
        let (event, at) = builder.next()?;
        match event {
            Event::StreamEnd => return Err(refusal(at, Fault::NotAnObject)),
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            first => {
                builder.document.value = builder.node(first, at)?.0;
                return builder.rest();
            }
        }
    }
}

fn refusal(at: Marker, fault: Fault) -> TemplateError {
    TemplateError { line: at.line(), column: at.col() + 1, fault }
}

impl<'t> Builder<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Marker), TemplateError> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, span.start)),
            Some(Err(error)) => {
                let reason = error.info().to_owned();
                Err(refusal(*error.marker(), Fault::Syntax(reason)))
            }
            None => Ok((Event::StreamEnd, Marker::default())),
        }
    }

    /// Reads to the end, so that an error anywhere in the text is reported.
    fn rest(mut self) -> Result<Document, TemplateError> {
        while !matches!(self.next()?.0, Event::StreamEnd) {}
        Ok(self.document)
    }

    /// The value that begins with `event`, and its size: the number of all values in the value,
    /// plus one for the value itself.
    fn node(&mut self, event: Event<'t>, at: Marker) -> Result<(Value, usize), TemplateError> {
        let before = self.values;
        self.count(1, at)?;
        let here = Location { line: at.line(), column: at.col() + 1 };
        self.document.locations.entry(self.pointer.clone()).or_insert(here);
        let (value, tag, anchor) = match event {
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor).cloned();
                let (value, size) = known.ok_or_else(|| refusal(at, Fault::UnknownAlias))?;
                self.count(size, at)?;
                return Ok((value, size));
            }
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar_value(&text, style, tag.as_deref());
                (value, tag, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                (self.inside(at, |own| own.sequence(tag.as_deref()))?, tag, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                (self.inside(at, |own| own.mapping(tag.as_deref()))?, tag, anchor)
            }
            _ => (Value::Null, None, 0),
        };
        let value = match tag.as_deref().and_then(function) {
            Some(name) => long_form(&name, value),
            None => value,
        };
        let size = self.values - before;
        if anchor > 0 {
            self.anchors.insert(anchor, (value.clone(), size));
        }
        Ok((value, size))
    }

    fn count(&mut self, more: usize, at: Marker) -> Result<(), TemplateError> {
        self.values += more;
        if self.values > MOST_VALUES {
            return Err(refusal(at, Fault::TooMany(MOST_VALUES)));
        }
        Ok(())
    }

    fn inside<T>(
        &mut self,
        at: Marker,
        read: impl FnOnce(&mut Self) -> Result<T, TemplateError>,
    ) -> Result<T, TemplateError> {
        self.levels += 1;
        if self.levels > MOST_LEVELS {
            return Err(refusal(at, Fault::TooDeep(MOST_LEVELS)));
        }
        let read = read(self)?;
        self.levels -= 1;
        Ok(read)
    }

    fn child(&mut self, step: &str, event: Event<'t>, at: Marker) -> Result<Value, TemplateError> {
        let length = self.pointer.len();
        push_step(&mut self.pointer, step);
        let value = self.node(event, at)?.0;
        self.pointer.truncate(length);
        Ok(value)
    }

    fn sequence(&mut self, tag: Option<&Tag>) -> Result<Value, TemplateError> {
        let length = self.enter_function(tag);
        let mut values = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if matches!(event, Event::SequenceEnd | Event::StreamEnd) {
                self.pointer.truncate(length);
                return Ok(Value::Array(values));
            }
            let step = values.len().to_string();
            values.push(self.child(&step, event, at)?);
        }
    }

    /// Extends the JSON pointer by the intrinsic function of a tag, and returns the pointer's
    /// previous length.
    fn enter_function(&mut self, tag: Option<&Tag>) -> usize {
        let length = self.pointer.len();
        if let Some(name) = tag.and_then(function) {
            push_step(&mut self.pointer, &name);
        }
        length
    }

    fn mapping(&mut self, tag: Option<&Tag>) -> Result<Value, TemplateError> {
        let length = self.enter_function(tag);
        let (mut members, mut merged) = (Map::new(), Vec::new());
        loop {
            let (event, at) = self.next()?;
            let key = match event {
                Event::MappingEnd | Event::StreamEnd => break,
                Event::Scalar(text, ..) => text.into_owned(),
                Event::Alias(anchor) => match self.anchors.get(&anchor) {
                    Some((Value::String(text), _)) => text.clone(),
                    _ => return Err(refusal(at, Fault::KeyNotScalar)),
                },
                _ => return Err(refusal(at, Fault::KeyNotScalar)),
            };
            let (event, value_at) = self.next()?;
            let value = self.child(&key, event, value_at)?;
            if key == "<<" {
                merged.push((value, at));
            } else if members.insert(key.clone(), value).is_some() {
                let location = Location { line: at.line(), column: at.col() + 1 };
                let mut pointer = self.pointer.clone();
                push_step(&mut pointer, &key);
                self.document.duplicates.push((pointer, location));
            }
        }
        self.pointer.truncate(length);
        for (value, at) in merged {
            merge(&mut members, value).map_err(|fault| refusal(at, fault))?;
        }
        Ok(Value::Object(members))
    }
}

/// Adds to `members` those members of `value` that `members` lacks.
fn merge(members: &mut Map<String, Value>, value: Value) -> Result<(), Fault> {
    match value {
        Value::Object(more) => {
            for (key, value) in more {
                members.entry(key).or_insert(value);
            }
            Ok(())
        }
        Value::Array(list) => list.into_iter().try_for_each(|one| merge(members, one)),
        _ => Err(Fault::MergeOfNoObject),
    }
}

fn scalar_value(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let core = tag.filter(|tag| tag.is_yaml_core_schema()).map(|tag| tag.suffix.as_str());
    match (core, style) {
        (Some("str"), _) => Value::String(text.to_owned()),
        (Some("int" | "float"), _) => {
            scalar::number(text).map_or_else(|| json!(text), Value::Number)
        }
        (Some("bool" | "null"), _) | (_, ScalarStyle::Plain) if !is_text_function(tag) => {
            scalar::plain(text)
        }
        _ => Value::String(text.to_owned()),
    }
}

/// Whether the operand of the tag's function is always text, even if it looks like a number.
fn is_text_function(tag: Option<&Tag>) -> bool {
    let name = tag.and_then(function);
    name.is_some_and(|name| {
        matches!(&*name, "Ref" | "Condition" | "Fn::GetAtt" | "Fn::Sub" | "Fn::ImportValue")
    })
}

/// The intrinsic function that a local tag denotes, such as `Fn::Sub` for `!Sub`.
fn function(tag: &Tag) -> Option<String> {
    if tag.handle != "!" || tag.suffix.is_empty() {
        return None;
    }
    Some(match &*tag.suffix {
        name @ ("Ref" | "Condition") => name.to_owned(),
        name => format!("Fn::{name}"),
    })
}

fn long_form(name: &str, operand: Value) -> Value {
    match (name, operand) {
        ("Fn::GetAtt", Value::String(text)) => match text.split_once('.') {
            Some((resource, attribute)) => json!({ name: [resource, attribute] }),
            None => json!({ name: text }),
        },
        (_, operand) => json!({ name: operand }),
    }
}
