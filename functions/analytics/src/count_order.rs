//! Counts the orders that are placed, canceled and delivered, and sums up their totals.

use chorus_events::table::rows::{self, CountOrderInput, CountOrderOutput};
use chorus_events::{Money, OrderId};
use chorus_kernel::{Action, ActionError, Context, Decision, tally};

use crate::Count;

pub(crate) struct CountOrder;

impl Action for CountOrder {
    type Row = rows::CountOrder;
    type State = ();

    fn keys(&self, _: &CountOrderInput) {}

    fn decide(
        &self,
        input: &CountOrderInput,
        (): &(),
        _: &Context<'_>,
    ) -> Result<Decision<CountOrderOutput>, ActionError> {
        let (order_id, total) = subject(input);
        let (orders, worths) = match input {
            CountOrderInput::OrderCreated(_) => (Count::PLACED, Count::PLACED_WORTH),
            CountOrderInput::OrderCanceled(_) => (Count::CANCELED, Count::CANCELED_WORTH),
            CountOrderInput::OrderDelivered(_) => (Count::DELIVERED, Count::DELIVERED_WORTH),
        };
        let counted = tally(&Count::part_of(order_id), &[(orders, 1), (worths, total.minor())]);
        Ok(Decision::nothing("the order is counted").with(counted))
    }
}

fn subject(input: &CountOrderInput) -> (&OrderId, Money) {
    match input {
        CountOrderInput::OrderCreated(order) => (&order.order_id, order.total),
        CountOrderInput::OrderCanceled(order) => (&order.order_id, order.total),
        CountOrderInput::OrderDelivered(order) => (&order.order_id, order.total),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::order::{OrderCanceled, OrderCreated, OrderDelivered};
    use chorus_events::samples;
    use chorus_kernel::testing::{Stored, decide, expect_ready};
    use chorus_kernel::{Found, MemoryStore, Store, Write, load};
    use chorus_table::Event;

    fn change(input: impl Into<CountOrderInput>) -> Write {
        let decision = decide(&CountOrder, input, &Stored::default()).unwrap();
        let [change] = decision.changes() else { panic!("{decision:?}") };
        change.clone()
    }

    #[test]
    fn every_order_and_its_ending_is_counted_with_its_worth_in_whatever_order_they_come() {
        let part = Count::part_of(&samples::order_id());
        let added = |orders, worth| tally(&part, &[(orders, 1), (worth, 23_751)]);
        let placed = change(OrderCreated::sample());
        assert_eq!(placed, added(Count::PLACED, Count::PLACED_WORTH));
        let canceled = change(OrderCanceled::sample());
        assert_eq!(canceled, added(Count::CANCELED, Count::CANCELED_WORTH));
        let delivered = change(OrderDelivered::sample());
        assert_eq!(delivered, added(Count::DELIVERED, Count::DELIVERED_WORTH));
    }

    #[test]
    fn a_part_that_was_made_by_counting_reads_as_one_that_counted_nothing_else() {
        let store = MemoryStore::new(&[crate::TABLE]);
        expect_ready(store.write(&[change(OrderCanceled::sample())])).unwrap();
        let part = Count::part_of(&samples::order_id());
        let count = expect_ready(load::<Found<Count>>(&store, part)).unwrap().unwrap().value;
        assert_eq!(count, Count { canceled: 1, canceled_worth: 23_751, ..Count::default() });
    }

    #[test]
    fn every_counter_is_a_field_of_the_count() {
        let fields = serde_json::to_value(Count::default()).unwrap();
        let all = [
            Count::PLACED,
            Count::PLACED_WORTH,
            Count::CANCELED,
            Count::CANCELED_WORTH,
            Count::DELIVERED,
            Count::DELIVERED_WORTH,
        ];
        for counter in all {
            assert!(fields[counter.attribute()].is_i64(), "{counter:?}");
        }
    }
}
