//! Reads the rules of a Choice state.

use super::Kind as StateKind;
use super::fields::Fields;
use crate::json::Json;
use crate::path::Path;
use crate::template::Template;
use crate::timestamp;

#[derive(Debug, Clone)]
pub(crate) struct ChoiceRule {
    pub(crate) test: Test,
    pub(crate) next: String,
    pub(crate) assign: Option<Template>,
    /// The `Output` of a rule in JSONata.
    pub(crate) output: Option<Template>,
}

#[derive(Debug, Clone)]
pub(crate) enum Test {
    And(Vec<Test>),
    Or(Vec<Test>),
    Not(Box<Test>),
    Compare(Path, Comparison),
    /// The `Condition` of a rule in JSONata.
    Condition(Template),
}

#[derive(Debug, Clone)]
pub(crate) enum Comparison {
    IsPresent(bool),
    Is(Kind, bool),
    IsNull(bool),
    Matches(String),
    Value { kind: Kind, relation: Relation, operand: Operand },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    String,
    Numeric,
    Boolean,
    Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    Equals,
    LessThan,
    LessThanEquals,
    GreaterThan,
    GreaterThanEquals,
}

#[derive(Debug, Clone)]
pub(crate) enum Operand {
    Value(Json),
    Path(Path),
}

pub(super) fn read(fields: &mut Fields<'_>) -> StateKind {
    if !fields.has("Choices") {
        fields.missing("Choices", "a Choice state needs at least one rule");
    }
    let given = fields.has("Choices");
    let mut entries = fields.objects("Choices");
    if given && entries.is_empty() {
        fields.advise("Choices", "has no rule", "a Choice state needs at least one rule");
    }
    for name in ["Next", "End"] {
        if fields.take(name).is_some() {
            let remedy = "a Choice state names the next state in its rules and in Default";
            fields.advise(name, "is not a field of a Choice state", remedy);
        }
    }
    let rules = entries.iter_mut().filter_map(rule).collect();
    StateKind::Choice(rules, fields.text("Default").map(str::to_owned))
}

fn rule(entry: &mut Fields<'_>) -> Option<ChoiceRule> {
    let next = entry.required_text("Next", "name the state to go to when the rule matches");
    let assign = entry.object_template("Assign");
    let output = entry.output();
    let test = if entry.jsonata { condition(entry) } else { test(entry) };
    Some(ChoiceRule { test: test?, next: next?.to_owned(), assign, output })
}

/// Reads the condition of a rule in JSONata: a query, `true` or `false`.
fn condition(entry: &mut Fields<'_>) -> Option<Test> {
    if !entry.has("Condition") {
        entry.missing("Condition", "a rule in JSONata has a Condition, such as {% $total > 5 %}");
    }
    let template = entry.template("Condition");
    if let Some(Template::Literal(value)) = &template
        && !matches!(value, Json::Bool(_) | Json::Null)
    {
        let reason = format!("must be true, false or a JSONata expression, not {}", value.kind());
        entry.refuse("Condition", reason);
    }
    entry.finish("a rule in JSONata");
    template.map(Test::Condition)
}

fn test(entry: &mut Fields<'_>) -> Option<Test> {
    entry.text("Comment");
    let variable = entry.path("Variable");
    let operators = entry.rest();
    let [operator] = operators[..] else {
        let remedy = "give one operator, such as StringEquals, or one of And, Or and Not";
        entry.advise("", format!("a rule with {} operators", operators.len()), remedy);
        for operator in operators.into_iter().filter(|name| !is_operator(name)) {
            entry.refuse(operator, "is not an operator");
        }
        return None;
    };
    match operator {
        "And" | "Or" => {
            let mut entries = entry.objects(operator);
            if entries.is_empty() {
                entry.refuse(operator, "must hold at least one rule");
            }
            let tests = entries.iter_mut().filter_map(nested).collect();
            Some(if operator == "And" { Test::And(tests) } else { Test::Or(tests) })
        }
        "Not" => Some(Test::Not(Box::new(nested(&mut entry.object("Not")?)?))),
        _ => {
            if !entry.has("Variable") {
                entry.missing("Variable", "name the value to look at, such as $.total");
            }
            let comparison = comparison(entry, operator);
            Some(Test::Compare(variable?, comparison?))
        }
    }
}

