//! Tests that the store on DynamoDB passes the test suite of the kernel's store port. The embedded
//! store passes the same suite.
//!
//! The test creates its own tables, and deletes them. It runs only if `AWS_ENDPOINT_URL` names an
//! emulator, and never against an AWS account.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use chorus_aws::{DynamoStore, Tables, sdk_config};
use chorus_kernel::testing::port_suite::{TABLES, run};
use chorus_kernel::{Index, TableSpec};

#[tokio::test]
async fn the_store_on_dynamodb_holds_the_port() {
    let Ok(endpoint) = std::env::var("AWS_ENDPOINT_URL") else {
        eprintln!(
            "SKIPPED: the port suite did not run over DynamoDB, because AWS_ENDPOINT_URL is not set"
        );
        return;
    };
    let client = Client::new(&sdk_config());
    for table in &TABLES {
        create(&client, table).await;
    }
    let store = DynamoStore::new(client.clone(), names().into_iter().collect());
    run(&store, "dynamodb").await;
    let used = store.meter().reading();
    eprintln!("the port suite ran over {endpoint}: {used:?}");
    assert!(used.requests > 0 && used.write_units > 0.0, "the meter counts: {used:?}");
    for table in &TABLES {
        client.delete_table().table_name(physical(table.name)).send().await.unwrap();
    }
}

#[test]
fn the_tables_of_the_suite_have_names_of_their_own() {
    let tables: Tables = names().into_iter().collect();
    for table in &TABLES {
        assert_eq!(tables.physical(table.name).unwrap(), physical(table.name));
    }
}

/// A table's name that is unique to this process, so that two runs at the same time do not collide.
fn physical(logical: &str) -> String {
    format!("{logical}-{}", std::process::id())
}

fn names() -> Vec<(String, String)> {
    let variable = |name: &str| format!("TABLE_{}", name.to_uppercase().replace('-', "_"));
    TABLES.iter().map(|table| (variable(table.name), physical(table.name))).collect()
}

async fn create(client: &Client, table: &TableSpec) {
    let mut attributes = BTreeSet::from(["pk", "sk"]);
    attributes.extend(table.indexes.iter().flat_map(|index| [index.pk, index.sk]));
    let indexes: Vec<_> = table.indexes.iter().map(secondary).collect();
    let request = client
        .create_table()
        .table_name(physical(table.name))
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(key_schema("pk", "sk")))
        .set_attribute_definitions(Some(attributes.into_iter().map(definition).collect()))
        .set_global_secondary_indexes((!indexes.is_empty()).then_some(indexes));
    request.send().await.unwrap();
}

fn secondary(index: &Index) -> GlobalSecondaryIndex {
    let kind = if index.whole_items { ProjectionType::All } else { ProjectionType::KeysOnly };
    GlobalSecondaryIndex::builder()
        .index_name(index.name)
        .set_key_schema(Some(key_schema(index.pk, index.sk)))
        .projection(Projection::builder().projection_type(kind).build())
        .build()
        .unwrap()
}

fn key_schema(pk: &str, sk: &str) -> Vec<KeySchemaElement> {
    let element = |(name, kind)| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
    };
    [(pk, KeyType::Hash), (sk, KeyType::Range)].map(element).into()
}

fn definition(name: &str) -> AttributeDefinition {
    let text = AttributeDefinition::builder().attribute_type(ScalarAttributeType::S);
    text.attribute_name(name).build().unwrap()
}
