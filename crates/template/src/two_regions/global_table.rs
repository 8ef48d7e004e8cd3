//! Makes a DynamoDB table a global table, with a replica in each of the two regions. Writes are
//! replicated eventually: a transaction is atomic in the region where it was made, but its items
//! arrive one by one in the other region.

use chorus_kernel::TableSpec;
use serde_json::{Value, json};

use super::{IS_PRIMARY, PRIMARY, SECONDARY, WITNESS, by_name, of_primary};
use crate::Template;
use crate::constructs::{Construct, Resource, Table};
use crate::intrinsics::{only_if, reference, substitute};
use crate::stack::parameters::IS_PROD;

const KIND: &str = "AWS::DynamoDB::GlobalTable";

/// The table that names the active region.
pub(super) const REGIONS: &str = "RegionsTable";

/// Adds the table that names the active region. Unlike the other tables, this table is strongly
/// consistent, so that both regions read the same item: a write succeeds only when two of three
/// regions have stored the item. The third region is a witness without a replica.
pub(super) fn add_regions(template: &mut Template) {
    template.section(
        "The active region: one item, which functions read and an operator writes. The table is\n\
         strongly consistent across three regions, and takes no transactions: docs/adr/0018.",
    );
    let spec = TableSpec { name: "regions", indexes: &[], ttl: None };
    let table = Table { spec, protected: IS_PROD, recovery_days: None, key: None }.resource();
    let mut global = properties(REGIONS, &table.properties);
    global["MultiRegionConsistency"] = json!("STRONG");
    // A strongly consistent global table is replicated without a stream.
    global["StreamSpecification"] = Value::Null;
    global["GlobalTableWitnesses"] = json!([{ "Region": reference(WITNESS) }]);
    template.add_resource(REGIONS, &of_primary(Resource::new(KIND, global), IS_PRIMARY));
}

/// Makes a global table from the table `id`, which has the properties `table`.
pub(super) fn of(id: &str, table: &Value) -> Value {
    of_primary(Resource::new(KIND, properties(id, table)), IS_PRIMARY).to_value()
}

fn properties(id: &str, table: &Value) -> Value {
    let replica = |region: &str| {
        let mut replica = json!({
            "Region": reference(region),
            "DeletionProtectionEnabled": table["DeletionProtectionEnabled"],
            "PointInTimeRecoverySpecification": table["PointInTimeRecoverySpecification"],
        });
        if let Some(key) = key(table, region) {
            replica["SSESpecification"] = key;
        }
        replica
    };
    json!({
        "TableName": substitute(by_name::physical(id)),
        "AttributeDefinitions": table["AttributeDefinitions"],
        "BillingMode": table["BillingMode"],
        "GlobalSecondaryIndexes": table["GlobalSecondaryIndexes"],
        "KeySchema": table["KeySchema"],
        "Replicas": [replica(PRIMARY), replica(SECONDARY)],
        "SSESpecification": { "SSEEnabled": true, "SSEType": "KMS" },
        // Eventually consistent replication reads this stream.
        "StreamSpecification": { "StreamViewType": "NEW_AND_OLD_IMAGES" },
        "TimeToLiveSpecification": table["TimeToLiveSpecification"],
    })
}

/// The KMS key of a replica; `None` if the template has no parameter for a key. The parameter's
/// value is the ARN of a multi-Region key, so the key has the same id in both regions.
fn key(table: &Value, region: &str) -> Option<Value> {
    let [given, own, _] = table["SSESpecification"]["Fn::If"].as_array()?.as_slice() else {
        return None;
    };
    let id = json!({ "Fn::Select": [1, { "Fn::Split": ["key/", own["KMSMasterKeyId"]] }] });
    let arn =
        format!("arn:${{AWS::Partition}}:kms:${{{region}}}:${{AWS::AccountId}}:key/${{KeyId}}");
    let arn = json!({ "Fn::Sub": [arn, { "KeyId": id }] });
    Some(only_if(given.as_str()?, json!({ "KMSMasterKeyId": arn })))
}
