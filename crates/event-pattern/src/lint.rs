//! Finds errors in a pattern, and parts of a pattern that are probably not intended.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use crate::compare::{self, Events};
use crate::comparison::Comparison;
use crate::condition::Condition;
use crate::error::{PatternError, PatternFault, Position};
use crate::explain::differ_in_style_only;
use crate::json::{Cursor, MAX_DEPTH, Reason};
use crate::pattern::Pattern;

/// The maximum length of a pattern, in characters, if AWS has not raised the account's quota.
const DEFAULT_QUOTA: usize = 2048;

/// The members of an event as EventBridge delivers it.
const ENVELOPE: [&str; 10] = [
    "version",
    "id",
    "detail-type",
    "source",
    "account",
    "time",
    "region",
    "resources",
    "detail",
    "replay-name",
];

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// EventBridge refuses the pattern, or the pattern never matches.
    Error,
    /// The pattern works, but probably not as intended.
    Warning,
}

/// The kind of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Code {
    /// EventBridge refuses the pattern for a reason that has no code of its own.
    Invalid,
    /// EventBridge refuses the pattern because its wildcards are too complex.
    TooComplex,
    /// The pattern is longer than EventBridge's default quota, or even than the highest quota.
    TooLong,
    /// An object has two members of the same name; only the last one counts.
    DuplicateName,
    /// The pattern, or one of its alternatives, matches no event.
    NeverMatches,
    /// A condition is met by every event, or by every value of its field.
    AlwaysTrue,
    /// An entry of a field, or an alternative of `$or`, is superfluous: the other entries or
    /// alternatives accept everything that it accepts.
    Shadowed,
    /// A top-level name that no event has, such as `detailType`.
    MisspeltEnvelope,
    /// A field whose name looks like an operator.
    OperatorAsField,
    /// A `*` in a plain string, where it is an ordinary character and not a wildcard.
    LiteralStar,
}

/// An error in a pattern, or a part of a pattern that is probably not intended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// The kind of the finding.
    pub code: Code,
    /// How serious the finding is.
    pub severity: Severity,
    /// The place in the pattern that the finding is about, such as `$.detail.id`.
    pub place: String,
    /// The line and the column of this place in the pattern's text.
    pub position: Position,
    /// A description of the finding, for people.
    pub message: String,
    /// What to write instead; `None` if findings of this kind have no common remedy.
    pub remedy: Option<String>,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}: {}", self.position, self.place, self.message)?;
        match &self.remedy {
            Some(remedy) => write!(formatter, "; {remedy}"),
            None => Ok(()),
        }
    }
}

/// Returns the errors in a pattern, followed by warnings about what is probably not intended.
///
/// ```
/// use event_pattern::{Code, lint};
///
/// let findings = lint(r#"{"source": ["orders"], "detail": {"id": [{"prefix": "a"}, "ab"]}}"#);
/// assert_eq!(findings[0].code, Code::Shadowed);
/// assert_eq!(findings[0].place, "$.detail.id");
/// ```
#[must_use]
pub fn lint(source: &str) -> Vec<Finding> {
    let mut linter = Linter { source, places: HashMap::new(), findings: Vec::new() };
    linter.length();
    linter.names();
    match Pattern::parse(source) {
        Ok(pattern) => {
            linter.fields(&pattern);
            linter.effects(&pattern);
        }
        Err(refusal) => linter.refused(&refusal),
    }
    let mut findings = linter.findings;
    findings.sort_by_key(|finding| (finding.severity, finding.position));
    findings
}

struct Linter<'s> {
    source: &'s str,
    /// The byte offset in `source` of each place, such as `$.detail.id`.
    places: HashMap<String, usize>,
    findings: Vec<Finding>,
}

