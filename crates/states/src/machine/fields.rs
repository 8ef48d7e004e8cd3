//! Reads the fields of an object one by one, and reports fields that are invalid or unknown.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use super::notes::Notes;
use super::{ResultPath, Seconds, Selector};
use crate::json::{Json, Object};
use crate::jsonata::Query;
use crate::path::Path;
use crate::problem::Problem;
use crate::template::{Expression, Template};

/// The greatest number of seconds that Step Functions accepts.
pub(super) const MAX_SECONDS: u64 = 99_999_999;

/// Fields that exist only in JSONata, each with the remedy that is reported if JSONPath is used.
const OF_JSONATA: [(&str, &str); 4] = [
    ("Arguments", "it is for JSONata: use Parameters"),
    ("Output", "it is for JSONata: use ResultSelector, ResultPath and OutputPath"),
    ("Items", "it is for JSONata: use ItemsPath"),
    ("Condition", "it is for JSONata: use Variable and an operator"),
];
/// Fields that only a distributed Map has.
const OF_DISTRIBUTED: [&str; 4] = ["ItemReader", "ItemBatcher", "ResultWriter", "Label"];
/// Fields that exist only in JSONPath, each with the remedy that is reported if JSONata is used.
const OF_JSONPATH: [(&str, &str); 6] = [
    ("InputPath", "it is for JSONPath: use $states.input"),
    ("OutputPath", "it is for JSONPath: use Output"),
    ("Parameters", "it is for JSONPath: use Arguments"),
    ("ResultSelector", "it is for JSONPath: use Output"),
    ("ResultPath", "it is for JSONPath: use Output"),
    ("ItemsPath", "it is for JSONPath: use Items"),
];

/// The fields of one object of the definition.
pub(super) struct Fields<'a> {
    members: &'a Object,
    taken: HashSet<&'a str>,
    pub(super) state: Option<&'a str>,
    pub(super) place: String,
    pub(super) pointer: String,
    pub(super) notes: &'a Notes,
    /// Whether the fields are in JSONata, not in JSONPath.
    pub(super) jsonata: bool,
}

impl<'a> Fields<'a> {
    pub(super) fn new(members: &'a Object, notes: &'a Notes) -> Self {
        let (place, pointer) = (String::new(), String::new());
        let jsonata = notes.jsonata.get();
        Self { members, taken: HashSet::new(), state: None, place, pointer, notes, jsonata }
    }

    /// Returns the fields of a state. `self` must be the fields of the object whose `States` has
    /// the state.
    pub(super) fn of_state(&self, name: &'a str, members: &'a Object) -> Self {
        let pointer = format!("{}/States/{name}", self.pointer);
        Self { state: Some(name), pointer, ..Self::new(members, self.notes) }
    }

    /// Returns the fields of an object inside this object.
    pub(super) fn below(&self, place: &str, members: &'a Object) -> Self {
        let pointer = format!("{}/{place}", self.pointer);
        let place = self.join(place);
        let (state, jsonata) = (self.state, self.jsonata);
        Self { state, place, pointer, jsonata, ..Self::new(members, self.notes) }
    }

    /// Returns the same fields. Their problems are reported at `pointer`, a place in the
    /// definition.
    pub(super) fn at(&self, pointer: &str) -> Self {
        Self { pointer: pointer.to_owned(), ..Self::new(self.members, self.notes) }
    }

    /// Where these fields are in the definition, such as `/States/Charge`.
    pub(super) fn pointer(&self) -> &str {
        &self.pointer
    }

