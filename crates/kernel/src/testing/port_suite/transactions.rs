//! Transactions: all writes happen or none, and a refusal has a reason for each.

use crate::{Condition, Key, Reason, StoreError, Update, Write, number};

use super::{Harness, TABLES, item, n, old_count};

pub(super) async fn check(world: &Harness<'_>) {
    all_writes_happen_together(world).await;
    one_refused_write_refuses_all_and_each_has_its_reason(world).await;
    a_check_guards_without_writing(world).await;
    nothing_to_write_is_no_error(world).await;
    what_is_malformed_is_rejected_for_good(world).await;
}

fn create(key: &Key, count: i64) -> Write {
    let condition = Some(Condition::Absent);
    Write::Put { key: key.clone(), item: item(key, &[("count", n(count))]), condition }
}

fn add(key: &Key, amount: i64) -> Write {
    let updates = vec![Update::Add { attribute: "count", amount }];
    Write::Update { key: key.clone(), updates, condition: Some(Condition::Present) }
}

async fn all_writes_happen_together(world: &Harness<'_>) {
    let (one, two, gone) = (world.key("all", "1"), world.key("all", "2"), world.key("all", "gone"));
    let elsewhere = Key { table: TABLES[1].name, ..world.key("all", "elsewhere") };
    world.put(&two, &[("count", n(1))]).await;
    world.put(&gone, &[]).await;
    let delete = Write::Delete { key: gone.clone() };
    let writes = [create(&one, 7), add(&two, 2), delete, create(&elsewhere, 9)];
    world.write(&writes).await.expect("nothing stands against it");
    for (key, count) in [(&one, Some(7)), (&two, Some(3)), (&gone, None), (&elsewhere, Some(9))] {
        assert_eq!(world.get(key).await.and_then(|item| number(&item, "count")), count, "{key:?}");
    }
}

async fn one_refused_write_refuses_all_and_each_has_its_reason(world: &Harness<'_>) {
    let (fresh, taken, missing) =
        (world.key("none", "fresh"), world.key("none", "taken"), world.key("none", "missing"));
    world.put(&taken, &[("count", n(4))]).await;
    let reasons = world.refused(&[create(&fresh, 1), create(&taken, 2), add(&missing, 3)]).await;
    assert_eq!(reasons[0], Reason::Passed);
    assert_eq!(old_count(&reasons[1]), Some(4), "the item in the way is handed back");
    assert_eq!(reasons[2], Reason::Condition(None));
    assert_eq!(world.get(&fresh).await, None, "what would have passed did not happen");
}

async fn a_check_guards_without_writing(world: &Harness<'_>) {
    let (guard, fresh) = (world.key("check", "guard"), world.key("check", "fresh"));
    world.put(&guard, &[("count", n(1))]).await;
    let is = |count| Write::Check {
        key: guard.clone(),
        condition: Condition::Equals { attribute: "count", value: count },
    };
    let reasons = world.refused(&[is(2), create(&fresh, 1)]).await;
    assert_eq!((old_count(&reasons[0]), &reasons[1]), (Some(1), &Reason::Passed));
    world.write(&[is(1), create(&fresh, 1)]).await.expect("the check holds");
    assert_eq!(old_count(&world.refused(&[is(2)]).await[0]), Some(1), "alone, too");
}

async fn nothing_to_write_is_no_error(world: &Harness<'_>) {
    world.write(&[]).await.expect("there is nothing that could fail");
}

async fn what_is_malformed_is_rejected_for_good(world: &Harness<'_>) {
    let key = world.key("malformed", "twice");
    let rejected = world.write(&[create(&key, 1), create(&key, 2)]).await;
    assert!(matches!(rejected, Err(StoreError::Invalid(_))), "two writes of one: {rejected:?}");
    assert_eq!(world.get(&key).await, None);
}
