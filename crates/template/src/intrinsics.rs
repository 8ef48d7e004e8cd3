//! CloudFormation's intrinsic functions, as JSON.

use serde_json::{Value, json};

/// A `Ref`: the value of a parameter, or the identifier of a resource, such as its name.
#[must_use]
pub fn reference(name: &str) -> Value {
    json!({ "Ref": name })
}

/// An attribute of a resource.
#[must_use]
pub fn attribute(resource: &str, name: &str) -> Value {
    json!({ "Fn::GetAtt": [resource, name] })
}

/// The ARN of a resource. The resource's type must have the attribute `Arn`, which some types lack.
#[must_use]
pub fn arn(resource: &str) -> Value {
    attribute(resource, "Arn")
}

/// An `Fn::Sub`: a text in which CloudFormation replaces each `${Name}` by its value.
#[must_use]
pub fn substitute(text: impl Into<String>) -> Value {
    json!({ "Fn::Sub": text.into() })
}

/// The value as JSON text with sorted keys, so that the template's bytes do not depend on whether a
/// crate of the build enables `serde_json`'s `preserve_order`.
#[must_use]
pub fn json_text(value: &Value) -> String {
    fn in_order(value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                let mut sorted: Vec<_> = fields.iter().collect();
                sorted.sort_unstable_by_key(|(key, _)| *key);
                sorted.into_iter().map(|(key, value)| (key.clone(), in_order(value))).collect()
            }
            Value::Array(values) => values.iter().map(in_order).collect(),
            scalar => scalar.clone(),
        }
    }
    in_order(value).to_string()
}

/// A name for a resource: the stack's name with a suffix, so that the names of two stacks in one
/// account differ.
#[must_use]
pub fn stack_name(suffix: &str) -> Value {
    substitute(format!("${{AWS::StackName}}-{suffix}"))
}

/// An `Fn::If`: one of two values, by a condition.
#[must_use]
#[allow(clippy::needless_pass_by_value)]
pub fn either(condition: &str, then: Value, otherwise: Value) -> Value {
    json!({ "Fn::If": [condition, then, otherwise] })
}

/// The value if a condition holds; otherwise, CloudFormation omits the property.
#[must_use]
pub fn only_if(condition: &str, then: Value) -> Value {
    either(condition, then, reference("AWS::NoValue"))
}

/// An `Fn::Equals`: whether a parameter has this value.
#[must_use]
pub fn equals(parameter: &str, value: &str) -> Value {
    json!({ "Fn::Equals": [reference(parameter), value] })
}

/// Whether a parameter with an empty default was set.
#[must_use]
pub fn given(parameter: &str) -> Value {
    json!({ "Fn::Not": [equals(parameter, "")] })
}
