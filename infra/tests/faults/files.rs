//! Faults in references to files: files that do not exist, and definitions with a placeholder
//! `${Name}` for which the template has no value.

use serde_json::{Value, json};

use crate::{of, planted, remove};

fn machine(properties: Value) -> impl FnOnce(&mut Value) {
    move |it| {
        it["Resources"]["Saga"] =
            json!({ "Type": "AWS::Serverless::StateMachine", "Properties": properties });
    }
}

#[test]
fn code_that_is_not_there() {
    planted(
        |it| of(it, "OrderFunction")["CodeUri"] = json!("functions/ordr"),
        &[("OrderFunction", "names functions/ordr as CodeUri")],
    );
}

#[test]
fn a_definition_that_is_not_there() {
    planted(
        machine(json!({ "DefinitionUri": "infra/state-machines/none.asl.json" })),
        &[("Saga", "names infra/state-machines/none.asl.json as DefinitionUri")],
    );
}

#[test]
fn an_api_description_that_is_not_there() {
    planted(
        |it| {
            let include =
                json!({ "Name": "AWS::Include", "Parameters": { "Location": "api.yaml" } });
            of(it, "Api")["DefinitionBody"]["components"] = json!({ "Fn::Transform": include });
            remove(&mut it["Parameters"], "JwtAudience");
        },
        &[
            ("Api", "names api.yaml as Location"),
            // A security scheme in a file that cannot be read counts as no protection.
            ("Api", "admits anybody by the scheme token"),
        ],
    );
}

#[test]
fn a_definition_with_a_name_that_nothing_fills_in() {
    let states = json!({ "A": { "Type": "Pass", "Result": "${ChargeFunction}", "End": true } });
    planted(
        machine(json!({
            "Definition": { "StartAt": "A", "States": states },
            "DefinitionSubstitutions": { "RefundFunction": "x" },
        })),
        &[
            ("Saga", "has ${ChargeFunction} in its definition"),
            ("Saga", "has a substitution for RefundFunction"),
        ],
    );
}
