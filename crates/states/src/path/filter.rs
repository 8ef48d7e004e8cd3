//! The filter of a path: `[?(@.price < 10 && @.isbn)]`.

use super::parse::Cursor;
use super::select::walk;
use super::{PathError, Step};
use crate::json::Json;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filter {
    Any(Vec<Filter>),
    All(Vec<Filter>),
    Not(Box<Filter>),
    Exists(Operand),
    Compare { left: Operand, operator: Operator, right: Operand },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operand {
    /// `@…`: a path from the item that the filter tests.
    Item(Vec<Step>),
    /// `$…`: a path from the root of the searched value, not from the tested item.
    Root(Vec<Step>),
    Literal(Json),
}

const OPERATORS: [(&str, Operator); 8] = [
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("in ", Operator::In),
    ("nin ", Operator::NotIn),
];

pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Filter, PathError> {
    cursor.enter()?;
    let mut any = vec![all(cursor)?];
    while cursor.eat("||") {
        any.push(all(cursor)?);
    }
    cursor.nesting -= 1;
    Ok(if any.len() == 1 { any.remove(0) } else { Filter::Any(any) })
}

fn all(cursor: &mut Cursor<'_>) -> Result<Filter, PathError> {
    let mut all = vec![one(cursor)?];
    while cursor.eat("&&") {
        all.push(one(cursor)?);
    }
    Ok(if all.len() == 1 { all.remove(0) } else { Filter::All(all) })
}

fn one(cursor: &mut Cursor<'_>) -> Result<Filter, PathError> {
    cursor.spaces();
    if cursor.eat("!") {
        cursor.enter()?;
        let filter = one(cursor)?;
        cursor.nesting -= 1;
        return Ok(Filter::Not(Box::new(filter)));
    }
    if cursor.eat("(") {
        let filter = parse(cursor)?;
        cursor.expect(")")?;
        cursor.spaces();
        return Ok(filter);
    }
    let left = operand(cursor)?;
    cursor.spaces();
    if cursor.eat("=~") {
        return Err(cursor.refuse("Step Functions does not filter by regular expressions"));
    }
    for (token, operator) in OPERATORS {
        if cursor.eat(token) {
            cursor.spaces();
            let right = right(cursor)?;
            cursor.spaces();
            return Ok(Filter::Compare { left, operator, right });
        }
    }
    Ok(Filter::Exists(left))
}

fn operand(cursor: &mut Cursor<'_>) -> Result<Operand, PathError> {
    match cursor.peek() {
        Some('@') => {
            cursor.next();
            Ok(Operand::Item(cursor.steps()?))
        }
        Some('$') => {
            cursor.next();
            Ok(Operand::Root(cursor.steps()?))
        }
        Some('\'' | '"') => Ok(Operand::Literal(Json::String(cursor.quoted()?))),
        Some('[') => list(cursor),
        _ => {
            let word = cursor.take_while(|next| next.is_alphanumeric() || "+-.".contains(next));
            let literal = word.parse().map_err(|_| cursor.refuse("expected a value"))?;
            Ok(Operand::Literal(literal))
        }
    }
}

/// Reads the right-hand operand of an operator. Like Step Functions, reads a text without quotes,
/// such as `/eggs/cooked`, as a string.
fn right(cursor: &mut Cursor<'_>) -> Result<Operand, PathError> {
    if cursor.peek().is_some_and(|next| "@$'\"[".contains(next)) {
        return operand(cursor);
    }
    let word = cursor.take_while(|next| !next.is_whitespace() && !")&|,]".contains(next));
    if word.is_empty() {
        return Err(cursor.refuse("expected a value"));
    }
    Ok(Operand::Literal(word.parse().unwrap_or_else(|_| Json::from(word))))
}

fn list(cursor: &mut Cursor<'_>) -> Result<Operand, PathError> {
    cursor.expect("[")?;
    cursor.enter()?;
    let mut items = Vec::new();
    loop {
        cursor.spaces();
        if cursor.eat("]") {
            break;
        }
        match right(cursor)? {
            Operand::Literal(item) => items.push(item),
            _ => return Err(cursor.refuse("expected a literal")),
        }
        cursor.spaces();
        if !cursor.eat(",") {
            cursor.expect("]")?;
            break;
        }
    }
    cursor.nesting -= 1;
    Ok(Operand::Literal(Json::Array(items)))
}

impl Filter {
    pub(super) fn keeps(&self, item: &Json, root: &Json) -> bool {
        match self {
            Self::Any(filters) => filters.iter().any(|filter| filter.keeps(item, root)),
            Self::All(filters) => filters.iter().all(|filter| filter.keeps(item, root)),
            Self::Not(filter) => !filter.keeps(item, root),
            Self::Exists(operand) => operand.value(item, root).is_some(),
            Self::Compare { left, operator, right } => {
                operator.holds(left.value(item, root).as_ref(), right.value(item, root).as_ref())
            }
        }
    }
}

impl Operand {
    fn value(&self, item: &Json, root: &Json) -> Option<Json> {
        let (steps, from) = match self {
            Self::Literal(value) => return Some(value.clone()),
            Self::Item(steps) => (steps, item),
            Self::Root(steps) => (steps, root),
        };
        let found = walk(steps, from, root).ok()?;
        let definite = steps.iter().all(|step| matches!(step, Step::Name(_) | Step::Index(_)));
        if definite {
            found.first().map(|value| (*value).clone())
        } else {
            Some(Json::Array(found.into_iter().cloned().collect()))
        }
    }
}

impl Operator {
    fn holds(self, left: Option<&Json>, right: Option<&Json>) -> bool {
        let (Some(left), Some(right)) = (left, right) else {
            return self == Self::NotEqual && left.is_some() != right.is_some();
        };
        let order = || match (left, right) {
            (Json::Number(_), Json::Number(_)) => left.as_f64()?.partial_cmp(&right.as_f64()?),
            (Json::String(left), Json::String(right)) => Some(left.cmp(right)),
            _ => None,
        };
        let equal = || left == right || order().is_some_and(std::cmp::Ordering::is_eq);
        match self {
            Self::Equal => equal(),
            Self::NotEqual => !equal(),
            Self::Less => order().is_some_and(std::cmp::Ordering::is_lt),
            Self::LessOrEqual => order().is_some_and(std::cmp::Ordering::is_le),
            Self::Greater => order().is_some_and(std::cmp::Ordering::is_gt),
            Self::GreaterOrEqual => order().is_some_and(std::cmp::Ordering::is_ge),
            Self::In => right.as_array().is_some_and(|items| items.contains(left)),
            Self::NotIn => !right.as_array().is_some_and(|items| items.contains(left)),
        }
    }
}
