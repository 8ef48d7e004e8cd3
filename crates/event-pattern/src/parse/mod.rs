//! Reads a pattern's text, refuses what EventBridge's engine refuses, and unfolds `$or`.

mod complexity;
mod exclusion;
mod numeric;
mod operator;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::comparison::Comparison;
use crate::condition::{Combination, Condition};
use crate::error::{PatternError, PatternFault as Fault};
use crate::json::{Cursor, Reason};
use crate::limits::Limits;

const OR: &str = "$or";

/// Names that a field inside `$or` cannot have: operators that exist, and names that EventBridge's
/// engine reserves.
const RESERVED: [&str; 24] = [
    "exactly",
    "equals-ignore-case",
    "prefix",
    "suffix",
    "anything-but",
    "exists",
    "wildcard",
    "numeric",
    "cidr",
    "=",
    "<",
    "<=",
    ">",
    ">=",
    "regex",
    "not-wildcard",
    "not-equals-ignore-case",
    "date-after",
    "date-on-or-after",
    "date-before",
    "date-on-or-before",
    "in-date-range",
    "ip-address-in-range",
    "ip-address-not-in-range",
];

/// A [`Combination`] under construction: its conditions, each under the number that
/// [`Parser::paths`] gives to the condition's path.
type Draft = BTreeMap<usize, Arc<Condition>>;

/// Reads a pattern, and returns its combinations. A combination has the conditions outside of every
/// `$or`, and the conditions of one alternative of each `$or`.
///
/// If a `$or` does not have the form of the operator, EventBridge's engine reads every `$or` of the
/// pattern as a field name, and applies the rules of its older compiler.
pub(crate) fn combinations(
    source: &[u8],
    limits: &Limits,
) -> Result<Vec<Combination>, PatternError> {
    let text = std::str::from_utf8(source).map_err(|error| PatternError {
        path: "$".into(),
        offset: error.valid_up_to(),
        fault: Fault::NotUtf8,
    })?;
    let found = text.chars().count();
    if found > limits.characters {
        let fault = Fault::TooLarge { what: "characters", found, limit: limits.characters };
        return Err(PatternError { path: "$".into(), offset: 0, fault });
    }
    let refusal = match Parser::new(text, limits, true).pattern() {
        Ok(combinations) => return Ok(combinations),
        Err(refusal) => refusal,
    };
    match &refusal.fault {
        Fault::OrForm | Fault::OrSize | Fault::ReservedName(_) => {
            Parser::new(text, limits, false).pattern().map_err(|_| refusal)
        }
        _ => Err(refusal),
    }
}