impl Linter<'_> {
    fn add(&mut self, code: Code, place: &str, message: String, remedy: Option<String>) {
        let severity = match code {
            Code::Invalid | Code::TooComplex | Code::NeverMatches => Severity::Error,
            _ => Severity::Warning,
        };
        let offset = self.places.get(place).copied().unwrap_or_default();
        let position = Position::of(self.source, offset);
        let place = place.to_owned();
        self.findings.push(Finding { code, severity, place, position, message, remedy });
    }

    fn refused(&mut self, refusal: &PatternError) {
        let code = match refusal.fault {
            PatternFault::WildcardComplexity { .. } => Code::TooComplex,
            PatternFault::TooLarge { what: "characters", .. } => Code::TooLong,
            _ => Code::Invalid,
        };
        let remedy = refusal.remedy().map(str::to_owned);
        self.findings.push(Finding {
            code,
            severity: Severity::Error,
            place: refusal.path.clone(),
            position: refusal.position(self.source),
            message: refusal.fault.to_string(),
            remedy,
        });
    }

    fn length(&mut self) {
        let long = self.source.chars().count();
        if long <= DEFAULT_QUOTA {
            return;
        }
        let compact = compacted(self.source);
        let message = format!(
            "the pattern has {long} characters, {compact} without white space; it must have at \
             most {DEFAULT_QUOTA}, unless AWS has raised the account's quota"
        );
        let remedy = if compact <= DEFAULT_QUOTA {
            "write the pattern without white space, or ask AWS for a higher quota"
        } else {
            "split the rule, or ask AWS for a higher quota"
        };
        self.add(Code::TooLong, "$", message, Some(remedy.to_owned()));
    }

    /// Records the offset of every place in the text, and reports names that one object has twice.
    fn names(&mut self) {
        let mut walk =
            Walk { cursor: Cursor::new(self.source), places: HashMap::new(), twice: Vec::new() };
        let is_json = walk.value("$", 0).is_ok();
        let Walk { places, twice, .. } = walk;
        self.places = places;
        for (place, offset) in twice.into_iter().filter(|_| is_json) {
            self.places.insert(place.clone(), offset);
            let message = "the object has this name twice; only the last value counts".to_owned();
            self.add(Code::DuplicateName, &place, message, None);
        }
    }

    fn fields(&mut self, pattern: &Pattern) {
        let mut conditions: Vec<&Condition> =
            pattern.combinations.iter().flatten().map(|one| &**one).collect();
        let mut seen = HashSet::new();
        conditions.retain(|condition| seen.insert(&condition.place));
        let top =
            |condition: &Condition| condition.path.split('.').next().unwrap_or_default().to_owned();
        let is_known = |name: &str| ENVELOPE.contains(&name);
        // A filter of EventBridge Pipes, or of a queue's consumer, matches messages without an
        // envelope. So if no field of the pattern belongs to the envelope, fewer names are taken
        // for misspellings.
        let has_envelope = conditions.iter().any(|condition| {
            let top = top(condition);
            is_known(&top) || ENVELOPE.iter().any(|known| differ_in_style_only(known, &top))
        });
        for condition in conditions {
            let top = top(condition);
            if let Some(operator) = condition.path.split('.').find(|name| name.starts_with('$')) {
                let message = format!("`{operator}` is a field's name here, not an operator");
                let remedy = "fields side by side must all match; for alternatives give `$or` an \
                              array of two objects or more, without operators in them";
                self.add(Code::OperatorAsField, &condition.place, message, Some(remedy.to_owned()));
            } else if !is_known(&top) && (has_envelope || is_slip(&top)) {
                let near = ENVELOPE.iter().find(|known| is_near(known, &top));
                let message = format!("no event has a top-level member named `{top}`");
                let remedy = match near {
                    Some(near) => format!("write `{near}`"),
                    None => format!("put it under `detail`: {{\"detail\": {{\"{top}\": ..}}}}"),
                };
                self.add(Code::MisspeltEnvelope, &condition.place, message, Some(remedy));
            }
            for comparison in &condition.comparisons {
                if matches!(comparison, Comparison::Text(text) if text.contains('*')) {
                    let message = format!(
                        "a `*` in a plain string is an ordinary character, not a wildcard: {comparison}"
                    );
                    let remedy = format!("for any characters write {{\"wildcard\": {comparison}}}");
                    self.add(Code::LiteralStar, &condition.place, message, Some(remedy));
                }
            }
        }
    }

    fn effects(&mut self, pattern: &Pattern) {
        let review = compare::review(pattern, Events::Delivered);
        for condition in &review.dead {
            let scope = if review.is_dead { "the pattern" } else { "this alternative" };
            let message = format!(
                "in an event that EventBridge delivers, `{}` never has any of these values: {scope} \
                 never matches",
                condition.path
            );
            self.add(Code::NeverMatches, &condition.place, message, None);
        }
        for condition in &review.idle {
            let message = format!("every event meets the condition on `{}`", condition.path);
            let remedy = "drop the field".to_owned();
            self.add(Code::AlwaysTrue, &condition.place, message, Some(remedy));
        }
        for condition in &review.any_value {
            let message =
                format!("together, the entries of `{}` accept every value", condition.path);
            let remedy =
                "entries are alternatives; to accept every value, write {\"exists\": true}";
            self.add(Code::AlwaysTrue, &condition.place, message, Some(remedy.to_owned()));
        }
        for (condition, entry) in &review.entries {
            let message =
                format!("the entry {entry} is superfluous: the other entries accept its values");
            let remedy = Some("drop this entry".to_owned());
            self.add(Code::Shadowed, &condition.place, message, remedy);
        }
        for number in &review.alternatives {
            let combination = &pattern.combinations[*number];
            let inner = combination
                .iter()
                .map(|one| &*one.place)
                .max_by_key(|place| place.matches("$or[").count());
            let place = inner.and_then(|place| {
                let at = place.rfind("$or[")?;
                Some(&place[..=at + place[at..].find(']')?])
            });
            let message =
                format!("alternative {} is superfluous: the others match its events", number + 1);
            let remedy = Some("drop this alternative".to_owned());
            self.add(Code::Shadowed, place.unwrap_or("$"), message, remedy);
        }
    }
}

