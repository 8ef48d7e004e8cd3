//! The resources that contain data. In production, these resources are kept when the stack is
//! deleted.

use serde_json::{Value, json};

use crate::intrinsics::either;
use crate::stack::parameters::IS_PROD;

/// The types of resources that contain data (items, messages, events, secrets, users), each with
/// the properties that identify a resource in CloudFormation's registry. These resources are
/// retained together, because they depend on each other: an archive has a rule on its bus, and a
/// queue names its dead-letter queue.
const HOLDS_DATA: [(&str, &[&str]); 9] = [
    ("AWS::Cognito::UserPool", &["UserPoolId"]),
    ("AWS::Cognito::UserPoolClient", &["UserPoolId", "ClientId"]),
    ("AWS::Cognito::UserPoolGroup", &["UserPoolId", "GroupName"]),
    ("AWS::DynamoDB::GlobalTable", &["TableName"]),
    ("AWS::DynamoDB::Table", &["TableName"]),
    ("AWS::Events::Archive", &["ArchiveName"]),
    ("AWS::Events::EventBus", &["Name"]),
    ("AWS::SQS::Queue", &["QueueUrl"]),
    ("AWS::SecretsManager::Secret", &["Id"]),
];

/// The properties that identify a resource of this type; `None` for a type without data.
pub(crate) fn identifier(kind: &str) -> Option<&'static [&'static str]> {
    HOLDS_DATA.iter().find(|(name, _)| *name == kind).map(|(_, properties)| *properties)
}

/// The attributes that retain a resource of this type in production: if the stack is deleted, if
/// the resource is removed from the template, and if CloudFormation replaces it. If the creation of
/// the stack fails, the resource is deleted. Returns nothing for a type without data.
pub(crate) fn policies(kind: &str) -> Vec<(String, Value)> {
    if identifier(kind).is_none() {
        return Vec::new();
    }
    let in_prod = |policy: &str| either(IS_PROD, json!(policy), json!("Delete"));
    vec![
        ("DeletionPolicy".to_owned(), in_prod("RetainExceptOnCreate")),
        ("UpdateReplacePolicy".to_owned(), in_prod("Retain")),
    ]
}
