//! Tables that were restored to different moments may hold only a part of a transaction. A repair
//! must find and undo this part, and a replay must then repeat the transaction.
#![allow(clippy::unwrap_used)]

mod harness;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chorus_kernel::{IDEMPOTENCY_TABLE, Item, Key, Page, Query, Store, StoreError, Write, text};
use chorus_local::Replay;
use chorus_order::Status;
use chorus_shop::Accounts;
use chorus_shop::restored::{Damage, INVENTORY, Next, TornRecord, correct, recount};
use jiff::Timestamp;
use serde_dynamo::AttributeValue;

use harness::Harness;

/// The items that a transaction wrote, as they were before the transaction. The transaction's
/// idempotency record is left out.
#[derive(Debug, Clone)]
struct Before {
    action: String,
    items: Vec<(Key, Option<Item>)>,
}

/// A store that remembers, for each transaction of an action, the written items as they were before
/// the transaction.
struct Remembering {
    store: Arc<dyn Store>,
    seen: Arc<Mutex<Vec<Before>>>,
}

#[async_trait]
impl Store for Remembering {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.store.get(key).await
    }

    async fn get_all(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        self.store.get_all(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.store.query(query).await
    }

    async fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        let [record, others @ ..] = writes else { return self.store.write(writes).await };
        let keys: Vec<Key> = others.iter().map(|write| write.key().clone()).collect();
        let found = self.store.get_all(&keys).await?;
        self.store.write(writes).await?;
        if record.key().table == IDEMPOTENCY_TABLE.name && !keys.is_empty() {
            let items = keys.into_iter().zip(found).collect();
            let before = Before { action: record.key().sk.clone(), items };
            self.seen.lock().unwrap().push(before);
        }
        Ok(())
    }
}

/// Places an order, and runs the shop until the transaction with this number is committed. The
/// first transaction after the order's placement has the number 0. Returns the shop and the items
/// before the transaction; `None` if the order ended before this transaction.
async fn at_transaction(number: usize) -> Option<(Harness, Before)> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let wrap = |store| Arc::new(Remembering { store, seen: Arc::clone(&seen) }) as Arc<dyn Store>;
    let harness = Harness::open(None, &["alfki"], wrap).await.unwrap();
    harness.move_parcels(true);
    harness.place(0..1, |_| "alfki").await.unwrap();
    let placed = seen.lock().unwrap().len();
    while seen.lock().unwrap().len() <= placed + number {
        if harness.is_at_rest(1) {
            return None;
        }
        harness.step().await;
    }
    let last = seen.lock().unwrap()[placed + number].clone();
    Some((harness, last))
}

fn scan(harness: &Harness, table: &str) -> Vec<Item> {
    harness.local.store().scan(table, None, None).unwrap().items
}

/// Repairs the shop, replays the whole archive, and returns the damage that was found.
async fn mend(harness: &Harness) -> Damage {
    let store = &*harness.kernel.store;
    let records = scan(harness, IDEMPOTENCY_TABLE.name);
    let damage = Damage::of(store, &records, &scan(harness, INVENTORY)).await.unwrap();
    damage.undo(store).await.unwrap();
    let wrong = recount(&scan(harness, INVENTORY)).unwrap();
    correct(store, &wrong, &wrong).await.unwrap();
    assert_eq!(recount(&scan(harness, INVENTORY)).unwrap(), [], "every count is explained");
    let (from, to) = (Timestamp::MIN, Timestamp::MAX);
    let replay = Replay { name: "restored".to_owned(), from, to, rule: None, dry_run: false };
    harness.local.replay(&replay).await.unwrap();
    damage
}

/// Restores one item of the transaction to the item's state before the transaction.
async fn tear(harness: &Harness, (key, item): &(Key, Option<Item>)) {
    let (key, condition) = (key.clone(), None);
    let write = match item.clone() {
        Some(item) => Write::Put { key, item, condition },
        None => Write::Delete { key },
    };
    harness.kernel.store.write(&[write]).await.unwrap();
}

#[tokio::test]
async fn an_order_torn_at_any_of_its_transactions_is_found_and_ends_once_after_a_replay() {
    let (mut ended, mut by_hand) = (Vec::new(), Vec::new());
    for number in 0.. {
        let Some((_, before)) = at_transaction(number).await else { break };
        for (at, (key, _)) in before.items.iter().enumerate() {
            // The counts of Analytics cannot be computed again (see docs/OPERATIONS.md), so this
            // test leaves them as they are.
            if key.table == "analytics" {
                continue;
            }
            let (harness, before) = at_transaction(number).await.unwrap();
            tear(&harness, &before.items[at]).await;
            let damage = mend(&harness).await;
            let torn = format!("{} without {} of {}", before.action, key.pk, key.table);
            assert!(!damage.is_none(), "{torn} is not found");
            if damage.torn.iter().any(|torn| torn.next != Next::Replayed) {
                by_hand.push(torn);
                continue;
            }
            let ends = harness.step_to(1);
            tokio::time::timeout(Duration::from_secs(20), ends).await.expect(&torn);
            let accounts = Accounts::of(&harness.local, &harness.partners).await.unwrap();
            assert_eq!(accounts.problems, Vec::<String>::new(), "{torn}");
            assert_eq!(accounts.count(Status::Delivered), 1, "{torn}");
            ended.push(torn);
        }
    }
    assert!(ended.len() >= 8, "{ended:#?}");
    assert!(by_hand.iter().any(|torn| torn.starts_with("RelayLogistics")), "{by_hand:#?}");
}

#[tokio::test]
async fn a_record_that_names_an_item_of_another_service_is_reported_and_changes_nothing() {
    let (harness, _) = at_transaction(5).await.unwrap();
    let records = scan(&harness, IDEMPOTENCY_TABLE.name);
    let by = |action: &str| records.iter().find(|it| text(it, "sk") == Some(action)).unwrap();
    let mut forged = by("EstimateDelivery").clone();
    let item = "inventory\titem#item-0\t1\ninventory\torder#nobody\t1";
    forged.insert("wrote".to_owned(), AttributeValue::S(item.to_owned()));
    let store = &*harness.kernel.store;
    let damage = Damage::of(store, &[forged], &scan(&harness, INVENTORY)).await.unwrap();
    assert!(damage.torn.is_empty() && damage.unreadable.len() == 1, "{damage:?}");
}

#[tokio::test]
async fn a_shop_that_is_whole_is_left_as_it_is() {
    let (harness, _) = at_transaction(5).await.unwrap();
    let damage = mend(&harness).await;
    assert!(damage.is_none(), "{damage:?}");
    assert!(damage.records > 5);
    let none: Vec<TornRecord> = Vec::new();
    assert_eq!(damage.torn, none);
    harness.step_to(1).await;
    let accounts = Accounts::of(&harness.local, &harness.partners).await.unwrap();
    assert_eq!(accounts.problems, Vec::<String>::new());
}