fn nested(entry: &mut Fields<'_>) -> Option<Test> {
    for name in ["Next", "Assign"] {
        if entry.take(name).is_some() {
            entry.advise(
                name,
                "is not allowed in a nested rule",
                "only a top-level rule may have it",
            );
        }
    }
    test(entry)
}

fn is_operator(name: &str) -> bool {
    const OTHERS: [&str; 10] = [
        "And",
        "Or",
        "Not",
        "StringMatches",
        "IsPresent",
        "IsNull",
        "IsString",
        "IsNumeric",
        "IsBoolean",
        "IsTimestamp",
    ];
    OTHERS.contains(&name) || relation(name).is_some()
}

/// Splits an operator such as `NumericLessThanEqualsPath` into the kind of values, the relation,
/// and whether the operand is a path.
fn relation(name: &str) -> Option<(Kind, Relation, bool)> {
    let (name, by_path) = match name.strip_suffix("Path") {
        Some(name) => (name, true),
        None => (name, false),
    };
    let kinds = [
        ("String", Kind::String),
        ("Numeric", Kind::Numeric),
        ("Boolean", Kind::Boolean),
        ("Timestamp", Kind::Timestamp),
    ];
    let (kind, rest) =
        kinds.into_iter().find_map(|(text, kind)| Some((kind, name.strip_prefix(text)?)))?;
    let relation = match rest {
        "Equals" => Relation::Equals,
        _ if kind == Kind::Boolean => return None,
        "LessThan" => Relation::LessThan,
        "LessThanEquals" => Relation::LessThanEquals,
        "GreaterThan" => Relation::GreaterThan,
        "GreaterThanEquals" => Relation::GreaterThanEquals,
        _ => return None,
    };
    Some((kind, relation, by_path))
}

fn comparison(entry: &mut Fields<'_>, operator: &str) -> Option<Comparison> {
    if !is_operator(operator) {
        entry.refuse(operator, "is not an operator");
        entry.take(operator);
        return None;
    }
    Some(match operator {
        "IsPresent" => Comparison::IsPresent(entry.flag(operator)?),
        "IsNull" => Comparison::IsNull(entry.flag(operator)?),
        "IsString" => Comparison::Is(Kind::String, entry.flag(operator)?),
        "IsNumeric" => Comparison::Is(Kind::Numeric, entry.flag(operator)?),
        "IsBoolean" => Comparison::Is(Kind::Boolean, entry.flag(operator)?),
        "IsTimestamp" => Comparison::Is(Kind::Timestamp, entry.flag(operator)?),
        "StringMatches" => Comparison::Matches(entry.text(operator)?.to_owned()),
        _ => {
            let (kind, relation, by_path) = relation(operator)?;
            let operand = if by_path {
                Operand::Path(entry.path(operator)?)
            } else {
                Operand::Value(literal(entry, operator, kind)?)
            };
            Comparison::Value { kind, relation, operand }
        }
    })
}

fn literal(entry: &mut Fields<'_>, operator: &str, kind: Kind) -> Option<Json> {
    let value = entry.take(operator)?;
    let fits = match (kind, value) {
        (Kind::String, Json::String(_))
        | (Kind::Numeric, Json::Number(_))
        | (Kind::Boolean, Json::Bool(_)) => true,
        (Kind::Timestamp, Json::String(text)) => {
            if timestamp::parse(text).is_none() {
                let reason =
                    format!("'{text}' is not an RFC 3339 timestamp, so the rule never matches");
                entry.warn(operator, reason, "such as 2026-11-20T10:47:00Z");
            }
            true
        }
        _ => false,
    };
    if !fits {
        let expected = match kind {
            Kind::String => "a string",
            Kind::Numeric => "a number",
            Kind::Boolean => "true or false",
            Kind::Timestamp => "a timestamp",
        };
        entry.refuse(operator, format!("must be {expected}, not {}", value.kind()));
    }
    fits.then(|| value.clone())
}
