//! Several items in one request: each is found as a single read finds it, in the order of the keys.

use crate::Key;

use super::{Harness, TABLES, n};

pub(super) async fn check(world: &Harness<'_>) {
    items_of_several_tables_come_in_the_order_of_their_keys(world).await;
    more_items_than_one_request_takes_are_all_found(world).await;
}

async fn items_of_several_tables_come_in_the_order_of_their_keys(world: &Harness<'_>) {
    let other = Key { table: TABLES[1].name, ..world.key("batch", "other") };
    let keys =
        [world.key("batch", "b"), other, world.key("batch", "none"), world.key("batch", "a")];
    for (count, key) in keys.iter().enumerate().filter(|(_, key)| key.sk != "none") {
        world.put(key, &[("count", n(count as i64))]).await;
    }
    let found = world.store.get_all(&keys).await.expect("a read of several items succeeds");
    assert_eq!(found.len(), keys.len());
    for (key, found) in keys.iter().zip(found) {
        assert_eq!(found, world.get(key).await, "{key:?}");
        assert_eq!(found.is_some(), key.sk != "none", "{key:?}");
    }
}

async fn more_items_than_one_request_takes_are_all_found(world: &Harness<'_>) {
    let keys: Vec<Key> = (0..103).map(|number| world.key("many", &number.to_string())).collect();
    let (last, others) = keys.split_last().expect("there are keys");
    world.put(&keys[0], &[]).await;
    world.put(last, &[]).await;
    let found = world.store.get_all(&keys).await.expect("a read of many items succeeds");
    assert!(found[0].is_some() && found[others.len()].is_some());
    assert_eq!(found.iter().flatten().count(), 2);
}
