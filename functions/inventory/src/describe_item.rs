//! Looks up the names of the reserved items.

use chorus_events::inventory::{DescribedLine, ErrorItemDescribed, ItemDescribed};
use chorus_events::table::rows::{self, DescribeItemInput, DescribeItemOutput};
use chorus_events::{Line, Sku};
use chorus_kernel::{Action, ActionError, Context, Decision, Each, EachKeys};

use crate::Item;

pub(crate) struct DescribeItem;

impl Action for DescribeItem {
    type Row = rows::DescribeItem;
    type State = Each<Item, Line>;

    fn keys(
        &self,
        DescribeItemInput::ItemReserved(order): &DescribeItemInput,
    ) -> EachKeys<Sku, Line> {
        EachKeys::of(&order.lines, |line| line.sku.clone())
    }

    fn decide(
        &self,
        DescribeItemInput::ItemReserved(order): &DescribeItemInput,
        items: &Self::State,
        _: &Context<'_>,
    ) -> Result<Decision<DescribeItemOutput>, ActionError> {
        let mut lines = Vec::with_capacity(order.lines.len());
        for (line, item) in items.iter() {
            let reason = match item {
                Some(item) if !item.discontinued => {
                    let name = item.name.clone();
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
            payment_method: order.payment_method.clone(),
            terms: order.terms,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::sample;
    use chorus_events::inventory::ItemReserved;
    use chorus_kernel::testing::{Stored, decide};
    use chorus_table::Event;

    #[test]
    fn every_line_gets_its_items_name() {
        let stored = Stored::default().with(1, &sample(0));
        let decision = decide(&DescribeItem, ItemReserved::sample(), &stored).unwrap();
        let [DescribeItemOutput::ItemDescribed(described)] = decision.events() else {
            panic!("{decision:?}")
        };
        assert_eq!(described.lines[0].name, "Chai");
    }

    #[test]
    fn a_discontinued_item_fails_the_order() {
        let stored = Stored::default().with(1, &Item { discontinued: true, ..sample(0) });
        let decision = decide(&DescribeItem, ItemReserved::sample(), &stored).unwrap();
        assert!(matches!(decision.events(), [DescribeItemOutput::ErrorItemDescribed(_)]));
    }
}
