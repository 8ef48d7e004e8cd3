//! Measures how much of a delivered order remains stored after all items with a lifetime have
//! expired. docs/OPERATIONS.md shows the result.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod harness;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use chorus_kernel::IDEMPOTENCY_TABLE;
use chorus_local::{EXECUTIONS_TABLE, Local, VirtualClock};
use jiff::Timestamp;
use serde_dynamo::AttributeValue;

use harness::Harness;

const ORDERS: usize = 200;

/// Executions of state machines are kept longest. The carrier may call back for ten days after the
/// order, and the execution is kept for ninety days after that.
const UNTIL_ALL_HAS_EXPIRED: Duration = Duration::from_secs(101 * 86_400);

/// How many bytes may remain of an order with two lines; bytes in indexes do not count. Do not
/// raise this limit without need: every byte that remains costs money.
const MOST: usize = 13 * 1_024 + 512;

/// How many items a table has, and the sum of their sizes in bytes, as DynamoDB counts them.
type Size = (usize, usize);

fn size_of(local: &Local, table: &str) -> Size {
    let (mut items, mut bytes, mut start) = (0, 0, None);
    loop {
        let page = local.store().scan(table, None, start.as_ref()).unwrap();
        items += page.items.len();
        bytes += page.items.iter().map(|item| bytes_of_item(item)).sum::<usize>();
        start = page.next;
        if start.is_none() {
            return (items, bytes);
        }
    }
}

fn bytes_of_item(item: &HashMap<String, AttributeValue>) -> usize {
    item.iter().map(|(name, value)| name.len() + bytes_of(value)).sum()
}

/// Returns a value's size as DynamoDB counts it. Source:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>.
fn bytes_of(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => digits.len().div_ceil(2) + 1,
        AttributeValue::L(values) => {
            3 + values.iter().map(|value| 1 + bytes_of(value)).sum::<usize>()
        }
        AttributeValue::M(item) => 3 + item.len() + bytes_of_item(item),
        AttributeValue::Bool(_) | AttributeValue::Null(_) => 1,
        other => panic!("no item has a {other:?}"),
    }
}

fn sizes(harness: &Harness) -> BTreeMap<&'static str, Size> {
    harness.tables.iter().map(|table| (table.name, size_of(&harness.local, table.name))).collect()
}

#[tokio::test]
async fn four_hundred_expired_orders_leave_no_record_no_execution_and_little_else()
-> anyhow::Result<()> {
    let clock = VirtualClock::at(Timestamp::now());
    let harness = Harness::in_virtual_time(&clock, &["alfki"], 1_000_000).await?;
    harness.move_parcels(true);
    harness.place(0..ORDERS, |_| "alfki").await?;
    harness.run_until_delivered(ORDERS).await?;
    let half = sizes(&harness);
    harness.place(ORDERS..2 * ORDERS, |_| "alfki").await?;
    harness.run_until_delivered(2 * ORDERS).await?;
    let before = sizes(&harness);

    clock.advance(UNTIL_ALL_HAS_EXPIRED);
    harness.local.store().sweep_expired()?;
    let after = sizes(&harness);
    let expires = [IDEMPOTENCY_TABLE.name, EXECUTIONS_TABLE.name];
    for table in expires {
        assert!(before[table].0 > ORDERS, "{table} had {} items", before[table].0);
        assert_eq!(after[table], (0, 0), "{table}");
    }
    let mut stays = 0;
    println!("{:<16}{:>8}{:>8}", "of an order", "items", "bytes");
    for (table, (items, bytes)) in before {
        let (items, bytes) = (items - half[table].0, bytes.saturating_sub(half[table].1) / ORDERS);
        let until = if expires.contains(&table) { "expires" } else { "stays" };
        println!("{table:<16}{:>8.1}{bytes:>8} {until}", items as f64 / ORDERS as f64);
        stays += if expires.contains(&table) { 0 } else { bytes };
    }
    println!("{stays} bytes of an order stay");
    assert!(stays <= MOST, "{stays} bytes of an order stay");
    Ok(())
}