    /// Returns the settings of the whole definition, with the problems found in it so far.
    pub(super) fn notes(&self) -> &'a Notes {
        self.notes
    }

    pub(super) fn join(&self, field: &str) -> String {
        match (self.place.is_empty(), field.is_empty()) {
            (true, _) => field.to_owned(),
            (_, true) => self.place.clone(),
            _ => format!("{}.{field}", self.place),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    pub(super) fn take(&mut self, name: &str) -> Option<&'a Json> {
        let (name, value) = self.members.get_key_value(name)?;
        self.taken.insert(name);
        Some(value)
    }

    /// The names of the fields that [`Self::take`] has not read.
    pub(super) fn rest(&self) -> Vec<&'a str> {
        let names = self.members.keys().map(String::as_str);
        names.filter(|name| !self.taken.contains(name)).collect()
    }

    pub(super) fn text(&mut self, name: &str) -> Option<&'a str> {
        let value = self.take(name)?;
        if value.as_str().is_none() {
            self.refuse(name, format!("must be a string, not {}", value.kind()));
        }
        value.as_str()
    }

    pub(super) fn required_text(&mut self, name: &str, remedy: &str) -> Option<&'a str> {
        if !self.has(name) {
            self.missing(name, remedy);
        }
        self.text(name)
    }

    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        match self.take(name)? {
            Json::Bool(value) => Some(*value),
            other => {
                self.refuse(name, format!("must be true or false, not {}", other.kind()));
                None
            }
        }
    }

    pub(super) fn integer(&mut self, name: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.take(name)?;
        let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
        match number {
            Some(number) if range.contains(&number) => Some(number),
            _ => {
                let (least, most) = (range.start(), range.end());
                let reason = format!("must be an integer from {least} to {most}, not {value}");
                self.refuse(name, reason);
                None
            }
        }
    }

    pub(super) fn path(&mut self, name: &str) -> Option<Path> {
        let text = self.text(name)?;
        self.parse_path(name, text)
    }

    fn parse_path(&self, name: &str, text: &str) -> Option<Path> {
        match Path::parse(text) {
            Ok(path) => Some(path),
            Err(error) => {
                self.advise(name, error.to_string(), "a path starts with '$', such as $.order.id");
                None
            }
        }
    }

    /// Reads a reference path: a path of names and indices, which names a single place in a value.
    pub(super) fn reference(&mut self, name: &str) -> Option<Path> {
        let path = self.path(name)?;
        if !path.is_reference() {
            self.advise(
                name,
                format!("'{path}' is not a reference path"),
                "only names and indices, such as $.lines[0].sku, name a single place",
            );
            return None;
        }
        Some(path)
    }

    pub(super) fn selector(&mut self, name: &str) -> Selector {
        match self.members.get(name) {
            None => Selector::Whole,
            Some(Json::Null) => {
                self.take(name);
                Selector::Nothing
            }
            Some(_) => match self.path(name) {
                Some(path) if path.is_whole() && path.to_string() == "$" => Selector::Whole,
                Some(path) => Selector::Path(path),
                None => Selector::Whole,
            },
        }
    }

    pub(super) fn result_path(&mut self) -> ResultPath {
        const NAME: &str = "ResultPath";
        if let Some(Json::Null) = self.members.get(NAME) {
            self.take(NAME);
            return ResultPath::Discard;
        }
        match self.reference(NAME) {
            None => ResultPath::Replace,
            Some(path)
                if !path.to_string().starts_with("$.")
                    && !path.to_string().starts_with("$[")
                    && path.to_string() != "$" =>
            {
                let remedy = "the context object and variables are read-only";
                self.advise(NAME, format!("'{path}' does not start at '$'"), remedy);
                ResultPath::Replace
            }
            Some(path) if path.is_whole() => ResultPath::Replace,
            Some(path) => ResultPath::Into(path),
        }
    }

    /// Reads a number from the field `name`, or a reference path from the field whose name is
    /// `name` with `Path` appended. In JSONata, reads a number or a query from the field `name`.
    pub(super) fn seconds(&mut self, name: &str, range: RangeInclusive<u64>) -> Option<Seconds> {
        if self.jsonata {
            return match self.query(name) {
                Some(query) => Some(Seconds::Query(name.to_owned(), query)),
                None => self.integer(name, range).map(Seconds::Fixed),
            };
        }
        let by_path = format!("{name}Path");
        if self.has(name) && self.has(&by_path) {
            self.advise(name, format!("cannot be combined with {by_path}"), "keep one of the two");
        }
        let fixed = self.integer(name, range).map(Seconds::Fixed);
        let path = self.reference(&by_path).map(Seconds::Path);
        fixed.or(path)
    }

    pub(super) fn template(&mut self, name: &str) -> Option<Template> {
        let source = self.take(name)?;
        let mut flaws = Vec::new();
        if self.jsonata {
            let place = self.join(name).replace('.', "/");
            let template = Template::parse_jsonata(source, &place, &mut flaws);
            for flaw in flaws {
                self.refuse(name, flaw.reason);
            }
            return Some(template);
        }
        let template = Template::parse(source, &mut flaws);
        self.look_alikes(name, source);
        for flaw in flaws {
            let below = if flaw.place.starts_with('[') { "" } else { "." };
            let field = format!("{name}{below}{}", flaw.place);
            // Step Functions locates the problem at the template, not inside it.
            let location = self.problem(name, "").location;
            self.note(Problem { location, ..self.problem(&field, flaw.reason) });
        }
        Some(template)
    }

    /// Reads a field that holds a JSONata query; `None` if it holds anything else.
    pub(super) fn query(&mut self, name: &str) -> Option<Query> {
        if !self.jsonata {
            return None;
        }
        match Query::of(self.members.get(name)?.as_str()?)? {
            Ok(query) => {
                self.take(name);
                Some(query)
            }
            Err(reason) => {
                self.take(name);
                self.refuse(name, reason);
                None
            }
        }
    }

    /// Reads `Output`, if the fields are in JSONata.
    pub(super) fn output(&mut self) -> Option<Template> {
        if self.jsonata { self.template("Output") } else { None }
    }

    /// Reads `Parameters` or, in JSONata, `Arguments`.
    pub(super) fn arguments(&mut self) -> Option<Template> {
        self.template(if self.jsonata { "Arguments" } else { "Parameters" })
    }

    pub(super) fn object_template(&mut self, name: &str) -> Option<Template> {
        if let Some(value) = self.members.get(name).filter(|value| value.as_object().is_none()) {
            self.refuse(name, format!("must be an object, not {}", value.kind()));
        }
        self.template(name)
    }

    pub(super) fn expression(&mut self, name: &str) -> Option<Expression> {
        let text = self.text(name)?;
        Expression::parse(text).map_err(|reason| self.refuse(name, reason)).ok()
    }

    pub(super) fn array(&mut self, name: &str) -> Option<&'a [Json]> {
        let value = self.take(name)?;
        if value.as_array().is_none() {
            self.refuse(name, format!("must be an array, not {}", value.kind()));
        }
        value.as_array()
    }

    /// Reads an array of objects, and returns the fields of each.
    pub(super) fn objects(&mut self, name: &str) -> Vec<Fields<'a>> {
        let items = self.array(name).unwrap_or_default();
        let mut objects = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let place = format!("{name}[{index}]");
            match item {
                Json::Object(members) => objects.push(self.below(&place, members)),
                other => {
                    self.refuse(&place, format!("must be an object, not {}", other.kind()));
                }
            }
        }
        objects
    }

    pub(super) fn object(&mut self, name: &str) -> Option<Fields<'a>> {
        match self.take(name)? {
            Json::Object(members) => Some(self.below(name, members)),
            other => {
                self.refuse(name, format!("must be an object, not {}", other.kind()));
                None
            }
        }
    }

    /// Reads `Comment`, which is allowed in every object. Then reports each field that nothing has
    /// read: the field is unknown or not allowed. `what` names the object in messages.
    pub(super) fn finish(&mut self, what: &str) {
        self.text("Comment");
        for name in self.rest() {
            let mut others: &[(&str, &str)] = &OF_JSONATA;
            if self.jsonata {
                others = &OF_JSONPATH;
            }
            match others.iter().find(|(known, _)| *known == name) {
                Some((_, remedy)) => self.of_object(name, format!("is not for {what}"), remedy),
                None if OF_DISTRIBUTED.contains(&name) => {
                    let remedy = "it is for a Map whose ProcessorConfig has the mode DISTRIBUTED";
                    self.of_object(name, format!("is not for {what}"), remedy);
                }
                None => self.of_object(name, format!("is not a field of {what}"), ""),
            }
        }
    }
}
