//! In production, the resources that hold data outlive the stack, and a new stack can import them.

#![allow(clippy::unwrap_used, reason = "a test may panic if its preparation fails")]

use chorus_infra::shop;
use chorus_template::{ImportError, import, synthesize};
use serde_json::{Value, json};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Types of resources that hold data.
const HOLDS_DATA: [&str; 8] = [
    "AWS::Cognito::UserPool",
    "AWS::Cognito::UserPoolClient",
    "AWS::Cognito::UserPoolGroup",
    "AWS::DynamoDB::Table",
    "AWS::Events::Archive",
    "AWS::Events::EventBus",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
];

/// Types of resources without data, which the next deployment creates again. Log groups are among
/// these types, because logs expire.
const MADE_AGAIN: [&str; 14] = [
    "AWS::CloudFormation::Stack",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::Events::ApiDestination",
    "AWS::Events::Connection",
    "AWS::Events::EventBusPolicy",
    "AWS::Events::Rule",
    "AWS::IAM::Role",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::SQS::QueuePolicy",
    "AWS::Serverless::Function",
    "AWS::Serverless::HttpApi",
    "AWS::Serverless::StateMachine",
];

fn document() -> Value {
    synthesize(&shop(ROOT)).document()
}

#[test]
fn resources_that_hold_data_outlive_the_stack_in_prod_and_no_others_do() {
    let retained = [
        json!({ "Fn::If": ["IsProd", "RetainExceptOnCreate", "Delete"] }),
        json!({ "Fn::If": ["IsProd", "Retain", "Delete"] }),
    ];
    for (id, resource) in document()["Resources"].as_object().unwrap() {
        let kind = resource["Type"].as_str().unwrap();
        let policies = ["DeletionPolicy", "UpdateReplacePolicy"].map(|name| resource[name].clone());
        if HOLDS_DATA.contains(&kind) {
            assert_eq!(policies, retained, "{id}");
        } else {
            assert!(MADE_AGAIN.contains(&kind), "does {id} hold data? List {kind} here");
            assert_eq!(policies, [Value::Null, Value::Null], "{id}");
        }
    }
}

/// Returns the output of `aws cloudformation list-stack-resources` for the deleted stack.
fn listed(document: &Value) -> Value {
    let resources = document["Resources"].as_object().expect("a template has resources").iter();
    let summaries = resources.map(|(id, resource)| {
        let retained = !resource["DeletionPolicy"].is_null();
        let status = if retained { "DELETE_SKIPPED" } else { "DELETE_COMPLETE" };
        json!({
            "LogicalResourceId": id,
            "PhysicalResourceId": format!("chorus-prod-{id}"),
            "ResourceType": resource["Type"],
            "ResourceStatus": status,
        })
    });
    json!({ "StackResourceSummaries": summaries.collect::<Vec<_>>() })
}

#[test]
fn a_new_stack_imports_all_resources_that_outlived_the_one_before() {
    let document = document();
    let change_set = import(&document, &listed(&document).to_string()).unwrap();
    let template: Value =
        serde_json::from_str(change_set["TemplateBody"].as_str().unwrap()).unwrap();
    let imported = template["Resources"].as_object().unwrap();
    let resources = document["Resources"].as_object().unwrap();
    let holding = |resource: &&Value| HOLDS_DATA.contains(&resource["Type"].as_str().unwrap());
    assert_eq!(imported.len(), resources.values().filter(holding).count());
    let identities = change_set["ResourcesToImport"].as_array().unwrap();
    assert_eq!(identities.len(), imported.len());
    let identity = |id: &str| {
        let mut all = identities.iter();
        all.find(|one| one["LogicalResourceId"] == id).unwrap()["ResourceIdentifier"].clone()
    };
    assert_eq!(identity("OrderTable"), json!({ "TableName": "chorus-prod-OrderTable" }));
    assert_eq!(identity("OrderIdSecret"), json!({ "Id": "chorus-prod-OrderIdSecret" }));
    let (pool, group) = ("chorus-prod-UserPool", "chorus-prod-StaffGroup");
    assert_eq!(identity("StaffGroup"), json!({ "UserPoolId": pool, "GroupName": group }));
    for (id, resource) in imported {
        assert_eq!(resource["DeletionPolicy"], "Retain", "{id}");
        assert_eq!(resource["Properties"], resources[id]["Properties"], "{id}");
    }
    // The limit of CloudFormation for a template in a request, in bytes.
    assert!(change_set["TemplateBody"].as_str().unwrap().len() < 51_200);
}

#[test]
fn of_a_stack_that_left_nothing_there_is_nothing_to_import() {
    let document = document();
    let mut listed = listed(&document);
    for resource in listed["StackResourceSummaries"].as_array_mut().unwrap() {
        resource["ResourceStatus"] = json!("DELETE_COMPLETE");
    }
    let refused = import(&document, &listed.to_string());
    assert!(matches!(refused, Err(ImportError::NothingLeft)), "{refused:?}");
    assert!(matches!(import(&document, "{}"), Err(ImportError::Unreadable(_))));
}
