//! Adds limits that the JSONata evaluator lacks: on the nesting of an expression, and on the size
//! that a value reaches between two of the evaluator's own checks.
//!
//! Values are shared in memory, so `[$a, $a]` nested sixty times takes little memory until
//! something writes it out. Therefore a value is measured when it is assigned, compared, joined or
//! passed to a function; its measure is the size that it would have when written out. Functions
//! whose result may be far larger than their arguments are checked before the call.

use jsonata_core::ast::{AstNode, BinaryOp, PathStep, Stage};
use jsonata_core::value::with_stack;

use super::distinct::guarded_name;

/// The maximum nesting of brackets in a query.
const MAX_NESTING: usize = 200;
/// The maximum number of operators in a query. Each operator may make the tree deeper by one level.
const MAX_OPERATORS: usize = 2_000;

/// The name of a guard function. It returns its argument, and fails if the argument is too large
/// when written out.
pub(super) const MEASURED: &str = "states_measured";
/// The name of a guard function. It returns its first argument, and fails if the product of its two
/// arguments' lengths is too large.
pub(super) const PRODUCT: &str = "states_product";
/// The name of a guard function. It returns its argument: the width of a padded text. It fails if
/// that width is too large.
pub(super) const WIDTH: &str = "states_width";
/// The name of a guard function. It returns its argument: the picture string (the format) of a
/// time. It fails if the format asks for a number with more digits than fit into 64 bits.
pub(super) const PICTURE: &str = "states_picture";
/// The name of a guard function. Its arguments are a number as text, and a picture string (the
/// number's format). It returns the text. It fails if the format uses letters as digits, and the
/// number may need more than 64 bits.
pub(super) const LETTERS: &str = "states_letters";

/// Refuses an expression whose tree may be too deep to be walked recursively.
pub(super) fn nesting(text: &str) -> Result<(), String> {
    let (mut depth, mut operators, mut quote) = (0_usize, 0_usize, None);
    let mut characters = text.chars();
    while let Some(next) = characters.next() {
        match (quote, next) {
            (Some(_), '\\') => {
                characters.next();
            }
            (Some(open), _) => quote = (open != next).then_some(open),
            (None, '"' | '\'' | '`') => quote = Some(next),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, '+' | '-' | '*' | '%' | '&' | '=' | '<' | '>' | '?' | '~' | '^' | '|') => {
                operators += 1;
            }
            _ => {}
        }
        if depth > MAX_NESTING {
            return Err("the JSONata expression nests brackets more than 200 deep".to_owned());
        }
    }
    let words = text.split_whitespace().filter(|word| ["and", "or", "in"].contains(word)).count();
    if operators + words > MAX_OPERATORS {
        return Err(format!("the JSONata expression has more than {MAX_OPERATORS} operators"));
    }
    Ok(())
}

