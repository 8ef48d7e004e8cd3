//! Queries: their order, bounds and pages, and queries of sparse indexes.

use crate::{Query, text};

use super::{BY_GROUP, BY_MARK, Harness, TABLES, n, s, sort_keys};

pub(super) async fn check(harness: &Harness<'_>) {
    a_partition_comes_in_the_order_of_its_sort_keys(harness).await;
    bounds_are_inclusive(harness).await;
    pages_go_on_where_the_last_one_ended(harness).await;
    an_index_holds_only_items_that_have_its_keys(harness).await;
    an_index_is_paged_too(harness).await;
    an_index_of_keys_carries_nothing_else(harness).await;
}

fn partition(harness: &Harness<'_>, name: &str) -> Query {
    Query::partition(TABLES[0].name, harness.key(name, "").pk)
}

async fn letters(harness: &Harness<'_>, name: &str) {
    for letter in ["d", "a", "c", "b", "e"] {
        harness.put(&harness.key(name, letter), &[("count", n(1))]).await;
    }
}

async fn a_partition_comes_in_the_order_of_its_sort_keys(harness: &Harness<'_>) {
    letters(harness, "order").await;
    harness.put(&harness.key("order-of-another", "a"), &[]).await;
    let mut query = partition(harness, "order");
    assert_eq!(sort_keys(&harness.query(&query).await), ["a", "b", "c", "d", "e"]);
    query.descending = true;
    assert_eq!(sort_keys(&harness.query(&query).await), ["e", "d", "c", "b", "a"]);
    assert_eq!(harness.query(&partition(harness, "nobody")).await.items, []);
}

async fn bounds_are_inclusive(harness: &Harness<'_>) {
    letters(harness, "bounds").await;
    let mut query = partition(harness, "bounds");
    query.from = Some("b".to_owned());
    assert_eq!(sort_keys(&harness.query(&query).await), ["b", "c", "d", "e"]);
    query.to = Some("d".to_owned());
    assert_eq!(sort_keys(&harness.query(&query).await), ["b", "c", "d"]);
    query.from = None;
    assert_eq!(sort_keys(&harness.query(&query).await), ["a", "b", "c", "d"]);
}

async fn pages_go_on_where_the_last_one_ended(harness: &Harness<'_>) {
    letters(harness, "pages").await;
    for descending in [false, true] {
        let mut query = partition(harness, "pages");
        (query.limit, query.descending) = (Some(2), descending);
        let mut seen = to_the_end(harness, query).await;
        if descending {
            seen.reverse();
        }
        assert_eq!(seen, ["a", "b", "c", "d", "e"]);
    }
}

/// The sort keys of all pages; checks that no page has more items than the limit.
async fn to_the_end(harness: &Harness<'_>, mut query: Query) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let page = harness.query(&query).await;
        assert!(page.items.len() <= query.limit.map_or(usize::MAX, |limit| limit as usize));
        seen.extend(sort_keys(&page).into_iter().map(ToOwned::to_owned));
        match page.next {
            Some(next) => query.start = Some(next),
            None => return seen,
        }
    }
}

fn group(harness: &Harness<'_>, name: &str) -> Query {
    let mut query = Query::partition(TABLES[0].name, format!("{}-{name}", harness.name));
    query.index = Some(&BY_GROUP);
    query
}

async fn an_index_holds_only_items_that_have_its_keys(harness: &Harness<'_>) {
    let of_group = s(&group(harness, "sparse").pk);
    let in_it = [("group", of_group.clone()), ("rank", s("2")), ("count", n(1))];
    harness.put(&harness.key("sparse", "second"), &in_it).await;
    let in_it = [("group", of_group.clone()), ("rank", s("1"))];
    harness.put(&harness.key("sparse", "first"), &in_it).await;
    harness.put(&harness.key("sparse", "rankless"), &[("group", of_group)]).await;
    harness.put(&harness.key("sparse", "neither"), &[]).await;
    let mut query = group(harness, "sparse");
    let page = harness.query(&query).await;
    assert_eq!(sort_keys(&page), ["first", "second"]);
    assert!(page.items[1].contains_key("count"), "the index projects whole items");
    query.from = Some("2".to_owned());
    assert_eq!(sort_keys(&harness.query(&query).await), ["second"]);
}

async fn an_index_is_paged_too(harness: &Harness<'_>) {
    let of_group = s(&group(harness, "paged").pk);
    for letter in ["a", "b", "c"] {
        // All items have the same rank, the sort key of the index. So the position after which the
        // next page starts has to contain the table's key.
        let in_it = [("group", of_group.clone()), ("rank", s("same"))];
        harness.put(&harness.key("paged", letter), &in_it).await;
    }
    let mut query = group(harness, "paged");
    query.limit = Some(1);
    let mut seen = to_the_end(harness, query).await;
    seen.sort_unstable();
    assert_eq!(seen, ["a", "b", "c"]);
}

async fn an_index_of_keys_carries_nothing_else(harness: &Harness<'_>) {
    let mark = format!("{}-marked", harness.name);
    let marked = [("mark", s(&mark)), ("rank", s("1")), ("secret", s("not here"))];
    harness.put(&harness.key("keys", "only"), &marked).await;
    let mut query = Query::partition(TABLES[0].name, mark);
    query.index = Some(&BY_MARK);
    let page = harness.query(&query).await;
    assert_eq!(page.items.len(), 1);
    assert_eq!(text(&page.items[0], "sk"), Some("only"));
    assert!(!page.items[0].contains_key("secret"));
}
