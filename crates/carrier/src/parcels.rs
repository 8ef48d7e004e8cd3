//! Stores parcels. One index sorts parcels by the time when they were accepted, and another by the
//! time when their next step is due.

use std::sync::Arc;

use chorus_events::OrderId;
use chorus_kernel::{
    Failure, Found, Key, Query, Reason, Store, StoreError, TableSpec, Update, Versioned, Write,
    load, number, save, text,
};
use jiff::Timestamp;

use crate::Parcel;

pub const CARRIER_TABLE: TableSpec = TableSpec { name: "carrier", indexes: &[], ttl: None };

/// The partition with the index of parcels by the time when their next step is due.
const DUE: &str = "due";

/// The partition with the index of parcels by the time when they were accepted.
const ACCEPTED: &str = "accepted";

/// The partition with the number of requests for each idempotency key.
const REQUEST_COUNTS: &str = "asks";

/// The maximum number of parcels in the result of one query.
const MAX_PARCELS: u32 = 32;

#[derive(Clone)]
pub(crate) struct ParcelStore {
    pub(crate) store: Arc<dyn Store>,
}

impl ParcelStore {
    pub(crate) async fn find(&self, order_id: &OrderId) -> Result<Found<Parcel>, Failure> {
        load(&*self.store, order_id.clone()).await
    }

    /// Stores a parcel and updates its index entries. `read` is the stored parcel that the caller
    /// read before. Returns false, without a change, if the stored parcel has changed since then.
    pub(crate) async fn put(
        &self,
        read: Option<&Versioned<Parcel>>,
        parcel: &Parcel,
    ) -> Result<bool, Failure> {
        let (before, after) = (read.and_then(|read| due_entry(read)), due_entry(parcel));
        let mut writes = vec![save(read, parcel)];
        if let (None, Some(at)) = (read, parcel.accepted_at) {
            let key = entry(ACCEPTED, at, &parcel.order_id);
            let item = key.to_item();
            writes.push(Write::Put { key, item, condition: None });
        }
        if before != after {
            writes.extend(before.map(|key| Write::Delete { key }));
            writes.extend(after.map(|key| {
                let item = key.to_item();
                Write::Put { key, item, condition: None }
            }));
        }
        match self.store.write(&writes).await {
            Ok(()) => Ok(true),
            Err(StoreError::Refused(reasons)) if written_meanwhile(&reasons) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The parcels that are due at `now` or before, at most [`MAX_PARCELS`]. Parcels that have been
    /// due the longest come first.
    pub(crate) async fn due(&self, now: Timestamp) -> Result<Vec<OrderId>, Failure> {
        let mut query = Query::partition(CARRIER_TABLE.name, DUE);
        // An entry's sort key is the time, `#` and the order's id. `~` sorts after `#`, so that the
        // range includes entries for exactly `now`.
        query.to = Some(format!("{now:.9}~"));
        query.limit = Some(MAX_PARCELS);
        let page = self.store.query(&query).await?;
        let order = |item| text(item, "sk")?.split_once('#')?.1.parse().ok();
        Ok(page.items.iter().filter_map(order).collect())
    }

    pub(crate) async fn next_due(&self) -> Result<Option<Timestamp>, Failure> {
        let mut query = Query::partition(CARRIER_TABLE.name, DUE);
        query.limit = Some(1);
        let page = self.store.query(&query).await?;
        let moment = |item| text(item, "sk")?.split_once('#')?.0.parse().ok();
        Ok(page.items.first().and_then(moment))
    }

    /// A page of the orders whose parcels were accepted at `since` or later, and the cursor of the
    /// next page. The page begins after the cursor `after`.
    pub(crate) async fn accepted(
        &self,
        since: Timestamp,
        after: Option<&str>,
    ) -> Result<(Vec<OrderId>, Option<String>), Failure> {
        let mut query = Query::partition(CARRIER_TABLE.name, ACCEPTED);
        // `~` sorts after every character of a sort key, so that the range begins after the entry
        // `after`.
        query.from = Some(after.map_or_else(|| format!("{since:.9}"), |after| format!("{after}~")));
        query.limit = Some(MAX_PARCELS);
        let page = self.store.query(&query).await?;
        let order = |item| text(item, "sk")?.split_once('#')?.1.parse().ok();
        let last = page.items.last().and_then(|item| text(item, "sk")).map(ToOwned::to_owned);
        Ok((page.items.iter().filter_map(order).collect(), last.filter(|_| page.next.is_some())))
    }

    /// Counts a request with `key`, and returns the number of requests so far.
    pub(crate) async fn count(&self, key: &str) -> Result<i64, Failure> {
        let key =
            Key { table: CARRIER_TABLE.name, pk: REQUEST_COUNTS.to_owned(), sk: key.to_owned() };
        let updates = vec![Update::Add { attribute: "asks", amount: 1 }];
        let add = Write::Update { key: key.clone(), updates, condition: None };
        self.store.write(&[add]).await?;
        let counted = self.store.get(&key).await?;
        Ok(counted.as_ref().and_then(|item| number(item, "asks")).unwrap_or_default())
    }
}

/// The key of a parcel's index entry by due time; `None` if the parcel has no next step.
fn due_entry(parcel: &Parcel) -> Option<Key> {
    Some(entry(DUE, parcel.due?, &parcel.order_id))
}

fn entry(partition: &str, at: Timestamp, order_id: &OrderId) -> Key {
    let sk = format!("{at:.9}#{order_id}");
    Key { table: CARRIER_TABLE.name, pk: partition.to_owned(), sk }
}

fn written_meanwhile(reasons: &[Reason]) -> bool {
    reasons.iter().any(|reason| matches!(reason, Reason::Condition(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;
    use chorus_events::samples;
    use chorus_kernel::MemoryStore;
    use chorus_kernel::testing::expect_ready;

    fn parcel() -> Parcel {
        Parcel {
            due: Some(samples::moment()),
            ..Parcel::recalled_before_arrival(samples::order_id())
        }
    }

    #[test]
    fn a_parcel_that_somebody_else_put_in_between_is_not_overwritten() {
        let parcels = ParcelStore { store: Arc::new(MemoryStore::new(&[CARRIER_TABLE])) };
        let found = || expect_ready(parcels.find(&samples::order_id())).unwrap();
        let put = |read: Option<&_>, parcel: &_| expect_ready(parcels.put(read, parcel)).unwrap();
        assert!(put(None, &parcel()));
        let first = found();
        let delivered = Parcel { status: Status::Delivered, due: None, ..parcel() };
        assert!(!put(None, &delivered));
        assert!(put(first.as_ref(), &delivered));
        assert!(!put(first.as_ref(), &parcel()));
        assert_eq!(found().unwrap(), Versioned { version: 2, value: delivered });
    }

    #[test]
    fn a_note_goes_where_its_parcel_is_due_next_and_is_gone_once_nothing_is() {
        let parcels = ParcelStore { store: Arc::new(MemoryStore::new(&[CARRIER_TABLE])) };
        for due in [Some(samples::moment()), Some(samples::estimated_arrival()), None] {
            let read = expect_ready(parcels.find(&samples::order_id())).unwrap();
            assert!(expect_ready(parcels.put(read.as_ref(), &Parcel { due, ..parcel() })).unwrap());
            assert_eq!(expect_ready(parcels.next_due()).unwrap(), due);
        }
        assert_eq!(expect_ready(parcels.due(samples::estimated_arrival())).unwrap(), []);
    }
}
