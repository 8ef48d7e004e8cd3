//! Single writes: a put item is found, conditions are checked, and a refusal returns the old item.

use crate::{Condition, Reason, Update, Write, number};
use serde_dynamo::AttributeValue;

use super::{Harness, item, n, old_count, s};

pub(super) async fn check(harness: &Harness<'_>) {
    every_kind_of_value_comes_back_as_it_was(harness).await;
    what_was_never_put_is_not_there(harness).await;
    a_second_put_is_refused_with_the_first_item(harness).await;
    a_refused_condition_on_nothing_hands_nothing_back(harness).await;
    adding_stays_within_its_bound(harness).await;
    an_update_makes_the_item_where_nothing_forbids_it(harness).await;
    an_attribute_is_removed_and_removing_it_again_is_no_error(harness).await;
    every_condition_holds_where_it_says_so_and_nowhere_else(harness).await;
    a_deleted_item_is_gone_and_deleting_it_again_is_no_error(harness).await;
}

async fn every_kind_of_value_comes_back_as_it_was(harness: &Harness<'_>) {
    let key = harness.key("values", "all");
    let list = AttributeValue::L(vec![s("a"), n(-2), AttributeValue::Null(true)]);
    let map = [("text".to_owned(), s("é")), ("empty".to_owned(), s(""))];
    let attributes = [
        ("text", s("a \"quoted\" text")),
        ("number", AttributeValue::N("237.51".to_owned())),
        ("bytes", AttributeValue::B(vec![0, 255])),
        ("yes", AttributeValue::Bool(true)),
        ("texts", AttributeValue::Ss(vec!["a".to_owned(), "b".to_owned()])),
        ("list", list),
        ("map", AttributeValue::M(map.into_iter().collect())),
    ];
    harness.put(&key, &attributes).await;
    assert_eq!(harness.get(&key).await, Some(item(&key, &attributes)));
}

async fn what_was_never_put_is_not_there(harness: &Harness<'_>) {
    assert_eq!(harness.get(&harness.key("nothing", "here")).await, None);
}

async fn a_second_put_is_refused_with_the_first_item(harness: &Harness<'_>) {
    let key = harness.key("once", "only");
    let put = |count| Write::Put {
        key: key.clone(),
        item: item(&key, &[("count", n(count))]),
        condition: Some(Condition::Absent),
    };
    harness.write(&[put(1)]).await.expect("the first put succeeds");
    let reasons = harness.refused(&[put(2)]).await;
    assert_eq!(reasons.len(), 1);
    assert_eq!(old_count(&reasons[0]), Some(1));
}

async fn a_refused_condition_on_nothing_hands_nothing_back(harness: &Harness<'_>) {
    let key = harness.key("condition", "on-nothing");
    let updates = vec![Update::Add { attribute: "count", amount: 1 }];
    let condition = Some(Condition::Present);
    let reasons = harness.refused(&[Write::Update { key: key.clone(), updates, condition }]).await;
    assert_eq!(reasons, [Reason::Condition(None)]);
    assert_eq!(harness.get(&key).await, None, "a refused update creates no item");
}

async fn adding_stays_within_its_bound(harness: &Harness<'_>) {
    let key = harness.key("bound", "stock");
    harness.put(&key, &[("count", n(5))]).await;
    let take = |amount: i64| Write::Update {
        key: key.clone(),
        updates: vec![Update::Add { attribute: "count", amount: -amount }],
        condition: Some(Condition::All(vec![
            Condition::Present,
            Condition::AtLeast { attribute: "count", value: amount },
        ])),
    };
    harness.write(&[take(3)]).await.expect("the count is five");
    let reasons = harness.refused(&[take(3)]).await;
    assert_eq!(old_count(&reasons[0]), Some(2), "the refusal returns the stored count");
    harness.write(&[take(2)]).await.expect("the count is two");
    let left = harness.get(&key).await.and_then(|item| number(&item, "count"));
    assert_eq!(left, Some(0));
}

async fn an_update_makes_the_item_where_nothing_forbids_it(harness: &Harness<'_>) {
    let key = harness.key("update", "makes");
    let updates = vec![Update::Add { attribute: "count", amount: 1 }];
    for _ in 0..2 {
        let write = Write::Update { key: key.clone(), updates: updates.clone(), condition: None };
        harness.write(&[write]).await.expect("an unconditional update succeeds");
    }
    assert_eq!(harness.get(&key).await, Some(item(&key, &[("count", n(2))])));
}

async fn an_attribute_is_removed_and_removing_it_again_is_no_error(harness: &Harness<'_>) {
    let key = harness.key("update", "removes");
    harness.put(&key, &[("mark", s("yes")), ("version", n(1))]).await;
    let updates =
        vec![Update::Remove { attribute: "mark" }, Update::Add { attribute: "version", amount: 1 }];
    for version in [2, 3] {
        let condition = Some(Condition::Present);
        let write = Write::Update { key: key.clone(), updates: updates.clone(), condition };
        harness.write(&[write]).await.expect("the item exists");
        assert_eq!(harness.get(&key).await, Some(item(&key, &[("version", n(version))])));
    }
}

async fn every_condition_holds_where_it_says_so_and_nowhere_else(harness: &Harness<'_>) {
    let attribute = "count";
    let conditions = [
        Condition::Absent,
        Condition::Present,
        Condition::Equals { attribute, value: 5 },
        Condition::AtLeast { attribute, value: 5 },
        Condition::AbsentOrBelow { attribute, value: 5 },
        Condition::All(vec![
            Condition::AtLeast { attribute, value: 4 },
            Condition::AbsentOrBelow { attribute, value: 5 },
        ]),
    ];
    // Whether each condition holds. The columns are: no item; an item without the attribute; items
    // whose attribute is 4, 5 and 6.
    let expected = [
        [true, false, false, false, false],
        [false, true, true, true, true],
        [false, false, false, true, false],
        [false, false, false, true, true],
        [true, false, true, false, false],
        [false, false, true, false, false],
    ];
    let places: [&[(&str, AttributeValue)]; 4] =
        [&[], &[("count", n(4))], &[("count", n(5))], &[("count", n(6))]];
    for (place, attributes) in places.into_iter().enumerate() {
        harness.put(&harness.key("holds", &place.to_string()), attributes).await;
    }
    let keys = [harness.key("holds", "nothing")].into_iter();
    let keys: Vec<_> = keys.chain((0..4).map(|it| harness.key("holds", &it.to_string()))).collect();
    for (condition, expected) in conditions.iter().zip(expected) {
        for (key, holds) in keys.iter().zip(expected) {
            let check = Write::Check { key: key.clone(), condition: condition.clone() };
            assert_eq!(harness.write(&[check]).await.is_ok(), holds, "{condition:?} of {key:?}");
        }
    }
}

async fn a_deleted_item_is_gone_and_deleting_it_again_is_no_error(harness: &Harness<'_>) {
    let key = harness.key("delete", "twice");
    harness.put(&key, &[]).await;
    for _ in 0..2 {
        harness.write(&[Write::Delete { key: key.clone() }]).await.expect("a delete succeeds");
        assert_eq!(harness.get(&key).await, None);
    }
}
