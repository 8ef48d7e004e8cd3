//! The errors of patterns and events.

use crate::json::JsonError;

/// A refused pattern: where, why, and what to write instead.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{path}: {fault}{}", remedy_suffix(self))]
pub struct PatternError {
    /// The path into the pattern, such as `$.detail.total[0].numeric`.
    pub path: String,
    /// The byte offset into the pattern's text at which the error was noticed.
    pub offset: usize,
    /// Why the pattern is refused.
    pub fault: PatternFault,
}

impl PatternError {
    /// Returns what to write instead; `None` if no single advice fits every pattern with this
    /// fault.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        match &self.fault {
            PatternFault::UnknownOperator(_) if self.is_below_operator() => {
                Some("the only operator beside fields is `$or`; fields side by side must all match")
            }
            fault => fault.remedy(),
        }
    }

    /// Whether a name in the path, other than `$or`, looks like an operator. An example is `$and`
    /// in `$.$and[0].a`.
    fn is_below_operator(&self) -> bool {
        let names = self.path.split('.').skip(1);
        names.filter(|name| !name.starts_with("$or[")).any(|name| name.starts_with('$'))
    }

    /// Returns the line and the column at which the error was noticed. `source` is the pattern's
    /// text.
    #[must_use]
    pub fn position(&self, source: &str) -> Position {
        Position::of(source, self.offset)
    }
}

/// A line and a column of a text, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Position {
    /// The number of the line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl Position {
    /// Returns the position of a byte offset. An offset beyond the text counts as the text's end.
    #[must_use]
    pub fn of(source: &str, offset: usize) -> Self {
        let mut offset = offset.min(source.len());
        while !source.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &source[..offset];
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        Self { line, column: before[start..].chars().count() + 1 }
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "line {}, column {}", self.line, self.column)
    }
}

fn remedy_suffix(refusal: &PatternError) -> String {
    refusal.remedy().map(|remedy| format!("; {remedy}")).unwrap_or_default()
}

/// Why a pattern is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternFault {
    /// The text is not UTF-8.
    #[error("the pattern must be UTF-8 text")]
    NotUtf8,
    /// The text is not JSON.
    #[error("the pattern is not JSON: {0}")]
    NotJson(JsonError),
    /// The pattern as a whole is not an object.
    #[error("a pattern must be a JSON object")]
    NotAnObject,
    /// An object is empty, and thus constrains nothing.
    #[error("an object must have at least one field")]
    EmptyObject,
    /// A field has a bare value instead of an array.
    #[error("the field `{0}` must have an array of values, not a bare value")]
    BareValue(String),
    /// A field has an empty array.
    #[error("an array of values must not be empty, because it then matches nothing")]
    EmptyArray,
    /// An array of values contains another array.
    #[error("an array of values must not contain another array")]
    NestedArray,
    /// An object in an array of values is empty.
    #[error("an object in an array of values must name an operator")]
    NoOperator,
    /// An object in an array of values names an unknown operator.
    #[error("unknown operator `{0}`")]
    UnknownOperator(String),
    /// An operator's object has a second member.
    #[error("`{0}` must be the only member of its object")]
    SecondMember(String),
    /// The value of an operator is of the wrong kind.
    #[error("`{operator}` takes {takes}")]
    WrongOperand {
        /// The name of the operator.
        operator: &'static str,
        /// What the operator takes, in words.
        takes: &'static str,
    },
    /// `anything-but` mixes strings and numbers.
    #[error("`anything-but` must list only strings or only numbers")]
    MixedList,
    /// `anything-but` has an empty prefix or suffix, which every string has.
    #[error("a `{0}` in `anything-but` must not be empty, because it then excludes every string")]
    EmptyExclusion(&'static str),
    /// `anything-but` has an empty list. EventBridge's engine refuses this only in the first entry
    /// of a field's array.
    #[error("the list in `anything-but` must not be empty, because the entry then matches nothing")]
    ExcludesNothing,
    /// `anything-but` has an operator that it does not support.
    #[error("`anything-but` cannot exclude by `{0}`")]
    UnknownExclusion(String),
    /// `numeric` with an unknown or misplaced operator.
    #[error("`numeric` must have an operator where it has `{0}`")]
    NumericOperator(String),
    /// `numeric` has something other than one comparison or one range.
    #[error("`numeric` takes one comparison or one range")]
    NumericForm,
    /// A number that cannot be compared exactly.
    #[error("the number {0} must stay the same when it is converted to a double and back")]
    Unrepresentable(String),
    /// A number beyond [`Limits::numeric_bound`](crate::Limits::numeric_bound).
    #[error("the number {0} must be within the bound that `Limits::numeric_bound` sets")]
    OutOfBounds(String),
    /// A range whose lower bound is not below its upper bound.
    #[error("the lower bound of a range, {0}, must be less than its upper bound, {1}")]
    EmptyRange(String, String),
    /// A wildcard with two stars in a row.
    #[error("a wildcard must not have two `*` in a row")]
    ConsecutiveStars,
    /// A wildcard with a backslash before a character other than `*` or `\`.
    #[error("a `\\` in a wildcard must be followed by `*` or `\\`")]
    WildcardEscape,
    /// Wildcards beyond [`Limits::wildcard_complexity`](crate::Limits::wildcard_complexity).
    #[error(
        "this field's wildcards are too complex: a matcher would follow {found} positions in them at once, but at most {limit} are allowed"
    )]
    WildcardComplexity {
        /// How many positions in the wildcards a matcher would follow at once. Counting stops just
        /// above the limit; if counting takes too long, an upper bound is given instead.
        found: usize,
        /// The greatest number that is allowed.
        limit: usize,
    },
    /// `cidr` with something other than an address and mask bits.
    #[error("`cidr` must be an IP address with a number of mask bits, not `{0}`")]
    Cidr(String),
    /// `cidr` with too many mask bits.
    #[error("the mask of this address may have at most {0} bits")]
    CidrMask(u32),
    /// `$or` with something other than an array of objects.
    #[error("`$or` takes an array of objects")]
    OrForm,
    /// `$or` with fewer than two objects.
    #[error("`$or` must have at least two objects")]
    OrSize,
    /// A field inside `$or` with the name of an operator, or with a name that EventBridge reserves.
    #[error("a field inside `$or` must not be named `{0}`, which is reserved for an operator")]
    ReservedName(String),
    /// One of the [`Limits`](crate::Limits) is exceeded.
    #[error("the pattern has {found} {what}, but at most {limit} are allowed")]
    TooLarge {
        /// What the pattern has too many of, such as `fields`.
        what: &'static str,
        /// The number that was found.
        found: usize,
        /// The greatest number that is allowed.
        limit: usize,
    },
    /// The pattern nests deeper than [`Limits::depth`](crate::Limits::depth).
    #[error("the pattern must be nested at most {0} levels deep")]
    TooDeep(usize),
}

