//! Creates the services' tables.

use std::sync::Arc;

use chorus_kernel::{Clock, Index, StoreError, TableSpec};
use dynoxide::actions::create_table::CreateTableRequest;
use dynoxide::actions::describe_table::DescribeTableRequest;
use dynoxide::actions::update_table::{
    CreateGsiAction, GlobalSecondaryIndexUpdate, UpdateTableRequest,
};
use dynoxide::actions::update_time_to_live::{TimeToLiveSpecification, UpdateTimeToLiveRequest};
use dynoxide::types::{
    AttributeDefinition, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use dynoxide::{Database, DynoxideError};

use super::refusal;

/// Lends the kernel's clock to `dynoxide`, so that TTLs use the same time as the engine.
pub(super) struct LentClock(pub(super) Arc<dyn Clock>);

impl dynoxide::storage_backend::Clock for LentClock {
    fn now_unix_secs(&self) -> u64 {
        u64::try_from(self.0.now().as_second()).unwrap_or(0)
    }

    fn now_unix_secs_f64(&self) -> f64 {
        self.0.now().as_duration().as_secs_f64()
    }
}

/// Creates a table. If an earlier release has already created it, adds the indexes that the table
/// still lacks.
pub(super) fn create(database: &Database, table: &TableSpec) -> Result<(), StoreError> {
    match database.create_table(request(table)) {
        Ok(_) => {}
        Err(DynoxideError::ResourceInUseException(_)) => return add_indexes(database, table),
        Err(error) => return Err(refusal::of(error)),
    }
    let Some(attribute) = table.ttl else { return Ok(()) };
    let ttl = UpdateTimeToLiveRequest {
        table_name: table.name.to_owned(),
        time_to_live_specification: TimeToLiveSpecification {
            attribute_name: attribute.to_owned(),
            enabled: true,
        },
    };
    database.update_time_to_live(ttl).map_err(refusal::of)?;
    Ok(())
}

fn add_indexes(database: &Database, table: &TableSpec) -> Result<(), StoreError> {
    let described = DescribeTableRequest { table_name: table.name.to_owned() };
    let described = database.describe_table(described).map_err(refusal::of)?.table;
    let known = described.global_secondary_indexes.unwrap_or_default();
    let lacks = |index: &&Index| !known.iter().any(|it| it.index_name == index.name);
    for index in table.indexes.iter().filter(lacks) {
        let GlobalSecondaryIndex { index_name, key_schema, projection, .. } =
            secondary_index(index);
        let create = Some(CreateGsiAction { index_name, key_schema, projection });
        let update = GlobalSecondaryIndexUpdate { create, update: None, delete: None };
        let asked = UpdateTableRequest {
            table_name: table.name.to_owned(),
            attribute_definitions: Some(vec![
                string_attribute(index.pk),
                string_attribute(index.sk),
            ]),
            global_secondary_index_updates: Some(vec![update]),
            ..UpdateTableRequest::default()
        };
        database.update_table(asked).map_err(refusal::of)?;
    }
    Ok(())
}

fn request(table: &TableSpec) -> CreateTableRequest {
    let mut attributes = vec!["pk", "sk"];
    for index in table.indexes {
        attributes.extend([index.pk, index.sk]);
    }
    attributes.sort_unstable();
    attributes.dedup();
    let indexes: Vec<_> = table.indexes.iter().map(secondary_index).collect();
    CreateTableRequest {
        table_name: table.name.to_owned(),
        key_schema: key_schema("pk", "sk"),
        attribute_definitions: attributes.into_iter().map(string_attribute).collect(),
        global_secondary_indexes: (!indexes.is_empty()).then_some(indexes),
        billing_mode: Some("PAY_PER_REQUEST".to_owned()),
        ..CreateTableRequest::default()
    }
}

fn secondary_index(index: &Index) -> GlobalSecondaryIndex {
    let kind = if index.whole_items { ProjectionType::ALL } else { ProjectionType::KEYS_ONLY };
    GlobalSecondaryIndex {
        index_name: index.name.to_owned(),
        key_schema: key_schema(index.pk, index.sk),
        projection: Projection { projection_type: Some(kind), ..Projection::default() },
        ..GlobalSecondaryIndex::default()
    }
}

fn key_schema(pk: &str, sk: &str) -> Vec<KeySchemaElement> {
    vec![
        KeySchemaElement { attribute_name: pk.to_owned(), key_type: KeyType::HASH },
        KeySchemaElement { attribute_name: sk.to_owned(), key_type: KeyType::RANGE },
    ]
}

fn string_attribute(name: &str) -> AttributeDefinition {
    AttributeDefinition { attribute_name: name.to_owned(), attribute_type: ScalarAttributeType::S }
}