/// Whether `name` is probably a misspelling of `known`.
fn is_near(known: &str, name: &str) -> bool {
    differ_in_style_only(known, name)
        || distance(known, &name.to_lowercase()) <= 2 && name.len() > 3
}

/// Whether a name is probably a misspelling even if no other field belongs to the envelope: it
/// differs by one character from a long name of the envelope.
fn is_slip(name: &str) -> bool {
    let long = ENVELOPE.iter().filter(|known| known.len() >= 6);
    long.into_iter().any(|known| distance(known, name) == 1)
}

/// Returns how many characters must be inserted, removed or replaced to turn one text into the
/// other.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, own) in left.chars().enumerate() {
        let mut corner = row[0];
        row[0] = line + 1;
        for (column, other) in right.iter().enumerate() {
            let replaced = corner + usize::from(own != *other);
            corner = row[column + 1];
            row[column + 1] = replaced.min(corner + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

/// Returns the number of characters of JSON text without the white space between its parts.
fn compacted(source: &str) -> usize {
    let (mut count, mut inside, mut escaped) = (0, false, false);
    for next in source.chars() {
        count += usize::from(inside || !next.is_ascii_whitespace());
        inside ^= next == '"' && !escaped;
        escaped = inside && next == '\\' && !escaped;
    }
    count
}

/// Records the offsets of all places in JSON text.
struct Walk<'s> {
    cursor: Cursor<'s>,
    places: HashMap<String, usize>,
    twice: Vec<(String, usize)>,
}

impl Walk<'_> {
    fn value(&mut self, place: &str, depth: usize) -> Result<(), Reason> {
        if depth > MAX_DEPTH / 4 {
            return Err(Reason::Depth);
        }
        let next = self.cursor.peek().ok_or(Reason::Value)?;
        self.places.entry(place.to_owned()).or_insert(self.cursor.offset());
        if !matches!(next, b'{' | b'[') {
            return self.cursor.skip_scalar(next);
        }
        self.cursor.bump();
        let end = if next == b'{' { b'}' } else { b']' };
        if self.cursor.eat(end) {
            return Ok(());
        }
        let mut names = HashSet::new();
        for index in 0.. {
            let inside = if next == b'{' {
                self.cursor.peek();
                let at = self.cursor.offset();
                let name = self.cursor.key()?.decode().into_owned();
                let inside = format!("{place}.{name}");
                self.places.entry(inside.clone()).or_insert(at);
                if !names.insert(name) {
                    self.twice.push((inside.clone(), at));
                }
                inside
            } else {
                format!("{place}[{index}]")
            };
            self.value(&inside, depth + 1)?;
            if self.cursor.eat(end) {
                break;
            }
            self.cursor.expect(b',', Reason::Comma)?;
        }
        Ok(())
    }
}
