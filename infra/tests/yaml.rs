//! An independent YAML parser reads the printed template back unchanged.

use chorus_infra::shop;
use chorus_template::synthesize;
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

#[test]
fn a_yaml_parser_reads_what_was_printed() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let template = synthesize(&shop(root));
    let yaml = template.to_yaml();
    let read = Yaml::load_from_str(&yaml).unwrap();
    assert_eq!(long_form(&read[0]), template.document());
}

/// Converts YAML to JSON, with CloudFormation's tags as intrinsic functions.
fn long_form(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(value)) => json!(value),
        Yaml::Value(Scalar::Integer(value)) => json!(value),
        Yaml::Value(Scalar::FloatingPoint(value)) => json!(value.into_inner()),
        Yaml::Value(Scalar::String(text)) => json!(text),
        Yaml::Sequence(items) => items.iter().map(long_form).collect(),
        Yaml::Mapping(fields) => Value::Object(fields.iter().map(entry).collect::<Map<_, _>>()),
        Yaml::Tagged(tag, inner) => function(&tag.suffix, &long_form(inner)),
        other => panic!("unexpected in a template: {other:?}"),
    }
}

fn entry((key, value): (&Yaml<'_>, &Yaml<'_>)) -> (String, Value) {
    (key.as_str().unwrap_or_default().to_owned(), long_form(value))
}

fn function(name: &str, argument: &Value) -> Value {
    match name {
        "Ref" => json!({ "Ref": argument }),
        "GetAtt" => {
            let parts: Vec<&str> = argument.as_str().unwrap_or_default().split('.').collect();
            json!({ "Fn::GetAtt": parts })
        }
        name => json!({ format!("Fn::{name}"): argument }),
    }
}
