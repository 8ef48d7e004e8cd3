//! Reads of several items in one request: the result for each key is the same as the result of a
//! read of that key alone, and the results are in the order of the keys.

use crate::Key;

use super::{Harness, TABLES, n};

pub(super) async fn check(harness: &Harness<'_>) {
    items_of_several_tables_come_in_the_order_of_their_keys(harness).await;
    more_items_than_one_request_takes_are_all_found(harness).await;
}

async fn items_of_several_tables_come_in_the_order_of_their_keys(harness: &Harness<'_>) {
    let other = Key { table: TABLES[1].name, ..harness.key("batch", "other") };
    let keys =
        [harness.key("batch", "b"), other, harness.key("batch", "none"), harness.key("batch", "a")];
    for (count, key) in keys.iter().enumerate().filter(|(_, key)| key.sk != "none") {
        harness.put(key, &[("count", n(count as i64))]).await;
    }
    let found = harness.store.get_all(&keys).await.expect("a read of several items succeeds");
    assert_eq!(found.len(), keys.len());
    for (key, found) in keys.iter().zip(found) {
        assert_eq!(found, harness.get(key).await, "{key:?}");
        assert_eq!(found.is_some(), key.sk != "none", "{key:?}");
    }
}

async fn more_items_than_one_request_takes_are_all_found(harness: &Harness<'_>) {
    let keys: Vec<Key> = (0..103).map(|number| harness.key("many", &number.to_string())).collect();
    let (last, others) = keys.split_last().expect("there are keys");
    harness.put(&keys[0], &[]).await;
    harness.put(last, &[]).await;
    let found = harness.store.get_all(&keys).await.expect("a read of many items succeeds");
    assert!(found[0].is_some() && found[others.len()].is_some());
    assert_eq!(found.iter().flatten().count(), 2);
}