impl PatternFault {
    /// Returns what to write instead; `None` if no single advice fits every pattern with this
    /// fault.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        Some(match self {
            Self::BareValue(_) => "wrap the value in an array",
            Self::EmptyObject => "drop the field, or ask {\"exists\": true} of a leaf below it",
            Self::EmptyArray => {
                "list the values, or use [{\"exists\": true}] for any value and [\"\"] for an \
                 empty string"
            }
            Self::NestedArray => {
                "list the values in one flat array, which also matches the elements of an event's \
                 array"
            }
            Self::UnknownOperator(_) => {
                "use prefix, suffix, equals-ignore-case, wildcard, anything-but, numeric, exists \
                 or cidr; or, to go into an object, name its fields without an array around it"
            }
            Self::SecondMember(_) => {
                "an object in the array holds one operator; several objects are alternatives, any \
                 of which will do. For a start and an end at once, use one wildcard: \
                 {\"wildcard\": \"start*end\"}"
            }
            Self::MixedList => {
                "exclude one kind of value; two entries would be alternatives and together accept \
                 everything"
            }
            Self::EmptyExclusion(_) => "exclude a non-empty text",
            Self::ExcludesNothing => {
                "drop the entry, or use {\"exists\": true} to accept every value"
            }
            Self::UnknownExclusion(_) => "use prefix, suffix, wildcard or equals-ignore-case",
            Self::NumericOperator(_) | Self::NumericForm => {
                "write one of [\"=\", n], [\"<\", n], [\"<=\", n], [\">\", n], [\">=\", n], or a \
                 range with the lower bound first: [\">=\", n, \"<\", m]"
            }
            Self::Unrepresentable(_) => {
                "use at most 15 significant digits, and stay within the range of a double"
            }
            Self::EmptyRange(..) => {
                "for numbers between the two put the smaller first, for one number use [\"=\", n]; \
                 for numbers outside the range write two entries, which are alternatives: \
                 {\"numeric\": [\"<\", n]}, {\"numeric\": [\">\", m]}"
            }
            Self::ConsecutiveStars => {
                "one `*` already matches any characters; write `\\*` for a literal star"
            }
            Self::WildcardEscape => "write `\\\\` for a backslash",
            Self::WildcardComplexity { .. } => "use fewer `*`, and less repetition after each `*`",
            Self::Cidr(_) => "write an address, a slash and the mask bits: \"10.0.0.0/24\"",
            Self::CidrMask(_) => "for a single address use the plain string",
            Self::OrForm => "give `$or` an array of two or more objects",
            Self::OrSize => {
                "give `$or` two objects or more; a single one needs no `$or`: write its fields \
                 beside the others"
            }
            Self::ReservedName(_) => {
                "operators go inside a field's array: {\"field\": [{\"prefix\": ..}]}"
            }
            _ => return None,
        })
    }
}

/// Why an event is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// The event is not UTF-8.
    #[error("the event must be UTF-8 text")]
    NotUtf8,
    /// The event is not JSON.
    #[error("the event is not JSON: {0}")]
    NotJson(JsonError),
    /// The event is not an object.
    #[error("an event must be a JSON object")]
    NotAnObject,
    /// The event has 4 GiB or more.
    #[error("the event must be smaller than 4 GiB")]
    TooLarge,
    /// There are too many ways to choose one element from each of the event's arrays, all of which
    /// the matcher would have to try. This happens only if the event repeats a member's name, or
    /// spells one path in several ways with dots.
    #[error(
        "the event takes too many steps to match; it must not repeat a name in an object, nor spell one path in several ways with dots"
    )]
    TooIntricate,
}
