//! Transactions: all writes happen, or none happens; a refusal contains one result for each write.

use crate::{Condition, Key, Reason, StoreError, Update, Write, number};

use super::{Harness, TABLES, item, n, old_count};

pub(super) async fn check(harness: &Harness<'_>) {
    all_writes_happen_together(harness).await;
    one_refused_write_refuses_all_and_each_has_its_reason(harness).await;
    a_check_guards_without_writing(harness).await;
    nothing_to_write_is_no_error(harness).await;
    what_is_malformed_is_rejected_for_good(harness).await;
}

fn create(key: &Key, count: i64) -> Write {
    let condition = Some(Condition::Absent);
    Write::Put { key: key.clone(), item: item(key, &[("count", n(count))]), condition }
}

fn add(key: &Key, amount: i64) -> Write {
    let updates = vec![Update::Add { attribute: "count", amount }];
    Write::Update { key: key.clone(), updates, condition: Some(Condition::Present) }
}

async fn all_writes_happen_together(harness: &Harness<'_>) {
    let (one, two, gone) =
        (harness.key("all", "1"), harness.key("all", "2"), harness.key("all", "gone"));
    let elsewhere = Key { table: TABLES[1].name, ..harness.key("all", "elsewhere") };
    harness.put(&two, &[("count", n(1))]).await;
    harness.put(&gone, &[]).await;
    let delete = Write::Delete { key: gone.clone() };
    let writes = [create(&one, 7), add(&two, 2), delete, create(&elsewhere, 9)];
    harness.write(&writes).await.expect("every condition holds");
    for (key, count) in [(&one, Some(7)), (&two, Some(3)), (&gone, None), (&elsewhere, Some(9))] {
        assert_eq!(
            harness.get(key).await.and_then(|item| number(&item, "count")),
            count,
            "{key:?}"
        );
    }
}

async fn one_refused_write_refuses_all_and_each_has_its_reason(harness: &Harness<'_>) {
    let (fresh, taken, missing) = (
        harness.key("none", "fresh"),
        harness.key("none", "taken"),
        harness.key("none", "missing"),
    );
    harness.put(&taken, &[("count", n(4))]).await;
    let reasons = harness.refused(&[create(&fresh, 1), create(&taken, 2), add(&missing, 3)]).await;
    assert_eq!(reasons[0], Reason::Passed);
    assert_eq!(old_count(&reasons[1]), Some(4), "the refusal returns the stored item");
    assert_eq!(reasons[2], Reason::Condition(None));
    assert_eq!(harness.get(&fresh).await, None, "a refused transaction writes nothing");
}

async fn a_check_guards_without_writing(harness: &Harness<'_>) {
    let (guard, fresh) = (harness.key("check", "guard"), harness.key("check", "fresh"));
    harness.put(&guard, &[("count", n(1))]).await;
    let is = |count| Write::Check {
        key: guard.clone(),
        condition: Condition::Equals { attribute: "count", value: count },
    };
    let reasons = harness.refused(&[is(2), create(&fresh, 1)]).await;
    assert_eq!((old_count(&reasons[0]), &reasons[1]), (Some(1), &Reason::Passed));
    harness.write(&[is(1), create(&fresh, 1)]).await.expect("the check holds");
    assert_eq!(
        old_count(&harness.refused(&[is(2)]).await[0]),
        Some(1),
        "a check without other writes is refused, too"
    );
}

async fn nothing_to_write_is_no_error(harness: &Harness<'_>) {
    harness.write(&[]).await.expect("a transaction without writes succeeds");
}

async fn what_is_malformed_is_rejected_for_good(harness: &Harness<'_>) {
    let key = harness.key("malformed", "twice");
    let rejected = harness.write(&[create(&key, 1), create(&key, 2)]).await;
    assert!(
        matches!(rejected, Err(StoreError::Invalid(_))),
        "two writes of one item: {rejected:?}"
    );
    assert_eq!(harness.get(&key).await, None);
}
