//! Where the carrier keeps its parcels: each with a note of when something happens to it next.

use std::sync::Arc;

use chorus_events::OrderId;
use chorus_kernel::{
    Condition, Failure, Key, Loaded, Query, Read, Reason, Store, StoreError, TableSpec, Versioned,
    Write, number, save, text,
};
use jiff::Timestamp;

use crate::Parcel;

/// The carrier's own table.
pub const CARRIER_TABLE: TableSpec = TableSpec { name: "carrier", indexes: &[], ttl: None };

/// The partition of all notes, which sort by when they are due.
const DUE: &str = "due";

/// The partition that counts how often each key was asked.
const ASKS: &str = "asks";

/// How many parcels are looked at together.
const TOGETHER: u32 = 32;

/// The shelf.
#[derive(Clone)]
pub(crate) struct Shelf {
    pub(crate) store: Arc<dyn Store>,
}

impl Shelf {
    /// The parcel of an order.
    pub(crate) async fn find(
        &self,
        order_id: &OrderId,
    ) -> Result<Option<Versioned<Parcel>>, Failure> {
        let reads = vec![Read::entity::<Parcel>(order_id)];
        Loaded::from(&*self.store, reads).await?.entity::<Parcel>(order_id)
    }

    /// Puts a parcel, and moves its note. False where somebody else put it in between.
    pub(crate) async fn put(
        &self,
        read: Option<&Versioned<Parcel>>,
        parcel: &Parcel,
    ) -> Result<bool, Failure> {
        let (before, after) = (read.and_then(|read| note(read)), note(parcel));
        let mut writes = vec![save(read, parcel)];
        if before != after {
            writes.extend(before.map(|key| Write::Delete { key }));
            writes.extend(after.map(|key| {
                let item = key.to_item();
                Write::Put { key, item, condition: None }
            }));
        }
        match self.store.write(&writes).await {
            Ok(()) => Ok(true),
            Err(StoreError::Refused(reasons)) if outrun(&reasons) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Parcels to which something happens at `now` or before, the longest due first; not all.
    pub(crate) async fn due(&self, now: Timestamp) -> Result<Vec<OrderId>, Failure> {
        let mut query = Query::partition(CARRIER_TABLE.name, DUE);
        // `~` sorts after `#`, so that notes of this very moment are in.
        query.to = Some(format!("{now:.9}~"));
        query.limit = Some(TOGETHER);
        let page = self.store.query(&query).await?;
        let order = |item| text(item, "sk")?.split_once('#')?.1.parse().ok();
        Ok(page.items.iter().filter_map(order).collect())
    }

    /// When something happens next.
    pub(crate) async fn next_due(&self) -> Result<Option<Timestamp>, Failure> {
        let mut query = Query::partition(CARRIER_TABLE.name, DUE);
        query.limit = Some(1);
        let page = self.store.query(&query).await?;
        let moment = |item| text(item, "sk")?.split_once('#')?.0.parse().ok();
        Ok(page.items.first().and_then(moment))
    }

    /// Counts one more ask of `key`, and tells how many there were.
    pub(crate) async fn count(&self, key: &str) -> Result<i64, Failure> {
        let key = Key { table: CARRIER_TABLE.name, pk: ASKS.to_owned(), sk: key.to_owned() };
        let update = Condition::new("ADD asks :one").number(":one", 1);
        let add = Write::Update { key: key.clone(), update, condition: None };
        self.store.write(&[add]).await?;
        let counted = self.store.get(&key).await?;
        Ok(counted.as_ref().and_then(|item| number(item, "asks")).unwrap_or_default())
    }
}

/// Where the note of a parcel is, if something happens to it.
fn note(parcel: &Parcel) -> Option<Key> {
    let sk = format!("{:.9}#{}", parcel.due?, parcel.order_id);
    Some(Key { table: CARRIER_TABLE.name, pk: DUE.to_owned(), sk })
}

fn outrun(reasons: &[Reason]) -> bool {
    reasons.iter().any(|reason| matches!(reason, Reason::Condition(_)))
}
