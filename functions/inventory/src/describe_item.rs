//! Looks up what the reserved items are called.

use chorus_events::inventory::{DescribedLine, ErrorItemDescribed, ItemDescribed};
use chorus_events::table::rows::{self, DescribeItemInput, DescribeItemOutput};
use chorus_kernel::{Action, Decision, Given, Loaded, Read, Refusal};

use crate::Item;
use crate::reservation::pieces;

/// The row, in code.
#[derive(Debug)]
pub(crate) struct DescribeItem;

impl Action for DescribeItem {
    type Row = rows::DescribeItem;

    fn reads(&self, DescribeItemInput::ItemReserved(order): &DescribeItemInput) -> Vec<Read> {
        pieces(&order.lines).into_keys().map(Read::entity::<Item>).collect()
    }

    fn decide(
        &self,
        given: &Given<'_, DescribeItemInput>,
        loaded: &Loaded,
    ) -> Result<Decision<DescribeItemOutput>, Refusal> {
        let DescribeItemInput::ItemReserved(order) = given.input;
        let mut lines = Vec::with_capacity(order.lines.len());
        for line in &order.lines {
            let reason = match loaded.entity::<Item>(&line.sku)? {
                Some(item) if !item.discontinued => {
                    let name = item.value.name;
                    let (sku, quantity) = (line.sku.clone(), line.quantity);
                    lines.push(DescribedLine { sku, name, quantity });
                    continue;
                }
                Some(_) => format!("{} is discontinued", line.sku),
                None => format!("no item is called {}", line.sku),
            };
            let order_id = order.order_id.clone();
            return Ok(Decision::emit(ErrorItemDescribed { order_id, reason }));
        }
        Ok(Decision::emit(ItemDescribed {
            order_id: order.order_id.clone(),
            customer_id: order.customer_id.clone(),
            lines,
            total: order.total,
            shipping_address: order.shipping_address.clone(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::sample;
    use chorus_events::inventory::ItemReserved;
    use chorus_kernel::testing::decide;
    use chorus_table::Event;

    #[test]
    fn every_line_gets_its_items_name() {
        let loaded = Loaded::default().with(1, &sample(0));
        let decision = decide(&DescribeItem, ItemReserved::sample(), &loaded).unwrap();
        let [DescribeItemOutput::ItemDescribed(described)] = decision.events() else {
            panic!("{decision:?}")
        };
        assert_eq!(described.lines[0].name, "Chai");
    }

    #[test]
    fn a_discontinued_item_fails_the_order() {
        let loaded = Loaded::default().with(1, &Item { discontinued: true, ..sample(0) });
        let decision = decide(&DescribeItem, ItemReserved::sample(), &loaded).unwrap();
        assert!(matches!(decision.events(), [DescribeItemOutput::ErrorItemDescribed(_)]));
    }
}
