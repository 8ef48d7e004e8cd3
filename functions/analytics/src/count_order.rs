//! Counts orders and what they are worth, by how they ended.

use chorus_events::table::rows::{self, CountOrderInput, CountOrderOutput};
use chorus_events::{Money, OrderId};
use chorus_kernel::{Action, Adjust, Decision, Given, Loaded, Read, Refusal, create};

use crate::Count;

/// The row, in code.
#[derive(Debug)]
pub(crate) struct CountOrder;

impl Action for CountOrder {
    type Row = rows::CountOrder;

    fn reads(&self, input: &CountOrderInput) -> Vec<Read> {
        vec![Read::entity::<Count>(Count::part_of(subject(input).0))]
    }

    fn decide(
        &self,
        given: &Given<'_, CountOrderInput>,
        loaded: &Loaded,
    ) -> Result<Decision<CountOrderOutput>, Refusal> {
        let (order_id, total) = subject(given.input);
        let (part, worth) = (Count::part_of(order_id), total.minor());
        let counted = Decision::nothing("counted");
        if loaded.entity::<Count>(&part)?.is_none() {
            return Ok(counted.with(create(&first(part, given.input, worth))));
        }
        let (orders, worths) = match given.input {
            CountOrderInput::OrderCreated(_) => ("placed", "placed-worth"),
            CountOrderInput::OrderCanceled(_) => ("canceled", "canceled-worth"),
            CountOrderInput::OrderDelivered(_) => ("delivered", "delivered-worth"),
        };
        Ok(counted.with(Adjust::of::<Count>(&part).add(orders, 1).add(worths, worth).write()))
    }
}

fn subject(input: &CountOrderInput) -> (&OrderId, Money) {
    match input {
        CountOrderInput::OrderCreated(order) => (&order.order_id, order.total),
        CountOrderInput::OrderCanceled(order) => (&order.order_id, order.total),
        CountOrderInput::OrderDelivered(order) => (&order.order_id, order.total),
    }
}

/// A part that has counted one order.
fn first(part: String, input: &CountOrderInput, worth: i64) -> Count {
    let none = Count { part, ..Count::default() };
    match input {
        CountOrderInput::OrderCreated(_) => Count { placed: 1, placed_worth: worth, ..none },
        CountOrderInput::OrderCanceled(_) => Count { canceled: 1, canceled_worth: worth, ..none },
        CountOrderInput::OrderDelivered(_) => {
            Count { delivered: 1, delivered_worth: worth, ..none }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::order::{OrderCanceled, OrderCreated, OrderDelivered};
    use chorus_events::samples;
    use chorus_kernel::testing::decide;
    use chorus_kernel::{Write, number};
    use chorus_table::Event;

    fn change(input: impl Into<CountOrderInput>, loaded: &Loaded) -> Write {
        let decision = decide(&CountOrder, input, loaded).unwrap();
        let [change] = decision.changes() else { panic!("{decision:?}") };
        change.clone()
    }

    fn with_a_count() -> Loaded {
        let part = Count::part_of(&samples::order_id());
        Loaded::default().with(1, &Count { part, ..Count::default() })
    }

    /// The attributes that an update adds to.
    fn added(change: &Write) -> Vec<&str> {
        let Write::Update { update, .. } = change else { panic!("{change:?}") };
        update.names.values().map(String::as_str).collect()
    }

    #[test]
    fn the_first_order_of_a_part_begins_its_count() {
        let Write::Put { item, condition, .. } = change(OrderCreated::sample(), &Loaded::default())
        else {
            panic!("a new count is put")
        };
        assert_eq!(
            (number(&item, "placed"), number(&item, "placed-worth")),
            (Some(1), Some(23_751))
        );
        assert!(condition.is_some(), "two first orders must not overwrite each other");
    }

    #[test]
    fn every_ending_is_counted_with_its_worth() {
        let loaded = with_a_count();
        let placed = change(OrderCreated::sample(), &loaded);
        assert_eq!(added(&placed), ["placed", "placed-worth"]);
        let canceled = change(OrderCanceled::sample(), &loaded);
        assert_eq!(added(&canceled), ["canceled", "canceled-worth"]);
        let delivered = change(OrderDelivered::sample(), &loaded);
        assert_eq!(added(&delivered), ["delivered", "delivered-worth"]);
    }

    #[test]
    fn an_ending_that_overtakes_its_order_is_counted_too() {
        let Write::Put { item, .. } = change(OrderCanceled::sample(), &Loaded::default()) else {
            panic!("a new count is put")
        };
        assert_eq!((number(&item, "placed"), number(&item, "canceled")), (Some(0), Some(1)));
    }
}
