//! An item that was stored in an earlier schema is converted to the current schema when it is read.
//! An item in an unknown schema is an error of the application, not of the caller.
#![allow(clippy::unwrap_used, reason = "what a test stands on may fail loudly, too")]

use chorus_kernel::{Entity, Failure, Found, Item, MemoryStore, Store, TableSpec, create, load};
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;

const PARCELS: TableSpec = TableSpec { name: "parcels", indexes: &[], ttl: None };

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ParcelBefore {
    id: String,
    kilograms: u32,
}

chorus_kernel::entity!(ParcelBefore: "parcel" in PARCELS, by id: String);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Parcel {
    id: String,
    grams: u32,
}

impl Entity for Parcel {
    type Id = String;
    const TABLE: &'static str = PARCELS.name;
    const KIND: &'static str = "parcel";
    const SCHEMA: u32 = 2;

    fn id(&self) -> &String {
        &self.id
    }

    fn upcast(schema: u32, mut fields: Item) -> Option<Item> {
        let kilograms = chorus_kernel::number(&fields, "kilograms").filter(|_| schema == 1)?;
        let grams = AttributeValue::N((kilograms * 1_000).to_string());
        fields.insert("grams".to_owned(), grams);
        Some(fields)
    }
}

async fn read<E: Entity<Id = String>>(store: &MemoryStore) -> Result<Option<E>, Failure> {
    let found: Found<E> = load(store, "p".to_owned()).await?;
    Ok(found.map(|it| it.value))
}

#[tokio::test]
async fn an_item_of_an_earlier_schema_is_read_as_the_current_one() {
    let store = MemoryStore::new(&[PARCELS]);
    store.write(&[create(&ParcelBefore { id: "p".to_owned(), kilograms: 2 })]).await.unwrap();
    let parcel = Parcel { id: "p".to_owned(), grams: 2_000 };
    assert_eq!(read::<Parcel>(&store).await.unwrap(), Some(parcel));
}

#[tokio::test]
async fn an_item_of_a_schema_that_nobody_knows_is_not_the_callers_mistake() {
    let store = MemoryStore::new(&[PARCELS]);
    let parcel = Parcel { id: "p".to_owned(), grams: 1 };
    store.write(&[create(&parcel)]).await.unwrap();
    assert_eq!(read::<Parcel>(&store).await.unwrap(), Some(parcel));
    let failure = read::<ParcelBefore>(&store).await.unwrap_err();
    assert_eq!(failure.code(), "CorruptItem");
}