/// Returns the names after each `$` of an expression, each once. The expression reads no other
/// variables.
pub(super) fn variables(text: &str) -> impl Iterator<Item = &str> {
    let mut names: Vec<&str> = text
        .split('$')
        .skip(1)
        .filter_map(|after| {
            let end = after.find(|next: char| !next.is_alphanumeric() && next != '_');
            Some(&after[..end.unwrap_or(after.len())]).filter(|name| !name.is_empty())
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter()
}

/// Returns the syntax tree with calls of the guard functions added.
pub(super) fn guarded(node: AstNode) -> Result<AstNode, String> {
    with_stack(|| inside(node))
}

fn boxed(node: AstNode) -> Result<Box<AstNode>, String> {
    guarded(node).map(Box::new)
}

fn each(nodes: Vec<AstNode>) -> Result<Vec<AstNode>, String> {
    nodes.into_iter().map(guarded).collect()
}

fn pairs(nodes: Vec<(AstNode, AstNode)>) -> Result<Vec<(AstNode, AstNode)>, String> {
    nodes.into_iter().map(|(key, value)| Ok((guarded(key)?, guarded(value)?))).collect()
}

fn inside(node: AstNode) -> Result<AstNode, String> {
    Ok(match node {
        AstNode::Variable(name) if name == "eval" => return Err(no_eval()),
        AstNode::Variable(name) => AstNode::Variable(guarded_name(&name).to_owned()),
        AstNode::Function { name, args, is_builtin } => function(&name, each(args)?, is_builtin)?,
        AstNode::Call { procedure, args } => {
            let args = each(args)?.into_iter().map(measured).collect();
            AstNode::Call { procedure: boxed(*procedure)?, args }
        }
        AstNode::Binary { op, lhs, rhs } => binary(op, guarded(*lhs)?, guarded(*rhs)?),
        AstNode::Path { steps } => AstNode::Path { steps: path(steps)? },
        AstNode::Unary { op, operand } => AstNode::Unary { op, operand: boxed(*operand)? },
        AstNode::Lambda { params, body, signature, thunk } => {
            let params = params.iter().map(|name| guarded_name(name).to_owned()).collect();
            AstNode::Lambda { params, body: boxed(*body)?, signature, thunk }
        }
        AstNode::Array(items) => AstNode::Array(each(items)?),
        AstNode::ArrayGroup(items) => AstNode::ArrayGroup(each(items)?),
        AstNode::Block(items) => AstNode::Block(each(items)?),
        AstNode::Object(members) => AstNode::Object(pairs(members)?),
        AstNode::ObjectTransform { input, pattern } => {
            AstNode::ObjectTransform { input: boxed(*input)?, pattern: pairs(pattern)? }
        }
        AstNode::Conditional { condition, then_branch, else_branch } => AstNode::Conditional {
            condition: boxed(*condition)?,
            then_branch: boxed(*then_branch)?,
            else_branch: else_branch.map(|node| boxed(*node)).transpose()?,
        },
        AstNode::FunctionApplication(body) => AstNode::FunctionApplication(boxed(*body)?),
        AstNode::Sort { input, terms } => {
            let terms: Result<_, String> =
                terms.into_iter().map(|(term, up)| Ok((guarded(term)?, up))).collect();
            AstNode::Sort { input: boxed(*input)?, terms: terms? }
        }
        AstNode::Transform { location, update, delete } => AstNode::Transform {
            location: boxed(*location)?,
            update: boxed(*update)?,
            delete: delete.map(|node| boxed(*node)).transpose()?,
        },
        leaf => leaf,
    })
}

fn path(steps: Vec<PathStep>) -> Result<Vec<PathStep>, String> {
    let descends = steps.iter().any(|step| matches!(step.node, AstNode::Descendant));
    let mut guarded_steps = Vec::with_capacity(steps.len());
    for (position, mut step) in steps.into_iter().enumerate() {
        step.node = guarded(step.node)?;
        if descends && position == 0 {
            step.node = match step.node {
                variable @ AstNode::Variable(_) => call(MEASURED, vec![variable]),
                other => measured(other),
            };
        }
        let stages = step.stages.into_iter().map(|stage| match stage {
            Stage::Filter(filter) => boxed(*filter).map(Stage::Filter),
            other => Ok(other),
        });
        step.stages = stages.collect::<Result<_, String>>()?;
        guarded_steps.push(step);
    }
    Ok(guarded_steps)
}

fn binary(op: BinaryOp, lhs: AstNode, rhs: AstNode) -> AstNode {
    let made = |lhs, rhs| AstNode::Binary { op, lhs: Box::new(lhs), rhs: Box::new(rhs) };
    match op {
        BinaryOp::Concatenate => {
            let made = made(measured(lhs), measured(rhs));
            call(MEASURED, vec![made])
        }
        BinaryOp::Equal | BinaryOp::NotEqual | BinaryOp::In => made(measured(lhs), measured(rhs)),
        BinaryOp::ColonEqual => made(lhs, measured(rhs)),
        _ => made(lhs, rhs),
    }
}

fn function(name: &str, args: Vec<AstNode>, is_builtin: bool) -> Result<AstNode, String> {
    if name == "eval" {
        return Err(no_eval());
    }
    let mut args: Vec<AstNode> = args.into_iter().map(measured).collect();
    match (name, args.len()) {
        // `$now(picture)` becomes `$fromMillis($millis(), picture)`, because `$millis()` gives the
        // execution's time.
        ("now", 1..) => {
            wrap(&mut args[0], |picture| call(PICTURE, vec![picture]));
            args.insert(0, call("millis", Vec::new()));
            return Ok(AstNode::Function { name: "fromMillis".to_owned(), args, is_builtin });
        }
        // In `time ~> $fromMillis(picture)`, the picture is the first argument instead of the
        // second, so all arguments are checked.
        ("fromMillis" | "toMillis", _) => {
            for argument in &mut args {
                wrap(argument, |picture| call(PICTURE, vec![picture]));
            }
        }
        ("parseInteger", 2..) => {
            let picture = args[1].clone();
            wrap(&mut args[0], |text| call(LETTERS, vec![text, picture]));
        }
        ("pad", 1..) => {
            let last = args.len().min(2) - 1;
            wrap(&mut args[last], |width| call(WIDTH, vec![width]));
        }
        ("join", 2..) => {
            let separator = args[1].clone();
            wrap(&mut args[0], |items| call(PRODUCT, vec![items, separator]));
        }
        ("replace", 3..) => {
            let replacement = args[2].clone();
            wrap(&mut args[0], |text| call(PRODUCT, vec![text, replacement]));
        }
        ("replace", 2) => {
            let own = args[1].clone();
            wrap(&mut args[1], |replacement| call(PRODUCT, vec![replacement, own]));
        }
        _ => {}
    }
    Ok(AstNode::Function { name: guarded_name(name).to_owned(), args, is_builtin })
}

fn wrap(node: &mut AstNode, with: impl FnOnce(AstNode) -> AstNode) {
    if !matches!(node, AstNode::Placeholder | AstNode::Lambda { .. } | AstNode::Regex { .. }) {
        let own = std::mem::replace(node, AstNode::Null);
        *node = with(own);
    }
}

/// Wraps the node in a call of [`MEASURED`], if the node's value may become large.
fn measured(node: AstNode) -> AstNode {
    match node {
        AstNode::Path { .. }
        | AstNode::Function { .. }
        | AstNode::Call { .. }
        | AstNode::Block(_)
        | AstNode::Array(_)
        | AstNode::Object(_)
        | AstNode::ObjectTransform { .. }
        | AstNode::Conditional { .. }
        | AstNode::Sort { .. } => call(MEASURED, vec![node]),
        other => other,
    }
}

fn call(name: &str, args: Vec<AstNode>) -> AstNode {
    AstNode::Function { name: name.to_owned(), args, is_builtin: true }
}

fn no_eval() -> String {
    "the function $eval is not supported".to_owned()
}
