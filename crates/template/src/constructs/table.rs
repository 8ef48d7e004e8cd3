//! DynamoDB tables, as the services declare them.

use std::collections::BTreeSet;

use chorus_kernel::{Index, TableSpec};
use serde_json::{Value, json};

use super::{Construct, Resource};
use crate::intrinsics::{either, reference};

/// A DynamoDB table with on-demand capacity, encryption and point-in-time recovery. The table is
/// protected from deletion if a condition of the template holds.
#[derive(Debug)]
pub struct Table {
    /// The table's name, indexes and time to live, as its service declares them.
    pub spec: TableSpec,
    /// The template's condition under which the table is protected from deletion.
    pub protected: &'static str,
    /// How many days back the table can be restored; `None` for the maximum, 35 days.
    pub recovery_days: Option<u32>,
    /// The KMS key that encrypts the table; `None` if the template has no parameter for a key.
    pub key: Option<KeyChoice>,
}

/// A KMS key that the deployer may choose: its ARN is the value of a parameter.
#[derive(Debug, Clone, Copy)]
pub struct KeyChoice {
    /// The parameter with the key's ARN.
    pub parameter: &'static str,
    /// The template's condition that is true if the parameter is set.
    pub given: &'static str,
}

impl KeyChoice {
    fn settings(self) -> Value {
        let own = json!({
            "SSEEnabled": true,
            "SSEType": "KMS",
            "KMSMasterKeyId": reference(self.parameter),
        });
        either(self.given, own, json!({ "SSEEnabled": true }))
    }
}

impl Construct for Table {
    fn resource(&self) -> Resource {
        let mut names = BTreeSet::from(["pk", "sk"]);
        names.extend(self.spec.indexes.iter().flat_map(|index| [index.pk, index.sk]));
        let attributes: Vec<Value> = names
            .into_iter()
            .map(|name| json!({ "AttributeName": name, "AttributeType": "S" }))
            .collect();
        let indexes: Vec<Value> = self.spec.indexes.iter().map(index).collect();
        let ttl = self.spec.ttl.map(|name| json!({ "AttributeName": name, "Enabled": true }));
        let mut recovery = json!({ "PointInTimeRecoveryEnabled": true });
        if let Some(days) = self.recovery_days {
            recovery["RecoveryPeriodInDays"] = json!(days);
        }
        let properties = json!({
            "AttributeDefinitions": attributes,
            "BillingMode": "PAY_PER_REQUEST",
            "DeletionProtectionEnabled": either(self.protected, json!(true), json!(false)),
            "GlobalSecondaryIndexes": if indexes.is_empty() { Value::Null } else { json!(indexes) },
            "KeySchema": keys("pk", "sk"),
            "PointInTimeRecoverySpecification": recovery,
            "SSESpecification": self.key.map_or(json!({ "SSEEnabled": true }), KeyChoice::settings),
            "TimeToLiveSpecification": ttl,
        });
        Resource::new("AWS::DynamoDB::Table", properties)
    }
}

fn index(index: &Index) -> Value {
    let projection = if index.whole_items { "ALL" } else { "KEYS_ONLY" };
    json!({
        "IndexName": index.name,
        "KeySchema": keys(index.pk, index.sk),
        "Projection": { "ProjectionType": projection },
    })
}

fn keys(pk: &str, sk: &str) -> Value {
    json!([
        { "AttributeName": pk, "KeyType": "HASH" },
        { "AttributeName": sk, "KeyType": "RANGE" },
    ])
}