struct Parser<'a> {
    cursor: Cursor<'a>,
    limits: &'a Limits,
    /// Whether `$or` is the operator, and not a field.
    unfolds: bool,
    /// The current place in the pattern, for messages.
    place: String,
    /// The field names from the top of the pattern to the current place.
    names: Vec<String>,
    depth: usize,
    paths: HashMap<String, usize>,
    drafts: Vec<Draft>,
    /// The conditions `anything-but` with an empty list, each with its error. The error is returned
    /// only if no later condition on the same path replaces the condition.
    empty: Vec<(Arc<Condition>, PatternError)>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, limits: &'a Limits, unfolds: bool) -> Self {
        Self {
            cursor: Cursor::new(text),
            limits,
            unfolds,
            place: "$".into(),
            names: Vec::new(),
            depth: 0,
            paths: HashMap::new(),
            drafts: Vec::new(),
            empty: Vec::new(),
        }
    }

    fn fail<T>(&self, fault: Fault) -> Result<T, PatternError> {
        Err(PatternError { path: self.place.clone(), offset: self.cursor.offset(), fault })
    }

    fn json<T>(&self, result: Result<T, Reason>) -> Result<T, PatternError> {
        result.or_else(|reason| self.fail(Fault::NotJson(self.cursor.error(reason))))
    }

    /// Runs `read` while `self.place`, the path for messages, is extended by `step`.
    fn within<T>(
        &mut self,
        step: &str,
        read: impl FnOnce(&mut Self) -> Result<T, PatternError>,
    ) -> Result<T, PatternError> {
        let length = self.place.len();
        self.place.push_str(step);
        let result = read(self);
        self.place.truncate(length);
        result
    }

    fn pattern(mut self) -> Result<Vec<Combination>, PatternError> {
        if !self.cursor.eat(b'{') {
            return match self.cursor.peek() {
                None => self.fail(Fault::NotJson(self.cursor.error(Reason::Empty))),
                Some(_) => self.fail(Fault::NotAnObject),
            };
        }
        self.object(false)?;
        let end = self.cursor.finish();
        self.json(end)?;
        let drafts = std::mem::take(&mut self.drafts);
        let combinations: Vec<_> = drafts.into_iter().map(finished).collect();
        let is_asked = |condition: &Arc<Condition>| {
            combinations.iter().flatten().any(|asked| Arc::ptr_eq(asked, condition))
        };
        let empty = self.empty.iter().find(|(condition, _)| is_asked(condition));
        if let Some((_, refusal)) = empty {
            return Err(refusal.clone());
        }
        let limit = self.limits.wildcard_complexity;
        match complexity::exceeding(&combinations, limit) {
            Some(complexity::TooComplex { place, found }) => {
                self.place = place;
                self.fail(Fault::WildcardComplexity { found, limit })
            }
            None => Ok(combinations),
        }
    }

    /// Reads the members of an object whose opening bracket is consumed.
    fn object(&mut self, inside_or: bool) -> Result<(), PatternError> {
        if self.cursor.eat(b'}') {
            return self.fail(Fault::EmptyObject);
        }
        self.depth += 1;
        if self.depth > self.limits.depth {
            return self.fail(Fault::TooDeep(self.limits.depth));
        }
        loop {
            let key = self.cursor.key();
            let name = self.json(key)?.decode().into_owned();
            let step = format!(".{name}");
            self.within(&step, |parser| parser.member(name, inside_or))?;
            if self.cursor.eat(b'}') {
                self.depth -= 1;
                return Ok(());
            }
            let comma = self.cursor.expect(b',', Reason::Comma);
            self.json(comma)?;
        }
    }

    fn member(&mut self, name: String, inside_or: bool) -> Result<(), PatternError> {
        if self.unfolds && name == OR {
            return self.choice();
        }
        if self.unfolds && inside_or && RESERVED.contains(&name.as_str()) {
            return self.fail(Fault::ReservedName(name));
        }
        match self.cursor.peek() {
            Some(b'{') => {
                self.cursor.bump();
                self.names.push(name);
                self.object(inside_or)?;
                self.names.pop();
                Ok(())
            }
            Some(b'[') => {
                self.cursor.bump();
                self.field(&name)
            }
            Some(next) => {
                let value = self.cursor.skip_scalar(next);
                self.json(value)?;
                self.fail(Fault::BareValue(name))
            }
            None => self.fail(Fault::NotJson(self.cursor.error(Reason::Value))),
        }
    }

    /// Reads the array of `$or`. Each of its objects is combined with every combination that has
    /// been made so far.
    fn choice(&mut self) -> Result<(), PatternError> {
        if !self.cursor.eat(b'[') {
            return self.fail(Fault::OrForm);
        }
        let before = std::mem::take(&mut self.drafts);
        let mut unfolded = Vec::new();
        let mut objects = 0;
        while !self.cursor.eat(b']') {
            if objects > 0 {
                let comma = self.cursor.expect(b',', Reason::Comma);
                self.json(comma)?;
            }
            if !self.cursor.eat(b'{') {
                return self.fail(Fault::OrForm);
            }
            self.drafts.clone_from(&before);
            self.within(&format!("[{objects}]"), |parser| parser.object(true))?;
            unfolded.append(&mut self.drafts);
            self.check("combinations of $or", unfolded.len(), self.limits.combinations)?;
            objects += 1;
        }
        if objects < 2 {
            return self.fail(Fault::OrSize);
        }
        self.drafts = unfolded;
        Ok(())
    }

    fn check(&self, what: &'static str, found: usize, limit: usize) -> Result<(), PatternError> {
        if found > limit { self.fail(Fault::TooLarge { what, found, limit }) } else { Ok(()) }
    }

    /// Reads a field's array. If a path occurs twice, only the last condition on it counts.
    fn field(&mut self, name: &str) -> Result<(), PatternError> {
        let (condition, refusal) = self.values(name)?;
        let next = self.paths.len();
        let path = *self.paths.entry(condition.path.to_string()).or_insert(next);
        if self.drafts.is_empty() {
            self.drafts.push(Draft::new());
        }
        let condition = Arc::new(condition);
        self.empty.extend(refusal.map(|refusal| (Arc::clone(&condition), refusal)));
        for draft in &mut self.drafts {
            draft.insert(path, Arc::clone(&condition));
        }
        let most = self.drafts.iter().map(Draft::len).max().unwrap_or(0);
        self.check("fields", most, self.limits.fields)
    }

    /// Reads the condition on a field. If this condition begins with `anything-but` and an empty
    /// list, also returns an error, with which the pattern is refused. If a later condition on the
    /// same field replaces this condition, the error is dropped.
    fn values(&mut self, name: &str) -> Result<(Condition, Option<PatternError>), PatternError> {
        if self.cursor.eat(b']') {
            return self.fail(Fault::EmptyArray);
        }
        // EventBridge's engine joins names with dots, but adds no dot after an empty name at the
        // top.
        let mut path = self.names.join(".");
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(name);
        let mut absent = false;
        let mut comparisons = Vec::new();
        let mut refusal = None;
        for index in 0.. {
            let step = format!("[{index}]");
            match self.within(&step, Self::comparison)? {
                // EventBridge's engine refuses an empty `anything-but` only if it is the first
                // entry.
                Some(Comparison::AnythingBut(exclusion)) if index == 0 && exclusion.is_empty() => {
                    let refused =
                        self.within(&step, |parser| parser.fail::<()>(Fault::ExcludesNothing));
                    refusal = refused.err();
                    comparisons.push(Comparison::AnythingBut(exclusion));
                }
                Some(comparison) => comparisons.push(comparison),
                None => absent = true,
            }
            if self.cursor.eat(b']') {
                break;
            }
            let comma = self.cursor.expect(b',', Reason::Comma);
            self.json(comma)?;
        }
        let place = self.place.as_str().into();
        let comparisons = comparisons.into();
        Ok((Condition { path: path.into(), place, absent, comparisons }, refusal))
    }
}

/// Sorts a draft's conditions as EventBridge's engine does: by their paths in UTF-16.
fn finished(draft: Draft) -> Combination {
    let mut conditions: Vec<_> = draft.into_values().collect();
    conditions.sort_by(|left, right| left.path.encode_utf16().cmp(right.path.encode_utf16()));
    conditions.into()
}
